package main

import (
	"context"
	"net"
	"sync"
)

// gate stands in a client's TCP connection and can hold back what the server
// sends, which is how a client comes to act on an old version.
type gate struct {
	mu     sync.Mutex
	closed chan struct{} // not nil while held back; closed to let go
	onSent bool          // let go as soon as the client has sent something
}

// hold keeps back whatever arrives from now on, until the client itself has sent something.
func (g *gate) holdUntilSent() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed, g.onSent = make(chan struct{}), true
}

func (g *gate) sent() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.onSent {
		close(g.closed)
		g.closed, g.onSent = nil, false
	}
}

func (g *gate) wait() {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed != nil {
		<-closed
	}
}

// dial is a net.Dialer's DialContext with the gate in between.
func (g *gate) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &gatedConn{conn, g}, nil
}

type gatedConn struct {
	net.Conn
	gate *gate
}

// Read waits after reading, not before: a read that was under way when the
// gate closed must not let its bytes through.
func (c *gatedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.gate.wait()
	return n, err
}

func (c *gatedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.gate.sent()
	return n, err
}
