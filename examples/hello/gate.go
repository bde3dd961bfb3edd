package main

import (
	"bytes"
	"context"
	"sync"

	"github.com/trefoilgo/trefoil/transport"
)

// gate stands in a client's connection, which it dials, and can hold back what the server
// sends; so a client comes to act on an old version.
type gate struct {
	mu     sync.Mutex
	held   chan struct{} // not nil while messages are held back; closed to let go
	until  []byte        // let go when the client has sent a message with this in it
	newest transport.Conn
}

// Dial implements transport.Dialer.
func (g *gate) Dial(ctx context.Context, url, subprotocol string) (transport.Conn, error) {
	var d transport.WebSocketDialer
	conn, err := d.Dial(ctx, url, subprotocol)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.newest = conn
	return &gatedConn{conn, g}, nil
}

// holdUntilSent keeps back whatever arrives from now on, until the client has sent a message that contains text.
func (g *gate) holdUntilSent(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held, g.until = make(chan struct{}), []byte(text)
}

func (g *gate) sent(msg []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held != nil && bytes.Contains(msg, g.until) {
		close(g.held)
		g.held = nil
	}
}

func (g *gate) wait() {
	g.mu.Lock()
	held := g.held
	g.mu.Unlock()
	if held != nil {
		<-held
	}
}

// cut breaks the connection without a word.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.newest.Close()
}

type gatedConn struct {
	transport.Conn
	gate *gate
}

// Read waits after reading, not before: a read that was under way when the
// gate closed must not let its message through.
func (c *gatedConn) Read() ([]byte, error) {
	msg, err := c.Conn.Read()
	c.gate.wait()
	return msg, err
}

func (c *gatedConn) Write(msg []byte) error {
	err := c.Conn.Write(msg)
	c.gate.sent(msg)
	return err
}
