package transport

import (
	"context"
	"io"
	"sync"

	"github.com/trefoilgo/trefoil/status"
)

// pipeBuffer is how many bytes one direction of a pipe holds before Write waits,
// as a socket's buffers would.
const pipeBuffer = 256 << 10

// Pipe returns a Dialer of in-memory connections to s, for tests and clients in the same
// process. They behave as WebSockets do: limits, close codes, and a peer that
// does not read. [Conn.Close] on such a connection breaks it without a close frame. Nothing
// but channels, condition variables and the time package is involved, so they work inside testing/synctest.
// The url is ignored.
func (s *Server) Pipe() Dialer { return pipeDialer{s} }

type pipeDialer struct{ server *Server }

// Dial implements [Dialer].
func (d pipeDialer) Dial(ctx context.Context, _, subprotocol string) (Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if subprotocol != SubprotocolMsgpack && subprotocol != SubprotocolJSON {
		return nil, status.New(status.InvalidArgument, reasonRefused, "no common subprotocol")
	}
	here, there := newPipe(subprotocol)
	if err := d.server.accept(there, nil); err != nil {
		return nil, err
	}
	return here, nil
}

// pipe is what the two ends share.
type pipe struct {
	mu      sync.Mutex
	changed sync.Cond
	cut     bool
}

// direction is one way of a pipe.
type direction struct {
	messages []*buffer
	bytes    int
	end      *CloseError // the close frame behind the messages
}

type pipeConn struct {
	*pipe
	subprotocol   string
	in, out       *direction
	limit, reads  int // the reader's alone
	current       *buffer
	before, after func()
}

func newPipe(subprotocol string) (a, b *pipeConn) {
	p := &pipe{}
	p.changed.L = &p.mu
	x, y := &direction{}, &direction{}
	a = &pipeConn{pipe: p, subprotocol: subprotocol, in: x, out: y, limit: openingMessage}
	b = &pipeConn{pipe: p, subprotocol: subprotocol, in: y, out: x, limit: openingMessage}
	return a, b
}

// Subprotocol implements [Conn].
func (c *pipeConn) Subprotocol() string { return c.subprotocol }

// Observe implements [Conn].
func (c *pipeConn) Observe(before, after func()) { c.before, c.after = before, after }

// SetReadLimit implements [Conn].
func (c *pipeConn) SetReadLimit(n int) { c.limit = n }

// Read implements [Conn].
func (c *pipeConn) Read() ([]byte, error) {
	if c.current != nil {
		c.current.release()
		c.current = nil
	}
	c.mu.Lock()
	// A peer that never pauses must not keep what was queued from leaving.
	if c.reads++; (c.waits() || c.reads%16 == 0) && c.before != nil {
		c.mu.Unlock()
		c.before()
		c.mu.Lock()
	}
	for c.waits() {
		c.changed.Wait()
	}
	if c.cut {
		c.mu.Unlock()
		return nil, io.ErrUnexpectedEOF
	}
	if len(c.in.messages) == 0 {
		defer c.mu.Unlock()
		return nil, c.in.end
	}
	msg := c.in.messages[0]
	last := copy(c.in.messages, c.in.messages[1:])
	c.in.messages[last] = nil
	c.in.messages = c.in.messages[:last]
	c.in.bytes -= len(msg.b)
	c.changed.Broadcast()
	c.mu.Unlock()
	if c.after != nil {
		c.after()
	}
	if len(msg.b) > c.limit {
		msg.release()
		return nil, ErrMessageTooLarge
	}
	c.current = msg
	return msg.b, nil
}

// waits reports whether there is nothing to read yet. The caller holds mu.
func (c *pipeConn) waits() bool {
	return !c.cut && len(c.in.messages) == 0 && c.in.end == nil
}

// Write implements [Conn].
func (c *pipeConn) Write(msg []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.full(len(msg)) {
		c.changed.Wait()
	}
	return c.put(msg)
}

// tryWrite implements trier.
func (c *pipeConn) tryWrite(framed []byte) (int, error) {
	msg := messagePayload(framed)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.full(len(msg)) {
		return 0, nil
	}
	return len(framed), c.put(msg)
}

// finish implements trier: nothing is ever left.
func (c *pipeConn) finish(framed []byte) error { return c.Write(messagePayload(framed)) }

// full reports whether a message of n bytes must wait. The caller holds mu.
func (c *pipeConn) full(n int) bool {
	return !c.cut && c.out.bytes > 0 && c.out.bytes+n > pipeBuffer
}

// put sends a message that need not wait. The caller holds mu.
func (c *pipeConn) put(msg []byte) error {
	if c.cut || c.out.end != nil {
		return io.ErrClosedPipe
	}
	p := takeBuffer(len(msg))
	p.b = append(p.b, msg...)
	c.out.messages = append(c.out.messages, p)
	c.out.bytes += len(msg)
	c.changed.Broadcast()
	return nil
}

// WriteClose implements [Conn].
func (c *pipeConn) WriteClose(code CloseCode, reason string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut || c.out.end != nil {
		return io.ErrClosedPipe
	}
	c.out.end = &CloseError{code, closeText(reason)}
	c.changed.Broadcast()
	return nil
}

// Close implements [Conn].
func (c *pipeConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	c.changed.Broadcast()
	return nil
}
