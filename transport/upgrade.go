package transport

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
)

// upgrader turns HTTP requests into connections.
type upgrader struct{ ws *websocket.Upgrader }

// writeBuffers are gorilla's, of all servers and clients together.
var writeBuffers sync.Pool

func newUpgrader(allowed []string) upgrader {
	return upgrader{&websocket.Upgrader{
		ReadBufferSize:  1 << 10, // most connections are idle
		WriteBufferSize: batchSize,
		WriteBufferPool: &writeBuffers,
		Subprotocols:    []string{SubprotocolMsgpack, SubprotocolJSON},
		CheckOrigin:     func(r *http.Request) bool { return originAllowed(r, allowed) },
	}}
}

// ServeHTTP upgrades r to a WebSocket and returns; the session lives on its own
// goroutine, not on net/http's with its stack and buffers. It works behind middleware whose
// ResponseWriter offers no more than Unwrap. A request that offers neither subprotocol is
// answered 400, a foreign origin 403, and 503 while the server is draining or closed.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	refusing := s.refusing
	s.mu.Unlock()
	if refusing != "" {
		http.Error(w, refusing, http.StatusServiceUnavailable)
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
	conn := newWSConn(ws, h.tap)
	if s.accept(conn, r) != nil { // it was closed just now
		conn.WriteClose(CloseGoingAway, "the server lets nobody in")
		conn.Close()
	}
}

// originAllowed is the origin check: same host by default. Only browsers send an Origin.
func originAllowed(r *http.Request, allowed []string) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	for _, a := range allowed {
		if a == "*" || strings.EqualFold(a, origin) {
			return true
		}
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
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
	return h.tap, rw, nil
}

// tap tells when the reader is about to wait and when bytes have come: gorilla
// reads from the connection only when its buffer is empty. It sits above TLS on a server.
type tap struct {
	net.Conn
	before, after func()
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
