package bolt

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

var ctx = context.Background()

func TestOpenLocked(t *testing.T) {
	path := newPath(t)
	s := mustOpen(t, path)
	start := time.Now()
	_, err := Open(path, nil)
	if !errors.Is(err, ErrLocked) || !errors.Is(err, status.Unavailable) {
		t.Fatalf("Open of an open file: %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, path)
}

func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	foreign := filepath.Join(folder, "foreign")
	raw(t, foreign, func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("theirs")); return err })
	newer := newPath(t)
	mustOpen(t, newer).Close()
	raw(t, newer, func(tx *bbolt.Tx) error { return tx.Bucket(formatBucket).Put(versionKey, []byte{fileFormat + 1}) })
	older := newPath(t)
	mustOpen(t, older).Close()
	raw(t, older, func(tx *bbolt.Tx) error { return tx.Bucket(formatBucket).Put(versionKey, []byte{1}) })
	garbled := newPath(t)
	mustOpen(t, garbled).Close()
	raw(t, garbled, func(tx *bbolt.Tx) error { return tx.Bucket(formatBucket).Put(versionKey, []byte("1.0")) })

	for _, c := range []struct {
		name, path string
		opts       *Options
		want       error
	}{
		{"text", write("text", strings.Repeat("hello\n", 10000)), nil, ErrDamaged},
		{"short", write("short", "hello"), nil, ErrDamaged},
		{"zeros", write("zeros", strings.Repeat("\x00", 64<<10)), nil, ErrDamaged},
		{"folder", folder, nil, ErrForeign},
		{"of another program", foreign, nil, ErrForeign},
		{"newer", newer, nil, ErrFormatNewer},
		{"older", older, nil, ErrFormatOlder},
		{"garbled format", garbled, nil, ErrDamaged},
		{"no folder", filepath.Join(folder, "no", "store"), nil, status.NotFound},
		{"no path", "", nil, status.InvalidArgument},
		{"mode", filepath.Join(folder, "a"), &Options{Mode: 0o400}, status.InvalidArgument},
		{"timeout", filepath.Join(folder, "a"), &Options{LockTimeout: -1}, status.InvalidArgument},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, _ := os.ReadFile(c.path)
			s, err := Open(c.path, c.opts)
			if !errors.Is(err, c.want) {
				t.Fatalf("Open: %v, %v, want %v", s, err, c.want)
			}
			if after, _ := os.ReadFile(c.path); string(after) != string(before) {
				t.Error("the file was changed")
			}
			var coded *status.Error
			if !errors.As(err, &coded) || coded.Unknown {
				t.Errorf("%v is not a plain *status.Error", err)
			}
		})
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "*.new-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// raw changes a file behind the store's back.
func raw(t *testing.T, path string, f func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(f), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpenEmptyFile(t *testing.T) {
	path := newPath(t)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fill(t, mustLog(t, mustOpen(t, path), "main"), 5)
}

func TestOpenCreates(t *testing.T) {
	path := newPath(t)
	mustOpen(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 2*allocSize {
		t.Errorf("a new file has %d bytes", info.Size())
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLogNames(t *testing.T) {
	path := newPath(t)
	s := mustOpen(t, path)
	for _, name := range []string{"", strings.Repeat("x", 256)} {
		if _, err := s.Log(name); !errors.Is(err, status.InvalidArgument) {
			t.Errorf("Log(%q): %v", name, err)
		}
	}
	names := []string{"a", "A", "a/b", "\x00", strings.Repeat("x", 255)}
	for i, name := range names {
		fill(t, mustLog(t, s, name), dstm.Position(i+1))
	}
	s.Close()
	if _, err := s.Log("a"); !errors.Is(err, dstm.ErrLogClosed) {
		t.Errorf("Log of a closed store: %v", err)
	}
	s = mustOpen(t, path)
	for i, name := range names {
		if head, err := mustLog(t, s, name).Head(ctx); err != nil || head != dstm.Position(i+1) {
			t.Errorf("%q: head %d, %v", name, head, err)
		}
	}
}

func TestLogFormat(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(b *bbolt.Bucket) error
		want   error
	}{
		{"newer", func(b *bbolt.Bucket) error { return b.Put(formatKey, []byte{logFormat + 1}) }, ErrFormatNewer},
		{"none", func(b *bbolt.Bucket) error { return b.Delete(formatKey) }, ErrDamaged},
		{"base", func(b *bbolt.Bucket) error { return b.Put(baseKey, []byte("12345678")) }, ErrDamaged},
		{"base beyond", func(b *bbolt.Bucket) error {
			return b.Put(baseKey, appendSealed(nil, baseKey, positionKey(7)))
		}, ErrDamaged},
		{"no pieces", func(b *bbolt.Bucket) error { return b.DeleteBucket(piecesBucket) }, ErrDamaged},
		{"no chunks", func(b *bbolt.Bucket) error { return b.DeleteBucket(chunksBucket) }, ErrDamaged},
		{"no entries", func(b *bbolt.Bucket) error { return b.DeleteBucket(entriesBucket) }, ErrDamaged},
		{"first entry gone", func(b *bbolt.Bucket) error { return b.Bucket(entriesBucket).Delete(positionKey(1)) }, ErrDamaged},
		{"odd entry", func(b *bbolt.Bucket) error { return b.Bucket(entriesBucket).Put([]byte("odd"), nil) }, ErrDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := newPath(t)
			s := mustOpen(t, path)
			fill(t, mustLog(t, s, "main"), 9)
			s.Close()
			raw(t, path, func(tx *bbolt.Tx) error { return c.change(tx.Bucket([]byte("dstm/main"))) })
			if _, err := mustOpen(t, path).Log("main"); !errors.Is(err, c.want) {
				t.Errorf("Log: %v, want %v", err, c.want)
			}
		})
	}
}

// TestDamagedEntry: what cannot be verified is not given out, and what lies before it is.
func TestDamagedEntry(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(entries *bbolt.Bucket) error
	}{
		{"gone", func(b *bbolt.Bucket) error { return b.Delete(positionKey(5)) }},
		{"cut off", func(b *bbolt.Bucket) error { return b.Put(positionKey(5), []byte("ab")) }},
		{"of another place", func(b *bbolt.Bucket) error { return b.Put(positionKey(5), append([]byte{}, b.Get(positionKey(6))...)) }},
		{"changed", func(b *bbolt.Bucket) error {
			record := append([]byte{}, b.Get(positionKey(5))...)
			record[len(record)-1] ^= 1
			return b.Put(positionKey(5), record)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := newPath(t)
			s := mustOpen(t, path)
			fill(t, mustLog(t, s, "main"), 9)
			s.Close()
			raw(t, path, func(tx *bbolt.Tx) error { return c.change(tx.Bucket([]byte("dstm/main")).Bucket(entriesBucket)) })
			last := dstm.Position(0)
			var end error
			for e, err := range mustLog(t, mustOpen(t, path), "main").Read(ctx, 0) {
				if end = err; err == nil {
					last = e.Position
				}
			}
			if last != 4 || !errors.Is(end, ErrDamaged) || !errors.Is(end, status.DataLoss) {
				t.Errorf("Read ended after %d with %v", last, end)
			}
		})
	}
}

// TestSpaceIsUsedAgain: neither readers that wait or loiter nor truncations keep the file growing.
func TestSpaceIsUsedAgain(t *testing.T) {
	path := newPath(t)
	s := mustOpen(t, path)
	l := mustLog(t, s, "main")
	fill(t, l, 10)
	for range l.Read(ctx, 0) { // stands still in the middle of its loop
		var head dstm.Position = 10
		entry := make([]byte, 256<<10)
		for round := range 12 {
			for range 4 {
				var err error
				if head, err = l.Append(ctx, head, dstm.Batch{Entries: [][]byte{entry}}); err != nil {
					t.Fatal(err)
				}
			}
			err := l.Save(ctx, []dstm.Piece{{Key: "state", Position: head, Value: make([]byte, 1<<20)}})
			if err == nil {
				err = l.Truncate(ctx, head)
			}
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		break
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d KiB", info.Size()>>10)
	if info.Size() > 16<<20 { // 24 MiB went through, and bbolt writes neighbours of large values again
		t.Errorf("the file has %d MiB", info.Size()>>20)
	}
}
