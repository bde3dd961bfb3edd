package rig

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// Client is one client of a Rig.
type Client struct {
	*dstm.Client
	rig  *Rig
	conn *transport.Client
	line line
	open []dstm.Object
}

// dials is how often a client tries to connect for the first time, 20 ms apart.
const dials = 250

// Client connects one more client.
func (r *Rig) Client() (*Client, error) {
	c := &Client{Client: dstm.NewClient(nil), rig: r}
	c.line.dialer = r.server.dialer()
	for attempt := 1; ; attempt++ {
		conn, err := transport.Dial(r.ctx, r.server.url(), &transport.ClientOptions{
			Dialer: &c.line, MinBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond, Logger: quiet(),
		}, c.Client)
		if err == nil {
			c.conn = conn
			break
		}
		// The server may just have been killed, or the connection cut.
		if status.CodeOf(err) != status.Unavailable || attempt == dials {
			return nil, fmt.Errorf("connecting: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.mu.Lock()
	r.clients = append(r.clients, c)
	r.mu.Unlock()
	return c, nil
}

// Dial connects somebody else, for whom the caller cares. Such a connection is not troubled.
func (r *Rig) Dial(ctx context.Context, patterns ...transport.Pattern) (*transport.Client, error) {
	return transport.Dial(ctx, r.server.url(), &transport.ClientOptions{Dialer: r.server.dialer(), Logger: quiet()}, patterns...)
}

// Object opens an object, whose Updates are recorded. It stays open until the rig ends.
func (c *Client) Object(name string) (dstm.Object, error) {
	o, err := c.Client.Open(c.rig.ctx, name)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	o = c.rig.Recorder.Watch(o)
	c.rig.mu.Lock()
	c.open = append(c.open, o)
	c.rig.mu.Unlock()
	return o, nil
}

// Cut breaks the client's connection, if it has one; it comes back by itself.
func (c *Client) Cut() { c.line.cut() }

// Hold breaks the connection and lets the client not come back before Let.
func (c *Client) Hold() {
	c.line.hold(true)
	c.line.cut()
}

// Let lets the client come back.
func (c *Client) Let() { c.line.hold(false) }

// line is the way to the server: a dialer whose connections can be broken.
type line struct {
	dialer transport.Dialer
	mu     sync.Mutex
	conn   transport.Conn
	held   bool
}

var errHeld = errors.New("there is no way to the server")

func (l *line) Dial(ctx context.Context, url, subprotocol string) (transport.Conn, error) {
	l.mu.Lock()
	held := l.held
	l.mu.Unlock()
	if held {
		return nil, errHeld
	}
	conn, err := l.dialer.Dial(ctx, url, subprotocol)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held {
		conn.Close()
		return nil, errHeld
	}
	l.conn = conn
	return conn, nil
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

func (l *line) hold(held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = held
}

// Each runs fn for n new clients at once, each with the object called name open, and returns the first error.
func (r *Rig) Each(n int, name string, fn func(c *Client, o dstm.Object, i int) error) error {
	var group sync.WaitGroup
	failed := make(chan error, n)
	for i := range n {
		c, err := r.Client()
		if err != nil {
			return err
		}
		o, err := c.Object(name)
		if err != nil {
			return err
		}
		group.Go(func() {
			if err := fn(c, o, i); err != nil {
				failed <- fmt.Errorf("client %d: %w", i, err)
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
