package clustertest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

func send(ctx context.Context, c transport.Cluster) error {
	nodes, leave, err := joinAll(ctx, c, 3)
	if err != nil {
		return err
	}
	defer leave()
	r, err := nodes[1].open(ctx, "")
	if err != nil {
		return err
	}
	msg := []byte("hello")
	large := make([]byte, 512<<10)
	large[len(large)-1] = 1
	err = errors.Join(
		nodes[0].SendTo(ctx, r.Session, msg),
		func() error { copy(msg, "again"); return nodes[0].SendTo(ctx, r.Session, msg) }(),
		func() error { copy(msg, "XXXXX"); return nodes[0].SendTo(ctx, r.Session, nil) }(),
		nodes[0].CloseSession(ctx, r.Session, transport.CloseKicked, "out"),
		nodes[0].SendTo(ctx, r.Session, large),
	)
	if err != nil {
		return err
	}
	events, err := nodes[1].wait(5)
	if err != nil {
		return err
	}
	for i, want := range []event{
		{from: nodes[0].id, session: r.Session, msg: []byte("hello")},
		{from: nodes[0].id, session: r.Session, msg: []byte("again")},
		{from: nodes[0].id, session: r.Session},
		{from: nodes[0].id, session: r.Session, closing: true, code: transport.CloseKicked, reason: "out"},
		{from: nodes[0].id, session: r.Session, msg: large},
	} {
		if err := sameEvent(events[i], want); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
	}
	// To itself.
	if err := nodes[1].SendTo(ctx, r.Session, []byte("self")); err != nil {
		return err
	}
	if events, err = nodes[1].wait(6); err != nil {
		return err
	}
	if n := len(nodes[0].seen()) + len(nodes[2].seen()); n > 0 {
		return fmt.Errorf("%d messages reached nodes that do not hold the session", n)
	}
	return sameEvent(events[5], event{from: nodes[1].id, session: r.Session, msg: []byte("self")})
}

func sendToNobody(ctx context.Context, c transport.Cluster) error {
	nodes, leave, err := joinAll(ctx, c, 2)
	if err != nil {
		return err
	}
	defer leave()
	err1 := nodes[0].SendTo(ctx, transport.NewID(), []byte("x"))
	err2 := nodes[0].CloseSession(ctx, transport.NewID(), transport.CloseKicked, "")
	return errors.Join(
		expect("SendTo", err1, transport.ErrNoSession), expect("SendTo", err1, status.NotFound),
		expect("CloseSession", err2, transport.ErrNoSession),
	)
}

// order has three nodes send to the two sessions of a fourth. What each sends must arrive once and in its order.
func order(ctx context.Context, c transport.Cluster) error {
	const senders, each = 3, 300
	nodes, leave, err := joinAll(ctx, c, senders+1)
	if err != nil {
		return err
	}
	defer leave()
	to := nodes[senders]
	a, err1 := to.open(ctx, "")
	b, err2 := to.open(ctx, "")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, senders)
	for i, n := range nodes[:senders] {
		wg.Go(func() {
			for k := range each {
				session := a.Session
				if k%3 == 0 {
					session = b.Session
				}
				errs[i] = sendAll(ctx, func() error {
					if k%5 == 0 {
						return n.CloseSession(ctx, session, transport.CloseCode(k), "")
					}
					return n.SendTo(ctx, session, binary.BigEndian.AppendUint32(nil, uint32(k)))
				})
				if errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	events, err := to.wait(senders * each)
	if err != nil {
		return err
	}
	next := map[transport.ID]int{}
	for _, e := range events {
		k := int(e.code)
		if !e.closing {
			if len(e.msg) != 4 {
				return fmt.Errorf("a message of %d bytes arrived, none was sent", len(e.msg))
			}
			k = int(binary.BigEndian.Uint32(e.msg))
		}
		if k != next[e.from] {
			return fmt.Errorf("message %d of a node arrived where %d was next", k, next[e.from])
		}
		next[e.from]++
	}
	return nil
}

func oneAtATime(ctx context.Context, c transport.Cluster) error {
	nodes, leave, err := joinAll(ctx, c, 2)
	if err != nil {
		return err
	}
	defer leave()
	slow, err := joinWith(ctx, c, transport.NewID(), func(event) {
		for range 100 {
			_ = transport.NewID() // some work, during which a second call would show
		}
	})
	if err != nil {
		return err
	}
	defer slow.Leave(ctx)
	r, err := slow.open(ctx, "")
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, len(nodes))
	for i, n := range nodes {
		wg.Go(func() {
			for range 50 {
				errs[i] = errors.Join(errs[i], sendAll(ctx, func() error { return n.SendTo(ctx, r.Session, []byte("x")) }))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if _, err := slow.wait(100); err != nil {
		return err
	}
	slow.mu.Lock()
	defer slow.mu.Unlock()
	if slow.twice {
		return errors.New("two calls of a handler ran at once")
	}
	return nil
}

// handlerAnswers lets two handlers call the membership while they run.
func handlerAnswers(ctx context.Context, c transport.Cluster) error {
	var left, right *node
	var leftSession, rightSession transport.ID
	var ready sync.WaitGroup
	ready.Add(1)
	failed := make(chan error, 1)
	answer := func(n **node, to *transport.ID) func(event) {
		return func(e event) {
			ready.Wait()
			if e.msg[0] == 0 {
				return
			}
			_, err := (*n).list(ctx, all)
			if err = errors.Join(err, (*n).SendTo(ctx, *to, []byte{e.msg[0] - 1})); err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		}
	}
	left, err := joinWith(ctx, c, transport.NewID(), answer(&left, &rightSession))
	if err != nil {
		return err
	}
	defer left.Leave(ctx)
	right, err = joinWith(ctx, c, transport.NewID(), answer(&right, &leftSession))
	if err != nil {
		return err
	}
	defer right.Leave(ctx)
	l, err1 := left.open(ctx, "")
	r, err2 := right.open(ctx, "")
	leftSession, rightSession = l.Session, r.Session
	ready.Done()
	if err := errors.Join(err1, err2, left.SendTo(ctx, rightSession, []byte{9})); err != nil {
		return err
	}
	_, err1 = left.wait(5)
	_, err2 = right.wait(5)
	select {
	case err := <-failed:
		return fmt.Errorf("inside a handler: %w", err)
	default:
		return errors.Join(err1, err2)
	}
}
