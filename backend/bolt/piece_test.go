package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// TestDamagedPiece: what cannot be verified is not given out, by Load or List, and List yields what lies before it.
func TestDamagedPiece(t *testing.T) {
	const last = 100_000 / chunkSize
	put := func(b *bbolt.Bucket, key []byte, change func([]byte) []byte) error {
		return b.Put(key, change(bytes.Clone(b.Get(key))))
	}
	flip := func(i int) func([]byte) []byte { return func(r []byte) []byte { r[i] ^= 1; return r } }
	for _, c := range []struct {
		name   string
		change func(pieces, chunks *bbolt.Bucket) error
	}{
		{"position changed", func(p, _ *bbolt.Bucket) error { return put(p, []byte("b"), flip(entryHeader+7)) }},
		{"form changed", func(p, _ *bbolt.Bucket) error { return put(p, []byte("b"), flip(entryHeader+8)) }},
		{"id changed", func(p, _ *bbolt.Bucket) error { return put(p, []byte("b"), flip(entryHeader+16)) }},
		{"cut off", func(p, _ *bbolt.Bucket) error { return p.Put([]byte("b"), []byte("abc")) }},
		{"too short, with the right sum", func(p, _ *bbolt.Bucket) error {
			return p.Put([]byte("b"), appendSealed(nil, []byte("b"), []byte("short")))
		}},
		{"of another key", func(p, _ *bbolt.Bucket) error {
			return put(p, []byte("b"), func([]byte) []byte { return bytes.Clone(p.Get([]byte("a"))) })
		}},
		{"too large, with the right sum", func(p, _ *bbolt.Bucket) error {
			return p.Put([]byte("b"), storedPiece{id: 1, size: dstm.MaxPieceValue + 1}.record([]byte("b")))
		}},
		{"first chunk gone", func(_, c *bbolt.Bucket) error { return c.Delete(chunkKey(1, 0)) }},
		{"middle chunk gone", func(_, c *bbolt.Bucket) error { return c.Delete(chunkKey(1, 1)) }},
		{"last chunk gone", func(_, c *bbolt.Bucket) error { return c.Delete(chunkKey(1, last)) }},
		{"chunk changed", func(_, c *bbolt.Bucket) error { return put(c, chunkKey(1, 2), flip(100)) }},
		{"chunks swapped", func(_, c *bbolt.Bucket) error {
			return put(c, chunkKey(1, 1), func([]byte) []byte { return bytes.Clone(c.Get(chunkKey(1, 2))) })
		}},
		{"last chunk shorter, with the right sum", func(_, c *bbolt.Bucket) error {
			return c.Put(chunkKey(1, last), appendSealed(nil, chunkKey(1, last), []byte("short")))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := newPath(t)
			s := mustOpen(t, path)
			l := mustLog(t, s, "main")
			if err := l.Save(ctx, []dstm.Piece{
				{Key: "a", Position: 3, Value: []byte("state")}, {Key: "b", Position: 3, Value: bytes.Repeat([]byte("0123456789"), 10_000)},
				{Key: "c", Position: 3, Value: []byte("state")},
			}); err != nil {
				t.Fatal(err)
			}
			s.Close()
			raw(t, path, func(tx *bbolt.Tx) error {
				b := tx.Bucket([]byte("dstm/main"))
				return c.change(b.Bucket(piecesBucket), b.Bucket(chunksBucket))
			})
			l = mustLog(t, mustOpen(t, path), "main")
			if p, err := l.Load(ctx, "b"); !errors.Is(err, ErrDamaged) || !errors.Is(err, status.DataLoss) || p.Value != nil {
				t.Errorf("Load: %d bytes, %v", len(p.Value), err)
			}
			var seen []string
			var end error
			for p, err := range l.List(ctx, "", "") {
				if end = err; err == nil {
					seen = append(seen, p.Key)
				}
			}
			if fmt.Sprint(seen) != "[a]" || !errors.Is(end, ErrDamaged) {
				t.Errorf("List yielded %q and %v", seen, end)
			}
			if p, err := l.Load(ctx, "c"); err != nil || string(p.Value) != "state" {
				t.Errorf("Load of a sound one: %q, %v", p.Value, err)
			}
		})
	}
}

