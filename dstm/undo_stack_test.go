package dstm

import (
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// Updates that run at the same time return in any order; the stack has them in that of their commits.
func TestUndoStackOfConcurrentUpdates(t *testing.T) {
	s := NewUndoStack(nil, 3)
	for _, version := range []uint64{4, 7, 6, 5} {
		s.done = s.push(s.done, Commit{Epoch: "e", Version: version})
	}
	for _, want := range []uint64{7, 6, 5} {
		c, ok := s.last(&s.done)
		if !ok || c.Version != want {
			t.Errorf("version %d is next, not %d", c.Version, want)
		}
		s.drop(&s.done, c)
	}
	if s.CanUndo() {
		t.Error("it holds more than its limit")
	}
	s.done = s.push(s.push(nil, Commit{Epoch: "e", Version: 7}), Commit{Epoch: "f", Version: 1})
	if c, _ := s.last(&s.done); c.Epoch != "f" {
		t.Error("a later epoch is below an earlier one")
	}
}

// What is remembered of a commit holds no whole states in memory.
func TestOwnCommitsKeepWhatWasReplaced(t *testing.T) {
	v := viewOf(t, shape{"big": shape{"a": 1}, "m": shape{"k": 1, "l": 2}})
	var own ownCommits
	own.add(ownCommit{effects: []ownEffect{{before: v.root, writes: []txn.Write{{Op: txn.OpDelete, Path: Path{"m", "k"}}}}}})
	kept := own.list[0].effects[0].before
	if kept.Find(Path{"m", "k"}) == nil || kept.Find(Path{"m", "l"}) != nil || kept.Find(Path{"big"}) != nil {
		t.Errorf("kept is %x", kept.Value())
	}
}
