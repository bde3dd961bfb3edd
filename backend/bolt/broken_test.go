package bolt

import (
	"errors"
	"os"
	"runtime"
	"testing"

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
	piece := []dstm.Piece{{Key: "a", Position: 20, Value: []byte("state")}}
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
	_, err := l.Append(ctx, 20, batchAt(20, 3))
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
		"Save":         wantClosed(nil, l.Save(ctx, piece)),
		"Load":         wantClosed(l.Load(ctx, "a")),
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

// TestFailedSave: the same for the commit of pieces, of which all or none are there afterwards.
func TestFailedSave(t *testing.T) {
	path := newPath(t)
	s, l, breakIt := breakable(t, path)
	fill(t, l, 20)
	ended := make(chan error, 1)
	go func() {
		var end error
		for _, err := range l.Read(ctx, 20) {
			end = err
		}
		ended <- end
	}()
	if err := saveGroup(l, 9); err != nil {
		t.Fatal(err)
	}
	breakIt()
	if err := saveGroup(l, 20); !errors.Is(err, dstm.ErrUncertain) || !status.OutcomeUnknown(err) {
		t.Fatalf("Save: %v", err)
	}
	if err := wantClosed(nil, <-ended); err != nil {
		t.Errorf("Read: %v", err)
	}
	for what, err := range map[string]error{
		"Append": wantClosed(l.Append(ctx, 20, batchAt(20, 3))),
		"Save":   wantClosed(nil, l.Save(ctx, []dstm.Piece{{Key: "a", Position: 20}})),
		"Load":   wantClosed(l.Load(ctx, "small")),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	s.Close()
	l = mustLog(t, mustOpen(t, path), "main")
	if at, err := verifyPieces(l); err != nil || at != 9 {
		t.Errorf("pieces at %d, %v", at, err)
	}
	if err := saveGroup(l, 20); err != nil {
		t.Error(err)
	}
}
