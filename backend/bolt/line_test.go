package bolt_test

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/trefoilgo/trefoil/transport"
)

// line is a client's Dialer: it leads to whatever server it is connected to at the time, and its connections can be cut, keep
// answers from arriving, and lose what the client sends.
type line struct {
	mu    sync.Mutex
	to    transport.Dialer // nil: no network
	conns []*lineConn
	held  chan struct{} // not nil: nothing arrives until it is closed
	deaf  bool          // what the client sends is lost
}

type lineConn struct {
	transport.Conn
	line *line
	cut  chan struct{}
	once sync.Once
}

func (l *line) Dial(ctx context.Context, url, subprotocol string) (transport.Conn, error) {
	l.mu.Lock()
	to := l.to
	l.mu.Unlock()
	if to == nil {
		return nil, errors.New("no network")
	}
	conn, err := to.Dial(ctx, url, subprotocol)
	if err != nil {
		return nil, err
	}
	c := &lineConn{Conn: conn, line: l, cut: make(chan struct{})}
	l.mu.Lock()
	l.conns = append(l.conns, c)
	l.mu.Unlock()
	return c, nil
}

func (c *lineConn) Read() ([]byte, error) {
	b, err := c.Conn.Read()
	c.line.mu.Lock()
	held := c.line.held
	c.line.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-c.cut:
		}
	}
	select {
	case <-c.cut: // what arrived too late is lost
		return nil, io.ErrUnexpectedEOF
	default:
		return b, err
	}
}

func (c *lineConn) Write(b []byte) error {
	c.line.mu.Lock()
	deaf := c.line.deaf
	c.line.mu.Unlock()
	if deaf {
		return nil
	}
	return c.Conn.Write(b)
}

func (c *lineConn) Close() error {
	c.once.Do(func() { close(c.cut) })
	return c.Conn.Close()
}

// hold keeps everything that the server sends from arriving, until the line is cut.
func (l *line) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = make(chan struct{})
}

// lose drops what the client sends, until the line is cut.
func (l *line) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deaf = true
}

// cut ends the connection, and what is on its way is lost; none comes up again before connect.
func (l *line) cut() {
	l.mu.Lock()
	conns := l.conns
	l.to, l.conns = nil, nil
	l.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
	l.mu.Lock()
	l.held, l.deaf = nil, false // not before: what was held must not arrive now
	l.mu.Unlock()
}

// connect has connections lead to a server from now on.
func (l *line) connect(to transport.Dialer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = to
}
