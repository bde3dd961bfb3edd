package load

import (
	"context"
	"fmt"

	"github.com/trefoilgo/trefoil/bench/server"
)

// pollingBus is HTTP with requests that the server holds until there is something, one topic. Every subscriber has a connection of its own.
type pollingBus struct {
	connections
	address   string
	publisher *httpEcho
}

// DialLongPolling prepares long polling.
func DialLongPolling(ctx context.Context, address string) (Bus, error) {
	b := &pollingBus{address: address, publisher: newHTTPEcho(address, 1, false)}
	b.add(b.publisher.Close)
	return b, nil
}

func (b *pollingBus) Publish(_ context.Context, _ int, message []byte) error {
	_, err := b.publisher.do("POST", "/publish", server.Body{Payload: string(message)}, nil)
	return err
}

func (b *pollingBus) Subscribe(_ context.Context, topics []int, deliver Deliver) error {
	h := newHTTPEcho(b.address, 1, false)
	var p server.Polled
	if _, err := h.do("GET", "/messages?from=-1", nil, &p); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	b.add(func() {
		stop()
		<-ended
		h.Close()
	})
	go func() {
		defer close(ended)
		for next := p.Next; running.Err() == nil; {
			var p server.Polled
			_, err := h.doContext(running, "GET", fmt.Sprintf("/messages?from=%d", next), nil, &p)
			if running.Err() != nil {
				return
			}
			if err == nil && len(p.Messages) == 0 {
				err = fmt.Errorf("the messages behind %d are lost", next)
			}
			if err != nil {
				deliver(topics[0], nil, err)
				return
			}
			next = p.Next
			for _, m := range p.Messages {
				deliver(topics[0], []byte(m), nil)
			}
		}
	}()
	return nil
}
