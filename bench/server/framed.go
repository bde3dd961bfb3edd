package server

import (
	"encoding/binary"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/trefoilgo/trefoil/bench/child"
)

// fan is the floor of fan-out: what waits is framed once, as one WebSocket message, for all subscribers, who are all in
// step; workers, one a core, write it to their share of the connections. Within the message stand lengths, four bytes, and payloads.
type fan struct {
	mu     sync.Mutex
	todo   [][]byte
	wake   chan struct{}
	shards [][]net.Conn
	next   int
}

func framed() ([]string, map[string]child.Command, error) {
	f := &fan{wake: make(chan struct{}, 1), shards: make([][]net.Conn, runtime.GOMAXPROCS(0))}
	go f.run()
	mux := http.NewServeMux()
	mux.HandleFunc("/subscribe", f.subscribe)
	mux.HandleFunc("/publish", publishing(func(message []byte) error {
		f.mu.Lock()
		f.todo = append(f.todo, message)
		f.mu.Unlock()
		select {
		case f.wake <- struct{}{}:
		default:
		}
		return nil
	}))
	return serveHTTP(mux)
}

func (f *fan) subscribe(w http.ResponseWriter, r *http.Request) {
	var upgrader websocket.Upgrader
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	ws.WriteMessage(websocket.BinaryMessage, nil)
	c := ws.NetConn()
	f.mu.Lock()
	shard := f.next % len(f.shards)
	f.next++
	f.shards[shard] = append(f.shards[shard], c)
	f.mu.Unlock()
	for err == nil {
		_, _, err = ws.ReadMessage()
	}
	f.mu.Lock()
	f.shards[shard] = slices.DeleteFunc(f.shards[shard], func(one net.Conn) bool { return one == c })
	f.mu.Unlock()
}

// run sends batch after batch: while one is written, the next one gathers.
func (f *fan) run() {
	var frame []byte
	for range f.wake {
		f.mu.Lock()
		todo := f.todo
		f.todo = nil
		shards := make([][]net.Conn, len(f.shards))
		for i, shard := range f.shards {
			shards[i] = slices.Clone(shard)
		}
		f.mu.Unlock()
		frame = appendFrame(frame[:0], todo)
		var workers sync.WaitGroup
		for _, shard := range shards {
			workers.Go(func() {
				for _, c := range shard {
					c.Write(frame) // an error shows where the connection is read
				}
			})
		}
		workers.Wait()
	}
}

// appendFrame appends one binary message, unmasked as those of servers are (RFC 6455, section 5.2), with all payloads.
func appendFrame(b []byte, payloads [][]byte) []byte {
	n := 0
	for _, p := range payloads {
		n += 4 + len(p)
	}
	b = append(b, 0x82)
	switch {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	for _, p := range payloads {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
	}
	return b
}
