package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"github.com/trefoilgo/trefoil/bench/child"
)

// kept is how many messages a poller may be behind.
const kept = 1024

// Polled is the answer to a poll: the messages behind the number that was asked for, and the number to ask for next.
type Polled struct {
	Messages []string `json:"messages"`
	Next     int      `json:"next"`
}

// httpPolling is what one does without a WebSocket: a call is a POST that returns a ticket, and a GET that is repeated until the
// result is there; messages are fetched by a GET that the server holds until there are some.
func httpPolling() ([]string, map[string]child.Command, error) {
	mux := http.NewServeMux()
	results := newTickets()
	mux.HandleFunc("POST /call", func(w http.ResponseWriter, r *http.Request) {
		var body Body
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		ticket := results.take()
		go results.settle(ticket, body)
		w.WriteHeader(http.StatusAccepted)
		json.NewEncoder(w).Encode(ticket)
	})
	mux.HandleFunc("GET /result/{ticket}", func(w http.ResponseWriter, r *http.Request) {
		ticket, _ := strconv.ParseInt(r.PathValue("ticket"), 10, 64)
		body, ok := results.fetch(ticket)
		if !ok {
			http.Error(w, "not yet", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(body)
	})
	b := &board{more: make(chan struct{})}
	mux.HandleFunc("POST /publish", func(w http.ResponseWriter, r *http.Request) {
		var body Body
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		b.publish(body.Payload)
	})
	mux.HandleFunc("GET /messages", func(w http.ResponseWriter, r *http.Request) {
		from, err := strconv.Atoi(r.URL.Query().Get("from"))
		if err != nil {
			from = -1
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(b.poll(from, r.Context().Done()))
	})
	return serveHTTP(mux)
}

// tickets are calls that were accepted, and what came of them.
type tickets struct {
	mu   sync.Mutex
	last int64
	done map[int64]Body
}

func newTickets() *tickets { return &tickets{done: map[int64]Body{}} }

func (t *tickets) take() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	return t.last
}

func (t *tickets) settle(ticket int64, body Body) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done[ticket] = body
}

func (t *tickets) fetch(ticket int64) (Body, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	body, ok := t.done[ticket]
	delete(t.done, ticket)
	return body, ok
}

// board is what was published last.
type board struct {
	mu       sync.Mutex
	messages []string
	first    int           // the number of messages[0]
	more     chan struct{} // closed at the next publication
}

func (b *board) publish(message string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = append(b.messages, message)
	if n := len(b.messages); n > 2*kept {
		b.first += n - kept
		b.messages = append([]string{}, b.messages[n-kept:]...)
	}
	close(b.more)
	b.more = make(chan struct{})
}

// poll returns the messages from number from on, waiting for one; a negative from asks only where the end is.
func (b *board) poll(from int, gone <-chan struct{}) Polled {
	for {
		b.mu.Lock()
		end, more := b.first+len(b.messages), b.more
		if from < 0 || from < end {
			p := Polled{Next: end}
			if from >= b.first {
				p.Messages = append(p.Messages, b.messages[from-b.first:]...)
			}
			b.mu.Unlock()
			return p
		}
		b.mu.Unlock()
		select {
		case <-more:
		case <-gone:
			return Polled{Next: from}
		}
	}
}
