package server

import (
	"bufio"
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/trefoilgo/trefoil/bench/child"
)

// prepared fans out with gorilla's prepared messages: each subscriber has a queue and a goroutine that takes all of it at
// once and writes it with one system call.
func prepared() ([]string, map[string]child.Command, error) {
	var mu sync.Mutex
	subscribers := map[*queue]struct{}{}
	mux := http.NewServeMux()
	mux.HandleFunc("/subscribe", func(w http.ResponseWriter, r *http.Request) {
		var upgrader websocket.Upgrader
		g := &gatherer{ResponseWriter: w}
		ws, err := upgrader.Upgrade(g, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		q := &queue{ws: ws, out: g.conn, wake: make(chan struct{}, 1)}
		ws.WriteMessage(websocket.BinaryMessage, nil)
		mu.Lock()
		subscribers[q] = struct{}{}
		mu.Unlock()
		ended := make(chan struct{})
		go q.drain(ended)
		for err == nil {
			_, _, err = ws.ReadMessage()
		}
		close(ended)
		mu.Lock()
		delete(subscribers, q)
		mu.Unlock()
	})
	mux.HandleFunc("/publish", publishing(func(message []byte) error {
		p, err := websocket.NewPreparedMessage(websocket.BinaryMessage, message)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for q := range subscribers {
			q.put(p)
		}
		return nil
	}))
	return serveHTTP(mux)
}

// publishing reads messages from a publisher; they may be kept.
func publishing(publish func(message []byte) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var upgrader websocket.Upgrader
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		for {
			_, message, err := ws.ReadMessage()
			if err != nil {
				return
			}
			if err := publish(message); err != nil {
				return
			}
		}
	}
}

// queue is one subscriber's.
type queue struct {
	ws   *websocket.Conn
	out  *gathering
	wake chan struct{}

	mu   sync.Mutex
	todo []*websocket.PreparedMessage
}

func (q *queue) put(p *websocket.PreparedMessage) {
	q.mu.Lock()
	q.todo = append(q.todo, p)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// drain writes what is queued, all of it at once.
func (q *queue) drain(ended <-chan struct{}) {
	q.out.gather = true
	var mine []*websocket.PreparedMessage
	for {
		select {
		case <-q.wake:
		case <-ended:
			return
		}
		q.mu.Lock()
		mine, q.todo = q.todo, mine[:0]
		q.mu.Unlock()
		for _, p := range mine {
			if q.ws.WritePreparedMessage(p) != nil {
				return
			}
		}
		if q.out.flush() != nil {
			return
		}
	}
}

// gathering is a connection that keeps what is written until flush, once gather is set.
type gathering struct {
	net.Conn
	gather bool
	kept   []byte
}

func (g *gathering) Write(p []byte) (int, error) {
	if !g.gather {
		return g.Conn.Write(p)
	}
	g.kept = append(g.kept, p...)
	return len(p), nil
}

func (g *gathering) flush() error {
	_, err := g.Conn.Write(g.kept)
	g.kept = g.kept[:0]
	return err
}

// gatherer puts a gathering between gorilla and the connection.
type gatherer struct {
	http.ResponseWriter
	conn *gathering
}

func (g *gatherer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(g.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	g.conn = &gathering{Conn: c}
	return g.conn, rw, nil
}
