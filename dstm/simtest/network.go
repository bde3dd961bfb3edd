package simtest

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// conn is one connection of a client with a node. Frames take their time, each direction's and stream's in order, as
// docs/PROTOCOL.md, section 3, promises and no better.
type conn struct {
	s         *simulation
	lane      int
	rng       *rand.Rand // its own, since sessions are served in any order
	client    *client
	node      *node
	near, far *end // the client's, the node's
	latency   time.Duration
	again     map[uint64]bool  // the transactions that the client has sent, and whether it said that it may have before
	versions  map[string]int64 // of the objects that the client has open, as the node has told it
}

// end is one side of a connection: the session that a store or a client sees.
type end struct {
	conn     *conn
	other    *end
	owner    *owner
	server   bool
	receiver transport.Receiver
	ctx      context.Context
	cancel   context.CancelCauseFunc
	closed   bool // nothing is sent or received any more
	closing  bool // Close was called

	// What this end has sent and the other has not yet received.
	size    int
	budget  int
	last    map[string]time.Duration // by stream, when its last frame arrives
	stalled time.Duration            // nothing arrives before
	waiters []waiter
	lost    bool // what is under way will not arrive
}

type waiter struct {
	level int
	fn    func()
}

var errLost = status.New(status.Unavailable, "transport.connection_lost", "the connection was lost").Because(transport.ErrClosed)

// connect makes a connection and has both sides attach to it.
func (s *simulation) connect(c *client, n *node) *conn {
	s.lanes++
	l := &conn{s: s, lane: s.lanes, client: c, node: n, latency: s.k.between(100*time.Microsecond, s.latency), again: map[uint64]bool{}, versions: map[string]int64{}}
	l.rng = rand.New(rand.NewPCG(s.k.rng.Uint64(), 0))
	l.near = l.newEnd(c.owner, false, 1<<20)
	l.far = l.newEnd(n.owner, true, s.budget)
	l.near.other, l.far.other = l.far, l.near
	l.far.receiver = attachStore(n.store, l.far)
	l.near.receiver = attachClient(c.dstm, l.near)
	return l
}

func (l *conn) newEnd(o *owner, server bool, budget int) *end {
	e := &end{conn: l, owner: o, server: server, budget: budget, last: map[string]time.Duration{}}
	e.ctx, e.cancel = context.WithCancelCause(context.Background())
	return e
}

// Client implements world.Session.
func (e *end) Client() transport.ID { return e.conn.client.id }

// Identity implements world.Session.
func (e *end) Identity() transport.Identity {
	return transport.Identity{User: e.conn.client.owner.name}
}

// MaxFrame implements world.Session.
func (e *end) MaxFrame() int { return e.conn.s.maxFrame }

// JSON implements world.Session.
func (e *end) JSON() bool { return false }

// Context implements world.Session.
func (e *end) Context() context.Context { return e.ctx }

// TrySendShared implements world.Session.
func (e *end) TrySendShared(f *transport.Shared) error { return e.TrySend(f.Frame()) }

// TrySend implements world.Session.
func (e *end) TrySend(frame []byte) error {
	n := len(frame)
	switch {
	case e.closed || e.closing:
		return errLost
	case n > e.conn.s.maxFrame:
		return status.New(status.ResourceExhausted, transport.ErrFrameTooLarge, "the frame is larger than the peer accepts")
	case e.size > 0 && e.size+n > e.budget:
		e.conn.s.count.add("full queues")
		return status.New(status.ResourceExhausted, transport.ErrFull, "the outbound queue is full")
	}
	data := bytes.Clone(frame)
	f, err := parse(data)
	if err != nil {
		e.conn.s.k.fail("%s sends what is no frame: %v", e.owner.name, err)
		return err
	}
	e.conn.s.sent(e, &f)
	if e.server {
		e.conn.s.shown(e.conn, &f, data)
	}
	e.size += n
	k := e.conn.s.k
	stream := string(f.Stream)
	at := max(k.now+e.conn.latency+time.Duration(e.conn.rng.Int64N(int64(e.conn.latency))), e.last[stream], e.stalled)
	e.last[stream] = at
	k.at(e.conn.lane, at, func() { e.arrive(f, data) })
	return nil
}

