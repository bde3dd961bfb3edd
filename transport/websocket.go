package transport

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/trefoilgo/trefoil/codec"
)

// wsConn is a WebSocket as a Conn, on either side.
type wsConn struct {
	ws     *websocket.Conn
	tap    *tap
	client bool
	kind   int // of its messages
	limit  int
	// current holds the message that Read returned.
	current *buffer
	expect  int // how large a buffer the next message is read into at first; see Read

	pong    atomic.Pointer[string] // the last WebSocket ping that is not answered
	ponging atomic.Bool
}

func newWSConn(ws *websocket.Conn, t *tap, client bool) *wsConn {
	c := &wsConn{ws: ws, tap: t, client: client, kind: websocket.BinaryMessage, limit: openingMessage}
	if ws.Subprotocol() == SubprotocolJSON {
		c.kind = websocket.TextMessage
	}
	ws.SetCloseHandler(func(int, string) error { return nil }) // the session answers
	ws.SetPingHandler(func(data string) error { c.answer(data); return nil })
	return c
}

// Subprotocol implements [Conn].
func (c *wsConn) Subprotocol() string { return c.ws.Subprotocol() }

// Observe implements [Conn].
func (c *wsConn) Observe(before, after func()) { c.tap.before, c.tap.after = before, after }

// SetReadLimit implements [Conn].
func (c *wsConn) SetReadLimit(n int) { c.limit = n }

// Write implements [Conn].
func (c *wsConn) Write(msg []byte) error { return c.ws.WriteMessage(c.kind, msg) }

// Close implements [Conn].
func (c *wsConn) Close() error { return c.ws.Close() }

// WriteClose implements [Conn].
func (c *wsConn) WriteClose(code CloseCode, reason string) error {
	return c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(int(code), closeText(reason)), time.Time{})
}

// closeText is reason as it fits into a close frame: 123 bytes of UTF-8 (RFC 6455, section 5.5).
func closeText(reason string) string {
	reason = strings.ToValidUTF8(reason, "?")
	if len(reason) <= 123 {
		return reason
	}
	n := 123
	for !utf8.RuneStart(reason[n]) {
		n--
	}
	return reason[:n]
}

// answer answers a WebSocket ping (RFC 6455, section 5.5.2), which is not how Trefoil's own heartbeat
// works. The reader must not write, so a goroutine does; at most one, which answers the latest ping.
func (c *wsConn) answer(data string) {
	c.pong.Store(&data)
	if !c.ponging.CompareAndSwap(false, true) {
		return
	}
	go func() {
		for {
			for p := c.pong.Swap(nil); p != nil; p = c.pong.Swap(nil) {
				if c.ws.WriteControl(websocket.PongMessage, []byte(*p), time.Time{}) != nil {
					return // and ponging stays: there will be no more
				}
			}
			c.ponging.Store(false)
			if c.pong.Load() == nil || !c.ponging.CompareAndSwap(false, true) {
				return
			}
		}
	}()
}

// Read implements [Conn].
func (c *wsConn) Read() ([]byte, error) {
	if c.current != nil {
		// Who sends long messages sends more of them: to begin with a small buffer would cost a system call and a copy.
		c.expect = min(len(c.current.b), largeBuffer)
		c.current.release()
		c.current = nil
	}
	if err := c.tap.wait(); err != nil {
		return nil, err
	}
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return nil, readError(err)
	}
	if kind != c.kind {
		return nil, errMalformed // the next Read skips what is left of it
	}
	p := takeBuffer(c.expect)
	for {
		n, err := r.Read(p.b[len(p.b):cap(p.b)])
		p.b = p.b[:len(p.b)+n]
		switch {
		case len(p.b) > c.limit:
			p.release()
			return nil, ErrMessageTooLarge
		case err == io.EOF:
			c.current = p
			return p.b, nil
		case err != nil:
			p.release()
			return nil, readError(err)
		case len(p.b) == largeBuffer:
			return c.readLong(p, r)
		case len(p.b) == cap(p.b):
			p = p.grown(1)
		}
	}
}

// readLong reads on in a message that fills a large buffer. It gathers pieces and
// puts them together at the end: no step costs more than the message itself, and none is taken on its word.
func (c *wsConn) readLong(p *buffer, r io.Reader) ([]byte, error) {
	if c.kind == websocket.BinaryMessage && hopeless(p.b) {
		p.release()
		return nil, errMalformed
	}
	pieces, total := []*buffer{p}, len(p.b)
	defer func() {
		for _, piece := range pieces {
			piece.release()
		}
	}()
	for {
		last := pieces[len(pieces)-1]
		if len(last.b) == cap(last.b) {
			last = takeBuffer(largeBuffer)
			pieces = append(pieces, last)
		}
		n, err := r.Read(last.b[len(last.b):cap(last.b)])
		last.b = last.b[:len(last.b)+n]
		if total += n; total > c.limit {
			return nil, ErrMessageTooLarge
		}
		if err == io.EOF {
			c.current = newBuffer(total)
			for _, piece := range pieces {
				c.current.b = append(c.current.b, piece.b...)
			}
			return c.current.b, nil
		}
		if err != nil {
			return nil, readError(err)
		}
	}
}

// hopeless reports whether no message that begins with b can be well-formed: so
// nonsense is not read to its end.
func hopeless(b []byte) bool {
	for len(b) > 0 {
		n, err := codec.Check(b)
		if err != nil {
			var c *codec.Error
			return errors.As(err, &c) && c.Reason != "codec.truncated" && c.Reason != "codec.count"
		}
		b = b[n:]
	}
	return false
}

// readError is gorilla's error as Conn's.
func readError(err error) error {
	var c *websocket.CloseError
	if errors.As(err, &c) && c.Code != websocket.CloseAbnormalClosure {
		return &CloseError{CloseCode(c.Code), c.Text}
	}
	return err
}
