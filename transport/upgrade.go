package transport

import (
	"bufio"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/trefoilgo/trefoil/status"
)

// upgrader turns HTTP requests into connections.
type upgrader struct{ ws *websocket.Upgrader }

// readBuffer is the size of a server's read buffers, in bytes: most connections are idle.
const readBuffer = 1 << 10

// writeBuffers are gorilla's, of all servers and clients together.
var writeBuffers sync.Pool

func newUpgrader(allowed []string) upgrader {
	return upgrader{&websocket.Upgrader{
		// ReadBufferSize stays 0: gorilla takes the reader that hijacker gives it.
		WriteBufferSize: batchSize,
		WriteBufferPool: &writeBuffers,
		Subprotocols:    []string{SubprotocolMsgpack, SubprotocolJSON},
		CheckOrigin:     func(r *http.Request) bool { return originAllowed(r, allowed) },
	}}
}

// ServeHTTP upgrades r to a WebSocket and returns; the session lives on its own
// goroutine, not on net/http's with its stack and buffers. It works behind middleware whose
// ResponseWriter offers no more than Unwrap. A request that offers neither subprotocol is
// answered 400, a foreign origin 403, and 503 while the server is draining or closed or has
// too many connections in their handshake. What comes before the request is complete is for the http.Server to bound: set its ReadHeaderTimeout.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	closed := s.closedDoor()
	s.mu.Unlock()
	if closed != nil {
		http.Error(w, status.From(closed).Message, http.StatusServiceUnavailable)
		return
	}
	offered := websocket.Subprotocols(r)
	if websocket.IsWebSocketUpgrade(r) && !slices.Contains(offered, SubprotocolMsgpack) && !slices.Contains(offered, SubprotocolJSON) {
		http.Error(w, "the subprotocols are "+SubprotocolMsgpack+" and "+SubprotocolJSON, http.StatusBadRequest)
		return
	}
	h := &hijacker{ResponseWriter: w}
	ws, err := s.upgrade.ws.Upgrade(h, r, nil)
	if err != nil {
		return // gorilla has answered
	}
	conn := newWSConn(ws, h.tap, false)
	if s.accept(conn, r) != nil { // it was closed just now
		conn.WriteClose(CloseOverloaded, "the server lets nobody in")
		conn.Close()
	}
}

// hijacker offers gorilla the http.Hijacker that it asks for, whatever wraps the
// ResponseWriter, and puts a tap into the connection.
type hijacker struct {
	http.ResponseWriter
	tap *tap
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.tap = &tap{Conn: conn}
	if rw.Reader.Buffered() > 0 {
		return h.tap, rw, nil // gorilla refuses who does not wait for the answer
	}
	h.tap.buffer = bufio.NewReaderSize(h.tap, readBuffer)
	return h.tap, bufio.NewReadWriter(h.tap.buffer, rw.Writer), nil
}

// tap tells when the reader is about to wait and when bytes have come: gorilla
// reads from the connection only when its buffer is empty. It sits above TLS on a server.
type tap struct {
	net.Conn
	before, after func()
	buffer        *bufio.Reader // what gorilla reads from, if that is known
	limited       atomic.Bool   // writes may have a deadline

	writing sync.Mutex // one write at a time; guards what follows
	rest    []byte     // of a message of which a part was written; see tryWrite
	attempt *attempt
}

// wait returns when there is something to read. Waiting here and not where gorilla would saves half a
// kilobyte of stack; with it a goroutine that waits uses less than a quarter of 8 KiB, and
// the garbage collector takes half of it back.
func (t *tap) wait() error {
	if t.buffer == nil || t.buffer.Buffered() > 0 {
		return nil
	}
	_, err := t.buffer.Peek(1)
	return err
}

func (t *tap) Read(p []byte) (int, error) {
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
