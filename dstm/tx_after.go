package dstm

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/replica"
)

// depend makes the transaction presume every unanswered one that wrote at, above or below path, which
// it has read, and reports whether there is one.
func (tx *Tx) depend(path Path) bool {
	found := false
	for i := range tx.view.pending {
		p := &tx.view.pending[i]
		if !slices.ContainsFunc(p.Paths, path.Touches) {
			continue
		}
		found = true
		tx.presume(p)
		if tx.view.strict {
			tx.awaited = include(tx.awaited, p.Sequence)
		}
	}
	return found
}

// dependOnMaps makes the transaction presume the own unanswered ones that created a map or list on the way to what is
// written at path: without them the server would see a map newer than the base.
func (tx *Tx) dependOnMaps(path Path) {
	if len(tx.view.pending) == 0 {
		return
	}
	node := tx.view.root
	for i := range path {
		if node = node.Kids.Get(path[i]); node == nil || i == len(path)-1 {
			return
		}
		if node.Written > tx.view.base {
			tx.dependOnMaker(path[:i+1])
		}
	}
}

// dependOnMaker makes the transaction presume who created the map at path: the last unanswered one that wrote there or above, or, if that
// one had left nothing there, the first behind it that wrote below, on whose way the map was missing. Those that wrote below later
// found it there: however many they are, nothing depends on them.
func (tx *Tx) dependOnMaker(path Path) {
	pending := tx.view.pending
	last := len(pending) - 1
	for last >= 0 && !slices.ContainsFunc(pending[last].Paths, path.Starts) {
		last--
	}
	if last >= 0 {
		tx.presume(&pending[last])
	}
	below := func(p Path) bool { return p.Starts(path) }
	for i := last + 1; i < len(pending); i++ {
		if slices.ContainsFunc(pending[i].Paths, below) {
			tx.presume(&pending[i])
			return
		}
	}
}

func (t *transaction) presume(p *replica.Pending) { t.after = include(t.after, p.Sequence) }

// include adds a sequence to an ascending list that lacks it.
func include(list []uint64, sequence uint64) []uint64 {
	if i, ok := slices.BinarySearch(list, sequence); !ok {
		return slices.Insert(list, i, sequence)
	}
	return list
}
