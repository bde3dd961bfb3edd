package load

import (
	"context"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/trefoilgo/trefoil/bench/server"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/transport"
)

// dialTrefoil opens one connection with the given patterns, as any program does.
func dialTrefoil(ctx context.Context, address string, patterns ...transport.Pattern) (*transport.Client, error) {
	return transport.Dial(ctx, trefoilURL(address), &transport.ClientOptions{Logger: warnings()}, patterns...)
}

func trefoilURL(address string) string { return "ws://" + address + "/ws" }

func warnings() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// trefoilEcho calls one method, with callers that wait.
type trefoilEcho struct {
	method      rpc.Method[[]byte, []byte]
	peers       []*rpc.Peer
	connections []*transport.Client
}

// DialInline connects to Trefoil and calls the method that is handled on the reading goroutine.
func DialInline(ctx context.Context, address string, connections int) (Echo, error) {
	return dialMethod(ctx, address, connections, server.Inline)
}

// DialOrdinary connects to Trefoil and calls the method that is handled as usual.
func DialOrdinary(ctx context.Context, address string, connections int) (Echo, error) {
	return dialMethod(ctx, address, connections, server.Echo)
}

func dialMethod(ctx context.Context, address string, connections int, method rpc.Method[[]byte, []byte]) (Echo, error) {
	t := &trefoilEcho{method: method, peers: make([]*rpc.Peer, connections), connections: make([]*transport.Client, connections)}
	err := shared(connections, func(i int) (err error) {
		t.peers[i] = rpc.NewPeer(nil)
		t.connections[i], err = dialTrefoil(ctx, address, t.peers[i])
		return err
	})
	if err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *trefoilEcho) Run(flight, size int, until time.Time, m *Meter) error {
	ctx := context.Background()
	return callers(len(t.peers), flight, size, until, m, func(i int, in []byte) ([]byte, error) {
		return t.method.Call(ctx, t.peers[i], in)
	})
}

// Spread is an Echo that can have few calls in flight on many connections.
type Spread interface {
	Echo
	// RunSpread keeps flight calls in flight in all, each on the next connection.
	RunSpread(flight, size int, until time.Time, m *Meter) error
}

func (t *trefoilEcho) RunSpread(flight, size int, until time.Time, m *Meter) error {
	ctx := context.Background()
	var next atomic.Int64
	return callers(1, flight, size, until, m, func(_ int, in []byte) ([]byte, error) {
		return t.method.Call(ctx, t.peers[int(next.Add(1))%len(t.peers)], in)
	})
}

func (t *trefoilEcho) Close() {
	shared(len(t.connections), func(i int) error {
		if c := t.connections[i]; c != nil {
			c.Close()
		}
		return nil
	})
}
