package load

import (
	"context"
	"strconv"
	"sync"

	"github.com/trefoilgo/trefoil/bench/server"
	"github.com/trefoilgo/trefoil/pubsub"
)

// connections are what a Bus has open.
type connections struct {
	mu   sync.Mutex
	open []func()
}

func (c *connections) add(closing func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = append(c.open, closing)
}

// Close closes all of them, many at once.
func (c *connections) Close() {
	c.mu.Lock()
	open := c.open
	c.open = nil
	c.mu.Unlock()
	closing := make(chan func())
	var all sync.WaitGroup
	for range min(32, len(open)) {
		all.Go(func() {
			for f := range closing {
				f()
			}
		})
	}
	for _, f := range open {
		closing <- f
	}
	close(closing)
	all.Wait()
}

// trefoilBus is Trefoil's pub/sub.
type trefoilBus struct {
	connections
	address   string
	publisher *pubsub.Client
}

// DialTopics connects to Trefoil's pub/sub.
func DialTopics(ctx context.Context, address string) (Bus, error) {
	b := &trefoilBus{address: address, publisher: pubsub.NewClient(nil)}
	c, err := dialTrefoil(ctx, address, b.publisher)
	if err != nil {
		return nil, err
	}
	b.add(func() { c.Close() })
	return b, nil
}

func (b *trefoilBus) Publish(ctx context.Context, topic int, message []byte) error {
	_, err := server.Topics.At(strconv.Itoa(topic)).Publish(ctx, b.publisher, message)
	return err
}

func (b *trefoilBus) Subscribe(ctx context.Context, topics []int, deliver Deliver) error {
	client := pubsub.NewClient(nil)
	c, err := dialTrefoil(ctx, b.address, client)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	b.add(func() {
		stop()
		all.Wait()
		c.Close()
	})
	for _, topic := range topics {
		s, err := server.Topics.At(strconv.Itoa(topic)).Subscribe(ctx, client)
		if err != nil {
			return err
		}
		all.Go(func() {
			for message, err := range s.All(running) {
				if running.Err() != nil {
					return
				}
				deliver(topic, message.Value, err)
			}
		})
	}
	return nil
}
