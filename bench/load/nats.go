package load

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// natsEcho asks the service by requests, with callers that wait.
type natsEcho []*nats.Conn

// DialNATS connects to NATS over TCP.
func DialNATS(ctx context.Context, address string, connections int) (Echo, error) {
	return dialNATS("nats://"+address, connections)
}

// DialNATSWebSocket connects to NATS over WebSocket.
func DialNATSWebSocket(ctx context.Context, address string, connections int) (Echo, error) {
	return dialNATS("ws://"+address, connections)
}

func dialNATS(url string, connections int) (Echo, error) {
	var all natsEcho
	for range connections {
		c, err := nats.Connect(url)
		if err != nil {
			all.Close()
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func (all natsEcho) Run(flight, size int, until time.Time, m *Meter) error {
	return callers(len(all), flight, size, until, m, func(i int, in []byte) ([]byte, error) {
		answer, err := all[i].Request("echo", in, 10*time.Second)
		if err != nil {
			return nil, err
		}
		return answer.Data, nil
	})
}

func (all natsEcho) Close() {
	for _, c := range all {
		c.Close()
	}
}
