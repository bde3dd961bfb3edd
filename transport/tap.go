package transport

import (
	"bufio"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// tap tells when the reader is about to wait and when bytes have come: gorilla
// reads from the connection only when its buffer is empty. It sits above TLS on a server.
type tap struct {
	net.Conn
	raw     syscall.RawConn // the socket, if this lies on one and calls to it can be tried
	writing sync.Mutex      // one write at a time; guards rest
	rest    []byte          // of a message of which a part was written; see tryWrite

	before, after func()
	buffer        *bufio.Reader // what gorilla reads from, if that is known
	lending       lending
	limited       atomic.Bool // writes may have a deadline
}

// newTap taps conn. What is tried needs exactly a socket: a type that embeds one may
// want to see what is read and written.
func newTap(conn net.Conn) *tap {
	t := &tap{Conn: conn}
	if tcp, ok := conn.(*net.TCPConn); ok && canTry {
		t.raw, _ = tcp.SyscallConn()
	}
	return t
}

// readBuffer is the size of a server's read buffers, in bytes, where each connection has one of its own: most connections are idle.
const readBuffer = 1 << 10

// ownReader makes the reader that gorilla shall read from.
func (t *tap) ownReader() {
	if t.raw == nil {
		t.buffer = bufio.NewReaderSize(t, readBuffer)
		return
	}
	t.buffer = new(bufio.Reader)
	t.borrow()
}

// wait returns when there is something to read. Waiting here and not where gorilla would saves half a
// kilobyte of stack; with it a goroutine that waits uses less than a quarter of 8 KiB, and
// the garbage collector takes half of it back.
func (t *tap) wait() error {
	switch {
	case t.buffer == nil || t.buffer.Buffered() > 0:
		return nil
	case t.raw != nil:
		return t.waitWithout()
	}
	_, err := t.buffer.Peek(1)
	return err
}

// Read implements [net.Conn].
func (t *tap) Read(p []byte) (int, error) {
	if t.lending.trying {
		return t.tryRead(p)
	}
	if t.before != nil {
		t.before()
	}
	n, err := t.Conn.Read(p)
	if n > 0 && t.after != nil {
		t.after()
	}
	return n, err
}

// SetWriteDeadline passes on what changes something: gorilla takes the deadline away before each write, although there is none
// once the session has begun, and the poller is slow to be told so.
func (t *tap) SetWriteDeadline(deadline time.Time) error {
	if t.limited.Swap(!deadline.IsZero()) || !deadline.IsZero() {
		return t.Conn.SetWriteDeadline(deadline)
	}
	return nil
}

// SetDeadline implements [net.Conn].
func (t *tap) SetDeadline(deadline time.Time) error {
	t.limited.Store(!deadline.IsZero())
	return t.Conn.SetDeadline(deadline)
}
