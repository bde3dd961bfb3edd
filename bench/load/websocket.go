package load

import (
	"context"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// rawWS is a client of the raw echo: the library's defaults, one message a request.
type rawWS struct{ ws *websocket.Conn }

func (c rawWS) send(payload []byte) error { return c.ws.WriteMessage(websocket.BinaryMessage, payload) }
func (c rawWS) close()                    { c.ws.Close() }
func (c rawWS) receive() ([]byte, error) {
	_, message, err := c.ws.ReadMessage()
	return message, err
}

func dialRaw(ctx context.Context, address string) (rawWS, error) {
	var d websocket.Dialer
	ws, _, err := d.DialContext(ctx, "ws://"+address+"/", nil)
	return rawWS{ws}, err
}

// DialRaw connects to the raw echo.
func DialRaw(ctx context.Context, address string, connections int) (Echo, error) {
	return dialPipeline(connections, func() (ordered, error) {
		c, err := dialRaw(ctx, address)
		if err != nil {
			return nil, err
		}
		return c, nil
	})
}

// rawCallers is a client of the raw echo as programs would have one: goroutines that call and wait, and one a connection that reads.
type rawCallers []*rawCaller

type rawCaller struct {
	ws      rawWS
	mu      sync.Mutex // holds writing and the order of waiting together
	waiting chan chan []byte
	ended   chan struct{}
	err     error
}

// DialRawCallers connects to the raw echo with callers that wait.
func DialRawCallers(ctx context.Context, address string, connections int) (Echo, error) {
	var all rawCallers
	for range connections {
		ws, err := dialRaw(ctx, address)
		if err != nil {
			all.Close()
			return nil, err
		}
		c := &rawCaller{ws: ws, waiting: make(chan chan []byte, 1<<12), ended: make(chan struct{})}
		go c.read()
		all = append(all, c)
	}
	return all, nil
}

func (c *rawCaller) read() {
	defer close(c.ended)
	for {
		message, err := c.ws.receive()
		if err != nil {
			c.err = err
			return
		}
		(<-c.waiting) <- message
	}
}

func (c *rawCaller) call(in []byte, answer chan []byte) ([]byte, error) {
	c.mu.Lock()
	c.waiting <- answer
	err := c.ws.send(in)
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case out := <-answer:
		return out, nil
	case <-c.ended:
		return nil, c.err
	}
}

func (all rawCallers) Run(flight, size int, until time.Time, m *Meter) error {
	answers := sync.Pool{New: func() any { return make(chan []byte, 1) }}
	return callers(len(all), flight, size, until, m, func(i int, in []byte) ([]byte, error) {
		answer := answers.Get().(chan []byte)
		defer answers.Put(answer)
		return all[i].call(in, answer)
	})
}

func (all rawCallers) Close() {
	for _, c := range all {
		c.ws.close()
		<-c.ended
	}
}
