package clustertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/transport"
)

// event is one call of a node's handler.
type event struct {
	from, session transport.ID
	msg           []byte
	closing       bool
	code          transport.CloseCode
	reason        string
}

// node is a member and what its handler saw.
type node struct {
	transport.Membership
	id transport.ID

	mu     sync.Mutex
	events []event
	inside bool
	twice  bool          // two handler calls ran at once
	news   chan struct{} // room for one

	onDeliver func(e event) // set before joining
}

func join(ctx context.Context, c transport.Cluster) (*node, error) {
	return joinWith(ctx, c, transport.NewID(), nil)
}

func joinWith(ctx context.Context, c transport.Cluster, id transport.ID, onDeliver func(event)) (*node, error) {
	n := &node{id: id, news: make(chan struct{}, 1), onDeliver: onDeliver}
	m, err := c.Join(ctx, id, n)
	if err != nil {
		return nil, fmt.Errorf("joining: %w", err)
	}
	n.Membership = m
	return n, nil
}

// joinAll joins n nodes; leaveAll ends them, so that implementations with goroutines do not leak.
func joinAll(ctx context.Context, c transport.Cluster, n int) ([]*node, func(), error) {
	var nodes []*node
	leaveAll := func() {
		for _, n := range nodes {
			n.Leave(ctx)
		}
	}
	for range n {
		m, err := join(ctx, c)
		if err != nil {
			leaveAll()
			return nil, nil, err
		}
		nodes = append(nodes, m)
	}
	return nodes, leaveAll, nil
}

func (n *node) record(e event) {
	n.mu.Lock()
	n.twice = n.twice || n.inside
	n.inside = true
	n.mu.Unlock()
	if n.onDeliver != nil {
		n.onDeliver(e)
	}
	n.mu.Lock()
	n.inside = false
	n.events = append(n.events, e)
	n.mu.Unlock()
	select {
	case n.news <- struct{}{}:
	default:
	}
}

// Deliver implements transport.ClusterHandler.
func (n *node) Deliver(from, session transport.ID, msg []byte) {
	n.record(event{from: from, session: session, msg: msg})
}

// Close implements transport.ClusterHandler.
func (n *node) Close(from, session transport.ID, code transport.CloseCode, reason string) {
	n.record(event{from: from, session: session, closing: true, code: code, reason: reason})
}

func (n *node) seen() []event {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]event(nil), n.events...)
}

// wait waits until the handler was called count times.
func (n *node) wait(count int) ([]event, error) {
	end := time.NewTimer(patience)
	defer end.Stop()
	for {
		if events := n.seen(); len(events) >= count {
			return events, nil
		}
		select {
		case <-n.news:
		case <-end.C:
			return nil, fmt.Errorf("%d messages arrived, want %d", len(n.seen()), count)
		}
	}
}

func (n *node) open(ctx context.Context, user string) (transport.SessionRecord, error) {
	r := transport.SessionRecord{
		Session: transport.NewID(), Client: transport.NewID(), Node: n.id, User: user,
		Since: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
	}
	if err := n.Register(ctx, r); err != nil {
		return r, fmt.Errorf("registering: %w", err)
	}
	return r, nil
}

// list collects what Sessions yields.
func (n *node) list(ctx context.Context, f transport.SessionFilter) (map[transport.ID]transport.SessionRecord, error) {
	found := map[transport.ID]transport.SessionRecord{}
	for r, err := range n.Sessions(ctx, f) {
		if err != nil {
			return nil, fmt.Errorf("listing sessions: %w", err)
		}
		if _, twice := found[r.Session]; twice {
			return nil, fmt.Errorf("a listing yielded session %v twice", r.Session)
		}
		found[r.Session] = r
	}
	return found, nil
}

// wants checks that each node sees exactly the given records.
func wants(ctx context.Context, nodes []*node, f transport.SessionFilter, records ...transport.SessionRecord) error {
	for i, n := range nodes {
		found, err := n.list(ctx, f)
		if err != nil {
			return err
		}
		if len(found) != len(records) {
			return fmt.Errorf("node %d sees %d sessions, want %d", i, len(found), len(records))
		}
		for _, want := range records {
			got, ok := found[want.Session]
			if !ok {
				return fmt.Errorf("node %d does not see session %v", i, want.Session)
			}
			if got.Client != want.Client || got.Node != want.Node || got.User != want.User || got.Since.UnixMilli() != want.Since.UnixMilli() {
				return fmt.Errorf("node %d sees %+v, want %+v", i, got, want)
			}
		}
	}
	return nil
}

// sendAll sends, and tries again while the receiver is behind.
func sendAll(ctx context.Context, try func() error) error {
	for {
		err := try()
		if !errors.Is(err, transport.ErrFull) {
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func expect(what string, err, want error) error {
	if !errors.Is(err, want) {
		return fmt.Errorf("%s: error %v, want %v", what, err, want)
	}
	return nil
}

func sameEvent(got, want event) error {
	if got.from != want.from || got.session != want.session || !bytes.Equal(got.msg, want.msg) ||
		got.closing != want.closing || got.code != want.code || got.reason != want.reason {
		return fmt.Errorf("the handler got %+v, want %+v", got, want)
	}
	return nil
}
