package dstm_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
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

// BenchmarkDurable is the transaction that the benchmark measures: two reads and a write of 256 bytes, each caller with
// an object of its own. What a log on disk adds is in package backend/bolt.
func BenchmarkDurable(b *testing.B) {
	store, err := dstm.NewStore(dstm.NewMemoryLog(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close(context.Background())
	x, y, z := dstm.NewVar[string]("a").At(), dstm.NewVar[string]("b").At(), dstm.NewVar[string]("c").At()
	text := strings.Repeat("0123456789abcdef", 16)
	var callers atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(256)
	b.RunParallel(func(pb *testing.PB) {
		o, err := store.Open(context.Background(), fmt.Sprint("account/", callers.Add(1)))
		if err != nil {
			b.Error(err)
			return
		}
		defer o.Close()
		for pb.Next() {
			_, err := o.Update(context.Background(), func(tx *dstm.Tx) error {
				if x.Get(tx)+y.Get(tx) != "" {
					b.Error("nobody has written that")
				}
				z.Set(tx, text)
				return nil
			})
			if err != nil {
				b.Error(err)
			}
		}
	})
}