// TestChunksGo: no chunk outlives the piece that it belongs to.
func TestChunksGo(t *testing.T) {
	s := mustOpen(t, newPath(t))
	l := mustLog(t, s, "main")
	stored := func() (n int) {
		t.Helper()
		if err := s.view(func(tx *bbolt.Tx) error {
			b, err := l.bucket(tx)
			if err == nil {
				err = b.chunks.ForEach(func(_, _ []byte) error { n++; return nil })
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	large := func(chunks int) []byte { return make([]byte, chunks*chunkSize) }
	for _, c := range []struct {
		pieces []dstm.Piece
		want   int
	}{
		{[]dstm.Piece{{Key: "a", Position: 1, Value: large(1)}}, 0},
		{[]dstm.Piece{{Key: "a", Position: 2, Value: large(100)}, {Key: "b", Position: 2, Value: large(3)}}, 103},
		{[]dstm.Piece{{Key: "a", Position: 2, Value: large(50)}}, 53},
		{[]dstm.Piece{{Key: "a", Position: 1, Value: large(9)}}, 53},
		{[]dstm.Piece{{Key: "a", Position: 3, Value: large(60)}, {Key: "a", Position: 4, Value: large(70)}, {Key: "b", Position: 4, Value: []byte{}}}, 70},
		{[]dstm.Piece{{Key: "a", Position: 4}, {Key: "c", Position: 4, Value: large(2)}}, 2},
		{[]dstm.Piece{{Key: "c", Position: 4}}, 0},
	} {
		if err := l.Save(ctx, c.pieces); err != nil {
			t.Fatal(err)
		}
		if n := stored(); n != c.want {
			t.Errorf("%d chunks are stored, want %d", n, c.want)
		}
	}
}

// TestLargestPiece: what the contract allows can be stored.
func TestLargestPiece(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 64 MiB")
	}
	l := mustLog(t, mustOpen(t, newPath(t)), "main")
	value := bytes.Repeat([]byte{7}, dstm.MaxPieceValue)
	if err := l.Save(ctx, []dstm.Piece{{Key: "a", Position: 1, Value: value}}); err != nil {
		t.Fatal(err)
	}
	if p, err := l.Load(ctx, "a"); err != nil || !bytes.Equal(p.Value, value) {
		t.Errorf("Load: %d bytes, %v", len(p.Value), err)
	}
}

// TestSmallBesideLarge: a small piece does not cost the rewriting of the large ones beside it.
func TestSmallBesideLarge(t *testing.T) {
	path := newPath(t)
	s, err := open(path, nil, hooks{allocSize: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l := mustLog(t, s, "main")
	large := make([]byte, 4<<20)
	if err := l.Save(ctx, []dstm.Piece{{Key: "a", Value: large}, {Key: "b", Value: []byte{}}, {Key: "c", Value: large}}); err != nil {
		t.Fatal(err)
	}
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	start := size()
	for at := range dstm.Position(50) {
		if err := l.Save(ctx, []dstm.Piece{{Key: "b", Position: at, Value: []byte("small")}}); err != nil {
			t.Fatal(err)
		}
	}
	if grown := size() - start; grown > 1<<20 {
		t.Errorf("the file grew by %d KiB", grown>>10)
	}
}

// TestManyPiecesCostNoMemory: opening a file, and looking through the keys of a prefix, cost nothing in proportion to what is
// stored.
func TestManyPiecesCostNoMemory(t *testing.T) {
	pieces := 100_000
	if testing.Short() {
		pieces = 20_000
	}
	path := newPath(t)
	s := mustOpen(t, path)
	l := mustLog(t, s, "main")
	value := make([]byte, 1<<10)
	for i := 0; i < pieces; {
		var some []dstm.Piece
		for ; len(some) < 5000; i++ {
			some = append(some, dstm.Piece{Key: fmt.Sprintf("o/%06d", i), Position: 1, Value: value})
		}
		if err := l.Save(ctx, some); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := inUse()
	start := allocated()
	s = mustOpen(t, path)
	l = mustLog(t, s, "main")
	garbage := allocated() - start
	opened := inUse()
	n := 0
	for _, err := range l.Keys(ctx, "o/0001", "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	looked := inUse()
	t.Logf("%d pieces: %d KiB in use after opening, %d KiB after %d keys; opening allocated %d KiB in all",
		pieces, (opened-before)>>10, (looked-before)>>10, n, garbage>>10)
	if n != 100 {
		t.Errorf("%d keys, want 100", n)
	}
	if looked > before+4<<20 || garbage > 4<<20 {
		t.Errorf("%d KiB more in use than before, %d KiB allocated", (looked-before)>>10, garbage>>10)
	}
	runtime.KeepAlive(s)
}

// allocated is how much memory was ever asked for, in bytes.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// inUse is the memory that is reachable now, in bytes.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
