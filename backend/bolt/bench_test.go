package bolt

import (
	"fmt"
	"os"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
)

// BenchmarkAppend appends batches of entries of 256 bytes, each synced.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			l := mustLog(b, mustOpen(b, newPath(b)), "main")
			batch := benchBatch(size)
			head := dstm.Position(0)
			for b.Loop() {
				var err error
				if head, err = l.Append(ctx, head, batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkSave saves pieces of 1 KiB among 10,000, synced.
func BenchmarkSave(b *testing.B) {
	for _, size := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("pieces=%d", size), func(b *testing.B) {
			l := mustLog(b, mustOpen(b, newPath(b)), "main")
			all := make([]dstm.Piece, 10_000)
			for i := range all {
				all[i] = dstm.Piece{Key: fmt.Sprintf("o/%05d", i*7919%len(all)), Value: make([]byte, 1<<10)}
			}
			if err := l.Save(ctx, all); err != nil {
				b.Fatal(err)
			}
			for at := 0; b.Loop(); at += size {
				some := all[at%len(all):][:size]
				for i := range some {
					some[i].Position++
				}
				if err := l.Save(ctx, some); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "pieces/s")
		})
	}
}

// BenchmarkPlainFile is the reference: the same bytes at the end of a file, synced once.
func BenchmarkPlainFile(b *testing.B) {
	for _, size := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			f, err := os.Create(newPath(b))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			data := make([]byte, 256*size)
			for b.Loop() {
				if _, err := f.Write(data); err != nil {
					b.Fatal(err)
				}
				if err := dataSync(f); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkRead reads a log of 100,000 entries from the beginning.
func BenchmarkRead(b *testing.B) {
	l := mustLog(b, mustOpen(b, newPath(b)), "main")
	const entries = 100_000
	batch := benchBatch(1000)
	for head := dstm.Position(0); head < entries; {
		var err error
		if head, err = l.Append(ctx, head, batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for e, err := range l.Read(ctx, 0) {
			if err != nil {
				b.Fatal(err)
			}
			if e.Position == entries {
				break
			}
		}
	}
	b.ReportMetric(float64(b.N*entries)/b.Elapsed().Seconds(), "entries/s")
}

func benchBatch(size int) dstm.Batch {
	var batch dstm.Batch
	for range size {
		batch.Entries = append(batch.Entries, make([]byte, 256))
	}
	return batch
}
