package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// backedUp makes a file with two logs and returns it and its backup.
func backedUp(t *testing.T) (path string, backup []byte) {
	t.Helper()
	path = newPath(t)
	s := mustOpen(t, path)
	for i, name := range []string{"main", "other"} {
		l := mustLog(t, s, name)
		fill(t, l, 60)
		if err := errors.Join(saveGroup(l, 30), l.Truncate(ctx, dstm.Position(20+40*i))); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	n, err := s.Backup(ctx, &b)
	if err != nil || n != int64(b.Len()) || n == 0 {
		t.Fatalf("Backup of %d bytes said %d, %v", b.Len(), n, err)
	}
	s.Close()
	return path, b.Bytes()
}

func TestRestore(t *testing.T) {
	_, backup := backedUp(t)
	path := newPath(t)
	if err := Restore(path, bytes.NewReader(backup)); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, path)
	for _, name := range []string{"main", "other"} {
		l := mustLog(t, s, name)
		mark, err := l.Load(ctx, dstm.RestoredKey)
		if err != nil || mark.Value == nil || mark.Position != 0 {
			t.Fatalf("%s: the mark is %+v, %v", name, mark, err)
		}
		if err := l.Save(ctx, []dstm.Piece{{Key: dstm.RestoredKey}}); err != nil {
			t.Fatal(err)
		}
		if at, err := verifyPieces(l); err != nil || at != 30 {
			t.Errorf("%s: pieces at %d, %v", name, at, err)
		}
		if head, err := l.Head(ctx); err != nil || head != 60 {
			t.Errorf("%s: head %d, %v", name, head, err)
		}
		if _, base, _ := l.state(); base < 60 {
			if err := verifyEntries(l, base, 60); err != nil {
				t.Error(err)
			}
		}
		fill(t, l, 70)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestBackupWhileInUse: a backup holds what was acknowledged before it began, and of what came later all or nothing.
func TestBackupWhileInUse(t *testing.T) {
	s := mustOpen(t, newPath(t))
	l := mustLog(t, s, "main")
	stop, stopped := make(chan struct{}), make(chan error, 1)
	said := make(chan dstm.Position, 1)
	go func() {
		var head dstm.Position
		var err error
		for err == nil {
			after := head
			if head, err = l.Append(ctx, after, batchAt(after, sizeBehind(after))); err == nil {
				err = l.Save(ctx, groupAt(head, after))
			}
			select {
			case <-said:
			default:
			}
			said <- head
			select {
			case <-stop:
				stopped <- err
				return
			default:
			}
		}
		stopped <- err
	}()
	for i := range 5 {
		least := acknowledged{head: <-said}
		least.pieces = least.head
		path := filepath.Join(t.TempDir(), "store")
		r, w := io.Pipe()
		go func() {
			_, err := s.Backup(ctx, w)
			w.CloseWithError(err)
		}()
		if err := Restore(path, r); err != nil {
			t.Fatalf("Restore %d: %v", i, err)
		}
		if head, err := least.verify(path); err != nil {
			t.Errorf("restored head %d: %v", head, err)
		}
	}
	close(stop)
	for {
		select {
		case <-said:
			continue
		case err := <-stopped:
			if err != nil {
				t.Error(err)
			}
			return
		}
	}
}

// TestBackupFails: the error of the writer, of the context and of a store that closes.
func TestBackupFails(t *testing.T) {
	path := newPath(t)
	s := mustOpen(t, path)
	l := mustLog(t, s, "main")
	fill(t, l, 900)
	full := errors.New("full")
	if n, err := s.Backup(ctx, writerFunc(func(p []byte) (int, error) { return 7, full })); !errors.Is(err, full) || n != 7 {
		t.Errorf("the writer's error: %d, %v", n, err)
	}
	canceled, cancel := context.WithCancel(ctx)
	n, err := s.Backup(canceled, writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil }))
	if !errors.Is(err, context.Canceled) || n != int64(os.Getpagesize()) {
		t.Errorf("canceled on the way: %d, %v", n, err)
	}
	_, err = s.Backup(ctx, writerFunc(func(p []byte) (int, error) {
		s.end(nil) // what Close does first; the rest of it waits for the backup
		return len(p), nil
	}))
	if err := wantClosed(nil, err); err != nil {
		t.Errorf("closed on the way: %v", err)
	}
	if err := wantClosed(s.Backup(ctx, io.Discard)); err != nil {
		t.Error(err)
	}
	s.Close()
	fill(t, mustLog(t, mustOpen(t, path), "main"), 901)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestRestoreRefuses: what is not a whole backup makes no file, and what is there stays.
func TestRestoreRefuses(t *testing.T) {
	source, backup := backedUp(t)
	damagedEntry := filepath.Join(t.TempDir(), "damaged")
	if err := os.WriteFile(damagedEntry, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	raw(t, damagedEntry, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("dstm/main")).Bucket(entriesBucket).Put(positionKey(40), []byte("damaged"))
	})
	read := func(path string) []byte {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	broken := errors.New("the reader broke")
	for _, c := range []struct {
		name string
		r    io.Reader
		want error
	}{
		{"empty", strings.NewReader(""), ErrDamaged},
		{"text", strings.NewReader(strings.Repeat("hello\n", 5000)), ErrDamaged},
		{"cut off", bytes.NewReader(backup[:len(backup)-1]), ErrDamaged},
		{"half", bytes.NewReader(backup[:len(backup)/2]), ErrDamaged},
		{"a damaged entry", bytes.NewReader(read(damagedEntry)), ErrDamaged},
		{"a reader that fails", io.MultiReader(bytes.NewReader(backup), errorReader{broken}), broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			if err := Restore(filepath.Join(folder, "store"), c.r); !errors.Is(err, c.want) {
				t.Errorf("Restore: %v, want %v", err, c.want)
			}
			if left, _ := os.ReadDir(folder); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	for what, path := range map[string]string{"a file": source, "a folder": filepath.Dir(source)} {
		before := fmt.Sprint(os.ReadDir(filepath.Dir(source)))
		if err := Restore(path, bytes.NewReader(backup)); !errors.Is(err, status.AlreadyExists) {
			t.Errorf("Restore over %s: %v", what, err)
		}
		if after := fmt.Sprint(os.ReadDir(filepath.Dir(source))); after != before {
			t.Errorf("Restore over %s left %s, before %s", what, after, before)
		}
	}
	if err := Restore("", bytes.NewReader(backup)); !errors.Is(err, status.InvalidArgument) {
		t.Errorf("Restore to nowhere: %v", err)
	}
	if err := Restore(filepath.Join(t.TempDir(), "no", "store"), bytes.NewReader(backup)); !errors.Is(err, status.NotFound) {
		t.Errorf("Restore to no folder: %v", err)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }
