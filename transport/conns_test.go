package transport

import (
	"context"
	"io"
	"sync"
)

// dialerFunc is a Dialer that is a function.
type dialerFunc func(ctx context.Context, url, subprotocol string) (Conn, error)

func (f dialerFunc) Dial(ctx context.Context, url, subprotocol string) (Conn, error) {
	return f(ctx, url, subprotocol)
}

// wrapped is a dialer whose connections pass through wrap.
func wrapped(d Dialer, wrap func(Conn) Conn) Dialer {
	return dialerFunc(func(ctx context.Context, url, subprotocol string) (Conn, error) {
		c, err := d.Dial(ctx, url, subprotocol)
		if err != nil {
			return nil, err
		}
		return wrap(c), nil
	})
}

// gate is a connection whose two directions can be stopped, as a dead link stops
// them: nothing fails, nothing arrives.
type gate struct {
	Conn
	mu       sync.Mutex
	changed  sync.Cond
	noReads  bool
	noWrites bool
	lost     bool // what is written vanishes
	cut      bool
	writes   int
}

func newGate(c Conn) *gate {
	g := &gate{Conn: c}
	g.changed.L = &g.mu
	return g
}

func (g *gate) set(change func(*gate)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(g)
	g.changed.Broadcast()
}

func (g *gate) wait(stopped func() bool) (lost, cut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for stopped() && !g.cut {
		g.changed.Wait()
	}
	return g.lost, g.cut
}

func (g *gate) Observe(before, after func()) {
	g.Conn.Observe(before, func() {
		if !g.dead() {
			after()
		}
	})
}

func (g *gate) dead() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.noReads
}

func (g *gate) Read() ([]byte, error) {
	msg, err := g.Conn.Read()
	if _, cut := g.wait(func() bool { return g.noReads }); cut {
		return nil, io.ErrUnexpectedEOF
	}
	return msg, err
}

func (g *gate) Write(msg []byte) error {
	lost, cut := g.wait(func() bool { return g.noWrites })
	if cut {
		return io.ErrClosedPipe
	}
	g.set(func(g *gate) { g.writes++ })
	if lost {
		return nil
	}
	return g.Conn.Write(msg)
}

func (g *gate) WriteClose(code CloseCode, reason string) error {
	lost, cut := g.wait(func() bool { return g.noWrites })
	if cut {
		return io.ErrClosedPipe
	}
	if lost {
		return nil
	}
	return g.Conn.WriteClose(code, reason)
}

func (g *gate) Close() error {
	g.set(func(g *gate) { g.cut = true })
	return g.Conn.Close()
}
