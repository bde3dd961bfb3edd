package rpc_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/rpc"
)

// BenchmarkEcho calls over a loopback WebSocket, 1 or 128 at a time, with handlers on pooled goroutines and on the reader.
func BenchmarkEcho(b *testing.B) {
	for _, mode := range []string{"pooled", "inline"} {
		for _, size := range []int{64, 4 << 10} {
			for _, flight := range []int{1, 128} {
				b.Run(fmt.Sprintf("%s/%dB/flight=%d", mode, size, flight), func(b *testing.B) {
					echo(b, mode == "inline", size, flight)
				})
			}
		}
	}
}

func echo(b *testing.B, inline bool, size, flight int) {
	calls := rpc.NewPeer(&rpc.PeerOptions{MaxConcurrent: 256})
	var opts []rpc.HandleOption
	if inline {
		opts = append(opts, rpc.Inline)
	}
	blob.Handle(calls, func(_ context.Context, in []byte) ([]byte, error) { return in, nil }, opts...)
	w := newWorld(b, true, false, calls)
	mine := rpc.NewPeer(nil)
	w.dial(mine)
	in := make([]byte, size)
	b.ReportAllocs()
	b.SetBytes(int64(size))
	b.ResetTimer()
	var callers sync.WaitGroup
	for g := range flight {
		callers.Go(func() {
			for i := g; i < b.N; i += flight {
				if _, err := blob.Call(context.Background(), mine, in); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
}

// BenchmarkEchoSpread calls over 64 loopback WebSockets, 16 at a time on each.
func BenchmarkEchoSpread(b *testing.B) {
	const connections, flight = 64, 16
	for _, mode := range []string{"pooled", "inline"} {
		b.Run(mode, func(b *testing.B) {
			calls := rpc.NewPeer(nil)
			var opts []rpc.HandleOption
			if mode == "inline" {
				opts = append(opts, rpc.Inline)
			}
			blob.Handle(calls, func(_ context.Context, in []byte) ([]byte, error) { return in, nil }, opts...)
			w := newWorld(b, true, false, calls)
			var peers []*rpc.Peer
			for range connections {
				peers = append(peers, rpc.NewPeer(nil))
				w.dial(peers[len(peers)-1])
			}
			in := make([]byte, 64)
			b.ReportAllocs()
			b.ResetTimer()
			var callers sync.WaitGroup
			for g := range connections * flight {
				callers.Go(func() {
					for i := g; i < b.N; i += connections * flight {
						if _, err := blob.Call(context.Background(), peers[g%connections], in); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			callers.Wait()
		})
	}
}
