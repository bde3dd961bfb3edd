package engine

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// However long the paths are that hostile clients are refused for, what is remembered of them is bounded.
func TestMemoryIsBounded(t *testing.T) {
	path := make(tree.Path, tree.MaxDepth)
	for i := range path {
		path[i] = strings.Repeat("k", tree.MaxKey)
	}
	long := make([]txn.Conflict, MaxConflicts)
	for i := range long {
		long[i].Path = path
	}
	if kept := conflict(long).remembered(); len(kept.Conflicts) > 0 {
		t.Errorf("%d long paths are kept", len(kept.Conflicts))
	}
	short := make([]txn.Conflict, MaxConflicts)
	for i := range short {
		short[i].Path = tree.Path{"a", strings.Repeat("b", 40)}
	}
	kept := conflict(short).remembered()
	if n := len(kept.Conflicts); n != keptConflicts || cap(kept.Conflicts) >= MaxConflicts {
		t.Errorf("%d short paths are kept in a list of %d", n, cap(kept.Conflicts))
	}
	var m Memory
	var last ID
	for i := range uint64(2_000) {
		binary.BigEndian.PutUint64(last[:], i)
		for sequence := range uint64(maxRefusals) {
			m = m.with(last, 0, Refused{sequence + 1, kept})
		}
	}
	total := 0
	for _, c := range m.young.All() {
		total += c.size()
	}
	if total != m.size {
		t.Errorf("%d bytes are counted as %d", total, m.size)
	}
	for _, c := range m.old.All() {
		total += c.size()
	}
	if total > 2*generationBytes+200_000 {
		t.Errorf("%d bytes are kept", total)
	}
	if m.refusal(last, maxRefusals) == nil || m.refusal(ID{}, 1) != nil {
		t.Error("the latest must be remembered, and the first not")
	}
}

// What a refusal names is bounded in bytes too, since it waits for a client that may not read.
func TestConflictsAreBounded(t *testing.T) {
	path := make(tree.Path, tree.MaxDepth)
	for i := range path {
		path[i] = strings.Repeat("k", tree.MaxKey)
	}
	var few, many conflictList
	for !few.full() {
		few.add(0, path)
	}
	for !many.full() {
		many.add(0, tree.Path{"k"})
	}
	if len(few.list) > 2 || len(many.list) != MaxConflicts {
		t.Errorf("%d long paths, %d short ones", len(few.list), len(many.list))
	}
}
