package load

import (
	"context"
	"sync"
)

// socketIOBus is Socket.IO with a room for each topic.
type socketIOBus struct {
	connections
	address   string
	mu        sync.Mutex
	publisher *socketIO
}

// DialSocketIORooms connects to Socket.IO.
func DialSocketIORooms(ctx context.Context, address string) (Bus, error) {
	c, err := dialSocketIO(ctx, address)
	if err != nil {
		return nil, err
	}
	b := &socketIOBus{address: address, publisher: c}
	b.add(c.close)
	go func() {
		for err == nil { // nothing but pings
			_, err = c.receive()
		}
	}()
	return b, nil
}

func (b *socketIOBus) Publish(_ context.Context, topic int, message []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.publisher.emit(-1, "publish", append([]byte(subject(topic)+" "), message...))
}

func (b *socketIOBus) Subscribe(ctx context.Context, topics []int, deliver Deliver) error {
	c, err := dialSocketIO(ctx, b.address)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.Background())
	b.add(func() {
		stop()
		c.close()
	})
	topic := topics[0] // one a connection: the message does not say which
	if err := c.emit(0, "join", []byte(subject(topic))); err != nil {
		return err
	}
	if _, err := c.packet('3'); err != nil {
		return err
	}
	go func() {
		for {
			p, err := c.packet('2')
			if err == nil {
				p, err = quoted(p, `["message","`)
			}
			if running.Err() != nil {
				return
			}
			deliver(topic, p, err)
			if err != nil {
				return
			}
		}
	}()
	return nil
}
