package dstm_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/transport"
)

// BenchmarkClientUpdates has n Updates of one client under way at once, over pipes.
func BenchmarkClientUpdates(b *testing.B) {
	for _, n := range []int{1, 64, 500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			store, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: allowAll, Logger: silence})
			if err != nil {
				b.Fatal(err)
			}
			server := transport.NewServer(nil, store)
			client := dstm.NewClient(nil)
			ctx := context.Background()
			conn, err := transport.Dial(ctx, "pipe:", &transport.ClientOptions{Dialer: server.Pipe()}, client)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { client.Close(); conn.Close(); server.Close(ctx); store.Close(ctx) }()
			o, err := client.Open(ctx, "o")
			if err != nil {
				b.Fatal(err)
			}
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for g := range n {
				wg.Go(func() {
					key := fmt.Sprint("k", g)
					for i := 0; left.Add(-1) >= 0; i++ {
						if _, err := o.Update(ctx, func(tx *dstm.Tx) error { tx.Set(i, key); return nil }); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
