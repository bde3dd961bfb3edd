// Package lens is what one class of clients may see of an object: what is at and below a list of paths. It
// filters values and writes, and cuts large values into pieces.
//
// Filtering needs no state: what a write does at each readable path follows from the write alone. See
// docs/decisions/0012-readable-paths.md.
package lens

import (
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// Lens is a list of readable paths. A nil Lens lets everything through. It is immutable.
type Lens struct {
	paths []tree.Path // ascending, none below another
	list  []byte      // encoded
}

// New makes the lens of these valid paths, which it does not keep. It is nil if the root is among them.
func New(paths []tree.Path) *Lens {
	sorted := slices.Clone(paths)
	slices.SortFunc(sorted, func(a, b tree.Path) int { return slices.Compare(a, b) })
	l := &Lens{paths: []tree.Path{}}
	for _, path := range sorted {
		if len(path) == 0 {
			return nil
		}
		if !l.Sees(path) {
			l.paths = append(l.paths, slices.Clone(path))
		}
	}
	l.list = codec.AppendArray(nil, len(l.paths))
	for _, path := range l.paths {
		l.list = txn.AppendPath(l.list, path)
	}
	return l
}

// Paths are the readable paths, not nil but for a nil Lens. They must not be changed.
func (l *Lens) Paths() []tree.Path {
	if l == nil {
		return nil
	}
	return l.paths[:len(l.paths):len(l.paths)]
}

// AppendPaths appends the list of readable paths, nil for a nil Lens. It is the same for lenses that show the same.
func (l *Lens) AppendPaths(b []byte) []byte {
	if l == nil {
		return codec.AppendNil(b)
	}
	return append(b, l.list...)
}

// Sees reports whether path is at or below a readable one.
func (l *Lens) Sees(path tree.Path) bool { return l == nil || l.over(path) >= 0 }

// over is the index of the readable path at or above path, -1 if there is none.
func (l *Lens) over(path tree.Path) int {
	return slices.IndexFunc(l.paths, func(p tree.Path) bool { return path.Starts(p) })
}

// Writes returns what the writes, made together, do at readable paths: no more writes than there are and than there are paths.
func (l *Lens) Writes(writes []txn.Write) []txn.Write {
	if l == nil {
		return writes
	}
	f := filter{lens: l, replaced: make([]bool, len(l.paths))}
	for i := len(writes) - 1; i >= 0; i-- {
		w := &writes[i]
		if at := l.over(w.Path); at < 0 {
			f.below(w)
		} else if !f.replaced[at] {
			f.out = append(f.out, *w)
		}
	}
	slices.Reverse(f.out)
	return f.out
}

// filter goes through writes from the last to the first.
type filter struct {
	lens     *Lens
	replaced []bool // of each readable path whether a later write replaces all that is there
	out      []txn.Write
}

// below takes what a write at no readable path does to those below it.
func (f *filter) below(w *txn.Write) {
	at := w.Path
	switch w.Op {
	case txn.OpSet, txn.OpDelete:
	case txn.OpInsert:
		at = w.Element()
	default:
		return // a number has nothing below it, and a move changes no value
	}
	var root *tree.Node
	for i, path := range slices.Backward(f.lens.paths) {
		if f.replaced[i] || !path.Starts(at) {
			continue
		}
		if root == nil && w.Op != txn.OpDelete {
			node, err := tree.New(w.Value, w.Shape, 0, 0)
			if err != nil {
				return // it was checked before it was committed
			}
			root = &node
		}
		f.replaced[i] = true
		f.out = append(f.out, writeOf(path, root, path[len(at):]))
	}
}

// writeOf sets path to what root holds at rest, or deletes it.
func writeOf(path tree.Path, root *tree.Node, rest tree.Path) txn.Write {
	if root != nil {
		if n := root.Find(rest); n != nil {
			return txn.Write{Op: txn.OpSet, Path: path, Value: n.Value(), Shape: n.Shape()}
		}
	}
	return txn.Write{Op: txn.OpDelete, Path: path}
}
