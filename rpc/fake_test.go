package rpc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// end is one end of a connection that is made of two slices: a wire whose
// room, cut and limits a test decides about.
type end struct {
	id, client transport.ID
	server     bool
	ctx        context.Context
	cancel     context.CancelCauseFunc
	maxFrame   int
	room       int // frames

	mu      sync.Mutex
	changed *sync.Cond
	queue   [][]byte // sent and not yet delivered
	held    bool     // nothing is delivered
	closed  error
	code    transport.CloseCode
	sent    int
}

func newEnd(server bool, client transport.ID) *end {
	e := &end{id: transport.NewID(), client: client, server: server, maxFrame: 1 << 20, room: 1 << 20}
	e.changed = sync.NewCond(&e.mu)
	e.ctx, e.cancel = context.WithCancelCause(context.Background())
	return e
}

func (e *end) ID() transport.ID             { return e.id }
func (e *end) Client() transport.ID         { return e.client }
func (e *end) Identity() transport.Identity { return transport.Identity{User: "anna"} }
func (e *end) Server() bool                 { return e.server }
func (e *end) Context() context.Context     { return e.ctx }

func (e *end) TrySend(frame []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.put(frame)
}

func (e *end) put(frame []byte) error {
	switch {
	case e.closed != nil:
		return e.closed
	case len(frame) > e.maxFrame:
		return transport.ErrFrameTooLarge
	case len(e.queue) >= e.room:
		return transport.ErrFull
	}
	e.queue = append(e.queue, append([]byte(nil), frame...))
	e.sent++
	e.changed.Broadcast()
	return nil
}

func (e *end) Send(ctx context.Context, frame []byte) error {
	stop := context.AfterFunc(ctx, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.changed.Broadcast()
	})
	defer stop()
	e.mu.Lock()
	defer e.mu.Unlock()
	for {
		err := e.put(frame)
		if !errors.Is(err, transport.ErrFull) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e.changed.Wait()
	}
}

func (e *end) Close(code transport.CloseCode, reason string) {
	e.mu.Lock()
	e.code = code
	e.mu.Unlock()
	e.cut(status.New(status.Unavailable, transport.ErrClosed, "closed: %s", reason))
}

// cut ends this end's session: what is queued is lost.
func (e *end) cut(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed == nil {
		e.closed, e.queue = err, nil
		e.cancel(err)
		e.changed.Broadcast()
	}
}

func (e *end) hold(held bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held = held
	e.changed.Broadcast()
}

// next waits for a frame to deliver; nil when the session has ended.
func (e *end) next() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.closed == nil && (e.held || len(e.queue) == 0) {
		e.changed.Wait()
	}
	if e.closed != nil {
		return nil
	}
	f := e.queue[0]
	e.queue = e.queue[1:]
	e.changed.Broadcast()
	return f
}

// pair is a connection: what one end sends, the other's link receives.
type pair struct {
	server, client *end
	links          [2]*link // of server and client
	work           sync.WaitGroup
	err            error // the first that Receive returned
	once           sync.Once
}

// connect joins two peers. before, if not nil, sees each frame before it is delivered, and cuts the connection by false.
func connect(t testing.TB, server, client *Peer, before func(toServer bool, frame []byte) bool) *pair {
	id := transport.NewID()
	p := &pair{server: newEnd(true, id), client: newEnd(false, id)}
	p.start(t, server, client, before)
	return p
}

func (p *pair) start(t testing.TB, server, client *Peer, before func(bool, []byte) bool) {
	p.links = [2]*link{server.open(p.server), client.open(p.client)}
	deliver := func(from *end, to *link, toServer bool) {
		for f := from.next(); f != nil; f = from.next() {
			if before != nil && !before(toServer, f) {
				p.cut(errors.New("cut"))
				break
			}
			err := receive(to, f)
			for i := range f { // whoever kept the frame's bytes will be seen
				f[i] = 0xc1
			}
			if err != nil {
				p.once.Do(func() { p.err = err })
				p.cut(err)
				break
			}
		}
		err := context.Cause(from.ctx)
		p.cut(err)
		to.Close(err)
	}
	p.work.Go(func() { deliver(p.client, p.links[0], true) })
	p.work.Go(func() { deliver(p.server, p.links[1], false) })
	t.Cleanup(p.end)
}

func (p *pair) cut(err error) {
	p.server.cut(err)
	p.client.cut(err)
}

func (p *pair) end() {
	p.cut(errors.New("the test is over"))
	p.work.Wait()
}

// receive takes a frame apart as the transport does.
func receive(l *link, frame []byte) error {
	r := codec.NewReader(frame, 1)
	body := r.Array()
	body.Int()
	f := transport.Frame{Kind: int(body.Int()), Stream: body.Raw()}
	f.Body = body
	if err := body.Err(); err != nil {
		return err
	}
	return l.Receive(f)
}

func newPeer(o PeerOptions) *Peer {
	if o.Logger == nil {
		o.Logger = quiet
	}
	return NewPeer(&o)
}

func call(id int64, procedure string, flags int64, payload codec.Raw) []byte {
	return appendCall(nil, id, &Request{Info: Info{Procedure: procedure, Notify: flags&1 != 0}, Payload: payload}, 0)
}

func raw(v any) codec.Raw {
	r, err := codec.Marshal(v)
	if err != nil {
		panic(err)
	}
	return r
}

func wantStatus(t testing.TB, err error, code status.Code, reason status.Reason, unknown bool) {
	t.Helper()
	e, ok := err.(*status.Error)
	if !ok || e.Code != code || e.Reason != reason || e.Unknown != unknown {
		t.Fatalf("error %v (%T), want code %v, reason %q, unknown %v", err, err, code, reason, unknown)
	}
}
