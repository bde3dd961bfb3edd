package transport

import (
	"bufio"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/trefoilgo/trefoil/status"
)

// upgrader turns HTTP requests into connections.
type upgrader struct{ ws *websocket.Upgrader }

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

// Hijack implements [http.Hijacker].
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.tap = newTap(conn)
	if rw.Reader.Buffered() > 0 {
		return h.tap, rw, nil // gorilla refuses who does not wait for the answer
	}
	h.tap.ownReader()
	return h.tap, bufio.NewReadWriter(h.tap.buffer, rw.Writer), nil
}
