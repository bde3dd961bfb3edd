package dstm_test

import (
	"context"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
)

// BenchmarkCommit is the store's own path from Update to answer, on a log in memory, with many callers.
func BenchmarkCommit(b *testing.B) {
	store, err := dstm.NewStore(dstm.NewMemoryLog(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close(context.Background())
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		o, err := store.Open(context.Background(), "o")
		if err != nil {
			b.Error(err)
			return
		}
		defer o.Close()
		n := dstm.NewVar[int64]("n").At()
		for pb.Next() {
			if _, err := o.Update(context.Background(), func(tx *dstm.Tx) error { dstm.Add(tx, n, 1); return nil }); err != nil {
				b.Error(err)
			}
		}
	})
}
