package transport

import "net"

// trier is a Conn that can write as much as goes without waiting. All of the methods need the
// right to write.
type trier interface {
	Conn

	// masks reports whether messages must be masked.
	masks() bool

	// tryWrite writes framed, a whole WebSocket message, and never waits. It returns how much
	// it took. If that is a part, the connection keeps the rest and finish must follow; framed must not change until then.
	tryWrite(framed []byte) (int, error)

	// finish writes what an earlier tryWrite left, and then framed, which may be nil. It waits as Write does.
	finish(framed []byte) error
}

// triesWriting is conn as a trier, nil if it is none: TLS, and what middleware or a program's own dialer wraps, for
// what they do with the bytes cannot be stopped in the middle.
func triesWriting(conn Conn) trier {
	t, ok := conn.(trier)
	if ws, is := conn.(*wsConn); !ok || is && !ws.tries() {
		return nil
	}
	return t
}

// tries reports whether tryWrite works: the tap is the last thing before the socket and the first behind gorilla.
func (c *wsConn) tries() bool { return c.tap.raw != nil && c.ws.NetConn() == net.Conn(c.tap) }

func (c *wsConn) masks() bool { return c.client }

func (c *wsConn) tryWrite(framed []byte) (int, error) { return c.tap.tryWrite(framed) }

func (c *wsConn) finish(framed []byte) error {
	_, err := c.tap.Write(framed)
	return err
}

// tryWrite goes around gorilla, whose every write sets a deadline and passes a channel.
func (t *tap) tryWrite(p []byte) (n int, err error) {
	if !t.writing.TryLock() {
		return 0, nil // the answer to a WebSocket ping is being written
	}
	defer t.writing.Unlock()
	a := attempts.Get().(*attempt)
	n, err = a.write(t.raw, p)
	attempts.Put(a)
	if err == nil && 0 < n && n < len(p) {
		t.rest = p[n:]
	}
	return n, err
}

// Write writes what a tryWrite left in the middle of a message, then p. Each call is for whole
// frames: where writing is tried gorilla writes nothing but pongs and closes.
func (t *tap) Write(p []byte) (int, error) {
	t.writing.Lock()
	defer t.writing.Unlock()
	if len(t.rest) > 0 {
		if _, err := t.Conn.Write(t.rest); err != nil {
			return 0, err
		}
		t.rest = nil
	}
	if len(p) == 0 {
		return 0, nil
	}
	return t.Conn.Write(p)
}
