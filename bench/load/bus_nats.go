package load

import (
	"context"
	"strconv"

	"github.com/nats-io/nats.go"
)

// natsBus is NATS, core publish and subscribe.
type natsBus struct {
	connections
	url       string
	publisher *nats.Conn
}

// DialNATSTopics connects to NATS over TCP.
func DialNATSTopics(ctx context.Context, address string) (Bus, error) {
	return dialNATSBus("nats://" + address)
}

// DialNATSWebSocketTopics connects to NATS over WebSocket, the publisher too.
func DialNATSWebSocketTopics(ctx context.Context, address string) (Bus, error) {
	return dialNATSBus("ws://" + address)
}

func dialNATSBus(url string) (Bus, error) {
	c, err := nats.Connect(url)
	if err != nil {
		return nil, err
	}
	b := &natsBus{url: url, publisher: c}
	b.add(c.Close)
	return b, nil
}

func subject(topic int) string { return "t." + strconv.Itoa(topic) }

func (b *natsBus) Publish(_ context.Context, topic int, message []byte) error {
	return b.publisher.Publish(subject(topic), message)
}

func (b *natsBus) Subscribe(_ context.Context, topics []int, deliver Deliver) error {
	c, err := nats.Connect(b.url, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		deliver(topics[0], nil, err) // a slow consumer, for instance
	}))
	if err != nil {
		return err
	}
	b.add(c.Close)
	for _, topic := range topics {
		if _, err := c.Subscribe(subject(topic), func(m *nats.Msg) { deliver(topic, m.Data, nil) }); err != nil {
			return err
		}
	}
	return c.Flush()
}
