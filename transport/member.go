package transport

import (
	"context"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/status"
)

// clusterTimeout bounds one operation of the cluster that nobody waits for with a
// context of his own.
const clusterTimeout = 5 * time.Second

// rejoin is how long a server waits before it tries again what the cluster refused.
var rejoin = backoff{100 * time.Millisecond, 5 * time.Second}

// member keeps up a server's place in its cluster, as long as the server lives.
type member struct {
	server  *Server
	cluster Cluster
	ctx     context.Context // done when the server has ended
	cancel  context.CancelFunc
	left    chan struct{} // closed when the cluster was left and the goroutine has ended
	wake    chan struct{} // unlisted has grown

	mu       sync.Mutex
	now      Membership      // nil while it is no member
	joined   chan struct{}   // closed when now is set; replaced when it ends
	unlisted map[ID]struct{} // sessions that have ended, and that the cluster may not know to
}

func newMember(s *Server, c Cluster) *member {
	m := &member{
		server: s, cluster: c, left: make(chan struct{}), wake: make(chan struct{}, 1),
		joined: make(chan struct{}), unlisted: make(map[ID]struct{}),
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	go m.run()
	return m
}

// run joins, and joins again whenever the membership has ended.
func (m *member) run() {
	defer close(m.left)
	for failed := 0; m.ctx.Err() == nil; failed++ {
		if failed > 0 && !m.pause(rejoin.delay(failed)) {
			return
		}
		ctx, cancel := context.WithTimeout(m.ctx, clusterTimeout)
		now, err := m.cluster.Join(ctx, m.server.node, handler{m})
		cancel()
		if err != nil {
			if failed == 0 && m.ctx.Err() == nil {
				m.server.log.Error("transport: the cluster cannot be joined; nobody is let in until it can", "error", err)
			}
			continue
		}
		failed = 0
		m.stay(now)
	}
}

// stay is what a server does while it is a member.
func (m *member) stay(now Membership) {
	m.mu.Lock()
	m.now = now
	clear(m.unlisted) // they went with the membership that they were registered in
	close(m.joined)
	m.mu.Unlock()
	listed := false
	for failed := 0; m.ctx.Err() == nil; {
		var retry <-chan time.Time
		listed = listed || m.list(now)
		if !listed || !m.unlist(now) {
			failed++
			retry = time.After(rejoin.delay(failed))
		} else {
			failed = 0
		}
		select {
		case <-m.wake:
		case <-retry:
		case <-m.ctx.Done():
		case <-now.Done():
			if m.ctx.Err() == nil {
				m.server.log.Warn("transport: the membership of the cluster has ended; joining again")
			}
			m.lapse()
			return
		}
	}
	m.lapse()
	ctx, cancel := context.WithTimeout(context.Background(), clusterTimeout)
	defer cancel()
	if err := now.Leave(ctx); err != nil {
		m.server.log.Warn("transport: the cluster could not be left; its lease will lapse", "error", err)
	}
}

func (m *member) lapse() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now, m.joined = nil, make(chan struct{})
}

func (m *member) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-m.ctx.Done():
		return false
	}
}

// membership is the present one. It waits a moment for the first, or the next: a server that has
// just been started should not turn its first clients away.
func (m *member) membership(ctx context.Context) (Membership, error) {
	m.mu.Lock()
	now, joined := m.now, m.joined
	m.mu.Unlock()
	if now != nil {
		return now, nil
	}
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-joined:
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.now != nil {
			return m.now, nil
		}
	case <-t.C:
	case <-ctx.Done():
	}
	return nil, status.New(status.Unavailable, ErrNotMember, "the server is not a member of its cluster just now")
}

