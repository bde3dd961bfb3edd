package transport

import "net"

// trier is what can write to a connection as much as goes without waiting. All of the methods need the
// right to write.
type trier interface {
	// tryWrite writes framed, a whole WebSocket message, and never waits. It returns how much
	// it took. If that is a part, the connection keeps the rest and finish must follow; framed must not change until then.
	tryWrite(framed []byte) (int, error)

	// finish writes what an earlier tryWrite left, and then framed, which may be nil. It waits as Write does.
	finish(framed []byte) error
}

// triesWriting is the trier of conn, and whether messages must be masked; nil if there is none: TLS, and what middleware or a program's own dialer
// wraps, for what they do with the bytes cannot be stopped in the middle. A WebSocket's is its tap itself: where thousands of connections are written to in turn,
// each object on the way is fetched from far memory.
func triesWriting(conn Conn) (t trier, masks bool) {
	switch c := conn.(type) {
	case *wsConn:
		if c.tries() {
			return c.tap, c.client
		}
	case *pipeConn:
		return c, false
	}
	return nil, false
}

// tries reports whether tryWrite works: the tap is the last thing before the socket and the first behind gorilla.
func (c *wsConn) tries() bool { return c.tap.raw != nil && c.ws.NetConn() == net.Conn(c.tap) }

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

func (t *tap) finish(framed []byte) error {
	_, err := t.Write(framed)
	return err
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
