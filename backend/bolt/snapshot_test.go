package bolt

import (
	"errors"
	"io"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// TestDamagedSnapshot: no snapshot that was changed is given out as a whole one.
func TestDamagedSnapshot(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 40_000)
	const last = 640_000 / chunkSize
	for _, c := range []struct {
		name   string
		change func(chunks *bbolt.Bucket) error
	}{
		{"first gone", func(b *bbolt.Bucket) error { return b.Delete(positionKey(0)) }},
		{"middle gone", func(b *bbolt.Bucket) error { return b.Delete(positionKey(10)) }},
		{"last gone", func(b *bbolt.Bucket) error { return b.Delete(positionKey(last)) }},
		{"swapped", func(b *bbolt.Bucket) error { return b.Put(positionKey(3), append([]byte{}, b.Get(positionKey(4))...)) }},
		{"changed", func(b *bbolt.Bucket) error {
			record := append([]byte{}, b.Get(positionKey(7))...)
			record[100] ^= 1
			return b.Put(positionKey(7), record)
		}},
		{"last shorter, with the right sum", func(b *bbolt.Bucket) error {
			return b.Put(positionKey(last), appendSealed(nil, chunkKey(1, last), []byte("short")))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := newPath(t)
			s := mustOpen(t, path)
			l := mustLog(t, s, "main")
			fill(t, l, 9)
			if err := l.SaveSnapshot(ctx, 9, strings.NewReader(content)); err != nil {
				t.Fatal(err)
			}
			s.Close()
			raw(t, path, func(tx *bbolt.Tx) error {
				return c.change(tx.Bucket([]byte("dstm/main")).Bucket(snapshotsBucket).Bucket(positionKey(1)))
			})
			_, r, err := mustLog(t, mustOpen(t, path), "main").LoadSnapshot(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got, err := io.ReadAll(r)
			if !errors.Is(err, ErrDamaged) || !errors.Is(err, status.DataLoss) {
				t.Errorf("read %d of %d bytes with %v", len(got), len(content), err)
			}
			if !strings.HasPrefix(content, string(got)) && c.name != "last shorter, with the right sum" {
				t.Error("read something else")
			}
		})
	}
}

// TestSnapshotReplacedWhileRead: a reader ends what it began, however often the snapshot was replaced.
func TestSnapshotReplacedWhileRead(t *testing.T) {
	s := mustOpen(t, newPath(t))
	l := mustLog(t, s, "main")
	fill(t, l, 9)
	content := strings.Repeat("0123456789abcdef", 100_000)
	if err := l.SaveSnapshot(ctx, 1, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	_, r, err := l.LoadSnapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	stored := func() (n int) {
		err := s.view(func(tx *bbolt.Tx) error {
			_, _, snapshots, err := l.bucket(tx)
			if err != nil {
				return err
			}
			return snapshots.ForEachBucket(func([]byte) error { n++; return nil })
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for at := dstm.Position(2); at < 5; at++ {
		if err := l.SaveSnapshot(ctx, at, strings.NewReader("newer")); err != nil {
			t.Fatal(err)
		}
		if n := stored(); n != 2 {
			t.Errorf("%d snapshots are stored while one is read", n)
		}
	}
	got, err := io.ReadAll(r)
	if err != nil || string(got) != content {
		t.Errorf("read %d of %d bytes, %v", len(got), len(content), err)
	}
	r.Close()
	if err := l.SaveSnapshot(ctx, 5, strings.NewReader("newest")); err != nil {
		t.Fatal(err)
	}
	if n := stored(); n != 1 {
		t.Errorf("%d snapshots are stored in the end", n)
	}
}

// TestSnapshotReaderClosed: a reader that was closed gives nothing, and its snapshot can go.
func TestSnapshotReaderClosed(t *testing.T) {
	l := mustLog(t, mustOpen(t, newPath(t)), "main")
	fill(t, l, 9)
	if err := l.SaveSnapshot(ctx, 5, strings.NewReader("five")); err != nil {
		t.Fatal(err)
	}
	_, r, err := l.LoadSnapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Read(make([]byte, 9)); !errors.Is(err, status.FailedPrecondition) {
		t.Errorf("Read of a closed reader: %v", err)
	}
	if len(l.readers) != 0 {
		t.Errorf("still counted as reading: %v", l.readers)
	}
}