// admit registers one before it is welcomed, and ends the sessions that its client has on
// other nodes. An error means that it cannot be said who else is there.
func (m *member) admit(ctx context.Context, one *Session) error {
	now, err := m.membership(ctx)
	if err != nil {
		return err
	}
	// Clocks of nodes differ: what is there already is older than one, whatever its clock said. So only
	// a session that is registered at this very moment can seem newer, and of two such both sides know
	// which one stays.
	others, err := m.others(ctx, now, one.client)
	if err != nil {
		return err
	}
	for _, r := range others {
		one.since = max(one.since, r.Since.UnixMilli()+1)
	}
	one.listed.Store(true)
	if err := now.Register(ctx, one.record()); err != nil {
		return err
	}
	if others, err = m.others(ctx, now, one.client); err != nil {
		return err
	}
	for _, r := range others {
		if newer(r, one.record()) {
			one.Close(CloseSuperseded, "the client opened a newer session on another node")
			return nil
		}
	}
	for _, r := range others {
		err := now.CloseSession(ctx, r.Session, CloseSuperseded, "the client opened a newer session")
		if err != nil && status.From(err).Reason != ErrNoSession {
			return err
		}
	}
	return nil
}

// newer reports which of two sessions of a client stays, the same on every node.
func newer(a, b SessionRecord) bool {
	if c := a.Since.Compare(b.Since); c != 0 {
		return c > 0
	}
	return string(a.Session[:]) > string(b.Session[:])
}

// others are the sessions of client on other nodes.
func (m *member) others(ctx context.Context, now Membership, client ID) (list []SessionRecord, err error) {
	for r, err := range now.Sessions(ctx, SessionFilter{Client: client}) {
		if err != nil {
			return nil, err
		}
		if r.Node != m.server.node {
			list = append(list, r)
		}
	}
	return list, nil
}

// forget takes a session that has ended off the cluster's list. What fails is tried again by run.
func (m *member) forget(one *Session) {
	if !one.listed.Load() {
		return
	}
	one.unlisted.Store(true)
	m.mu.Lock()
	now := m.now
	m.mu.Unlock()
	if now == nil || m.ctx.Err() != nil {
		return // it is gone with the membership
	}
	ctx, cancel := context.WithTimeout(m.ctx, clusterTimeout)
	defer cancel()
	if now.Unregister(ctx, one.id) == nil {
		return
	}
	m.drop(one.id)
}

// drop has run unregister a session.
func (m *member) drop(session ID) {
	m.mu.Lock()
	m.unlisted[session] = struct{}{}
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// unlist unregisters what drop left. It reports false if something remains.
func (m *member) unlist(now Membership) bool {
	m.mu.Lock()
	var list []ID
	for id := range m.unlisted {
		list = append(list, id)
	}
	m.mu.Unlock()
	for _, id := range list {
		ctx, cancel := context.WithTimeout(m.ctx, clusterTimeout)
		err := now.Unregister(ctx, id)
		cancel()
		if err != nil {
			return false
		}
		m.mu.Lock()
		delete(m.unlisted, id)
		m.mu.Unlock()
	}
	return true
}

// list registers the sessions that were there before now began. The client of one may have gone to another
// node meanwhile: then the one here yields, with a code that lets the client come back if it was here after all.
// It reports false if that must be tried again.
func (m *member) list(now Membership) bool {
	mine := make(map[ID]*Session)
	for _, one := range m.server.all() {
		if !one.listed.Load() || one.Err() != nil {
			continue
		}
		mine[one.client] = one
		ctx, cancel := context.WithTimeout(m.ctx, clusterTimeout)
		err := now.Register(ctx, one.record())
		cancel()
		if one.unlisted.Load() {
			m.drop(one.id) // it ended meanwhile
		}
		if err != nil {
			return false
		}
	}
	if len(mine) == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(m.ctx, clusterTimeout)
	defer cancel()
	for r, err := range now.Sessions(ctx, SessionFilter{}) {
		if err != nil {
			return false
		}
		if one := mine[r.Client]; one != nil && r.Node != m.server.node {
			one.Close(CloseGoingAway, "the client opened a session on another node")
		}
	}
	return true
}

// handler takes what other nodes send.
type handler struct{ m *member }

// Deliver implements [ClusterHandler]: nodes of this version send each other nothing but Close.
func (h handler) Deliver(_, _ ID, _ []byte) {}

// Close implements [ClusterHandler].
func (h handler) Close(_, session ID, code CloseCode, reason string) {
	if one := h.m.server.find(session); one != nil {
		one.Close(code, reason)
		return
	}
	h.m.drop(session) // somebody believes that it is here
}
