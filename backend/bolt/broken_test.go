package bolt

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// breakable is a store whose file can be closed behind its back, so that the next commit fails.
func breakable(t *testing.T, path string) (s *Store, l *handle, breakIt func()) {
	t.Helper()
	var file *os.File
	s, err := open(path, nil, hooks{openFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
		file, err = os.OpenFile(name, flag, mode)
		return file, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) // says that the file is closed already
	return s, mustLog(t, s, "main"), func() { file.Close() }
}

// TestFailedCommit: after an error of a commit nothing works any more, and everybody who waits learns it.
func TestFailedCommit(t *testing.T) {
	path := newPath(t)
	s, l, breakIt := breakable(t, path)
	fill(t, l, 20)
	other := mustLog(t, s, "other")
	_, snapshot, err := l.LoadSnapshot(ctx)
	if err != nil || snapshot != nil {
		t.Fatal(snapshot, err)
	}
	ended := make(chan error, 2)
	for _, l := range []dstm.Log{l, other} {
		go func() {
			var end error
			for _, err := range l.Read(ctx, 20) {
				end = err
			}
			ended <- end
		}()
	}
	breakIt()
	_, err = l.Append(ctx, 20, batchAt(20, 3))
	if !errors.Is(err, dstm.ErrUncertain) || !errors.Is(err, status.Unavailable) || !status.OutcomeUnknown(err) {
		t.Fatalf("Append: %v", err)
	}
	for range 2 {
		if err := wantClosed(nil, <-ended); err != nil {
			t.Errorf("Read: %v", err)
		}
	}
	for what, err := range map[string]error{
		"Append":       wantClosed(l.Append(ctx, 20, batchAt(20, 3))),
		"other Append": wantClosed(other.Append(ctx, 0, batchAt(0, 3))),
		"Head":         wantClosed(l.Head(ctx)),
		"SaveSnapshot": wantClosed(nil, l.SaveSnapshot(ctx, 20, strings.NewReader("x"))),
		"Truncate":     wantClosed(nil, l.Truncate(ctx, 0)),
		"Log":          wantClosed(s.Log("third")),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	s.Close()
	fill(t, mustLog(t, mustOpen(t, path), "main"), 30)
}

// TestShrunkFile: pages that are no longer there fault when they are read. That must end calls, not the process.
func TestShrunkFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that is open cannot be cut off there")
	}
	for _, write := range []bool{false, true} {
		path := newPath(t)
		s, l, _ := breakable(t, path)
		fill(t, l, 300)
		if err := os.Truncate(path, 8<<10); err != nil {
			t.Fatal(err)
		}
		if write {
			if _, err := l.Append(ctx, 300, batchAt(300, 1)); !errors.Is(err, ErrDamaged) || status.OutcomeUnknown(err) {
				t.Errorf("Append: %v", err)
			}
			if err := wantClosed(l.Append(ctx, 300, batchAt(300, 1))); err != nil {
				t.Errorf("Append after damage: %v", err)
			}
		} else {
			for _, err := range l.Read(ctx, 0) {
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("Read: %v", err)
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if s, err := Open(path, nil); !errors.Is(err, ErrDamaged) {
			t.Errorf("Open: %v, %v", s, err)
		}
	}
}

// TestFailedSnapshot: the same for the commits of a snapshot. The older one stays.
func TestFailedSnapshot(t *testing.T) {
	path := newPath(t)
	s, l, breakIt := breakable(t, path)
	fill(t, l, 20)
	if err := l.SaveSnapshot(ctx, 10, strings.NewReader("ten")); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := l.SaveSnapshot(ctx, 20, readerFunc(func(p []byte) (int, error) {
		if n++; n == 3 {
			breakIt()
		}
		return len(p), nil
	}))
	if !errors.Is(err, dstm.ErrUncertain) || !status.OutcomeUnknown(err) {
		t.Fatalf("SaveSnapshot: %v", err)
	}
	s.Close()
	s = mustOpen(t, path)
	l = mustLog(t, s, "main")
	at, r, err := l.LoadSnapshot(ctx)
	if err != nil || at != 10 {
		t.Fatalf("LoadSnapshot: %d, %v", at, err)
	}
	r.Close()
	// The next one removes what the failed one left.
	if err := l.SaveSnapshot(ctx, 15, strings.NewReader("fifteen")); err != nil {
		t.Fatal(err)
	}
	err = s.view(func(tx *bbolt.Tx) error {
		n := 0
		_, _, snapshots, err := l.bucket(tx)
		if err == nil {
			err = snapshots.ForEachBucket(func([]byte) error { n++; return nil })
		}
		if n != 1 {
			t.Errorf("%d snapshots are stored", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