// arrive gives a frame, taken apart and whole, to the other end.
func (e *end) arrive(f transport.Frame, data []byte) {
	e.size -= len(data)
	due := e.waiters
	e.waiters = nil
	for _, w := range due {
		if e.size <= w.level {
			e.call(w.fn)
		} else {
			e.waiters = append(e.waiters, w)
		}
	}
	to := e.other
	if to.closed || e.lost || to.owner.dead {
		return
	}
	k := e.conn.s.k
	k.noteFrame(e.owner.name, to.owner.name, &f, data)
	if c := e.conn.client; !e.server && f.Kind == frameCommit && c.conn != nil && c.conn != e.conn {
		e.conn.s.count.add("late copies")
	}
	if err := to.receiver.Receive(f); err != nil {
		k.fail("%s does not accept a frame from %s: %v: %s", to.owner.name, e.owner.name, err, describe(&f))
	}
	clear(data) // nothing of it may have been kept
}

func (e *end) call(fn func()) {
	e.conn.s.k.at(e.conn.lane, e.conn.s.k.now, func() {
		if !e.closed && !e.owner.dead {
			fn()
		}
	})
}

// AfterDrain implements world.Session.
func (e *end) AfterDrain(fn func()) {
	if e.size <= e.budget/2 {
		e.call(fn)
		return
	}
	e.waiters = append(e.waiters, waiter{e.budget / 2, fn})
}

// Send implements world.Session; it is called by tasks alone.
func (e *end) Send(ctx context.Context, frame []byte) error {
	for {
		err := e.TrySend(frame)
		if !errors.Is(err, transport.ErrFull) {
			return err
		}
		level := max(0, min(e.budget/2, e.budget-len(frame)))
		e.conn.s.k.await(func() bool { return e.size <= level || e.closed || ctx.Err() != nil })
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// Close implements world.Session: what was sent before still arrives, then the other side hears of the end.
func (e *end) Close(code transport.CloseCode, reason string) {
	if e.closed || e.closing {
		return
	}
	e.closing = true
	s := e.conn.s
	switch code {
	case transport.CloseOverloaded, transport.CloseGoingAway:
		s.count.add("sessions sent away")
	default:
		s.k.fail("%s ends a session with %d: %s", e.owner.name, code, reason)
	}
	last := s.k.now
	for _, at := range e.last {
		last = max(last, at)
	}
	s.k.at(e.conn.lane, last, func() {
		s.k.note("%s has closed: %d %s", e.owner.name, code, reason)
		e.other.end()
		e.end()
	})
}

// end tells this side that the connection is over.
func (e *end) end() {
	if e.closed {
		return
	}
	e.closed = true
	e.cancel(errLost)
	if !e.owner.dead {
		e.receiver.Close(errLost)
	}
	if !e.server && !e.owner.dead {
		e.conn.client.lost(e.conn)
	}
}

// cut breaks the connection: sides hear of it at different times, and of what is under way some or nothing arrives.
func (l *conn) cut() {
	k := l.s.k
	first, second := l.near, l.far
	if k.chance(2) {
		first, second = second, first
	}
	first.lost, second.lost = k.chance(2), true // nobody is left at first's side to hear
	l.s.count.add("cuts")
	if first.size+second.size > 0 {
		l.s.count.add("cuts with frames under way")
	}
	first.end()
	k.after(k.between(0, 300*time.Millisecond), second.end)
}

// parse takes a frame apart.
func parse(b []byte) (transport.Frame, error) {
	if _, err := codec.Check(b); err != nil {
		return transport.Frame{}, err
	}
	outer := codec.NewReader(b, 1)
	r := outer.Array()
	r.Int()
	f := transport.Frame{Kind: int(r.Int())}
	f.Stream = r.Raw()
	f.Body = r
	return f, r.Err()
}
