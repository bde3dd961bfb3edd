package engine

import (
	"errors"
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// writer applies the writes of one part.
type writer struct {
	part    *txn.Part
	root    tree.Node
	version uint64   // that the writes make
	made    []uint64 // versions that transactions named in after made
	skip    bool
}

func (d *decider) writer(p *txn.Part, skip bool) *writer {
	o := d.Object(p.Object)
	w := &writer{part: p, root: o.Root, version: o.Version + 1, skip: skip}
	for _, sequence := range d.tx.After {
		c := d.made(sequence)
		if c == nil {
			continue
		}
		for _, m := range c.Parts {
			if m.Object == p.Object {
				w.made = append(w.made, m.Version)
			}
		}
	}
	return w
}

// errStale says that a write meets what the transaction has not seen.
var errStale = errors.New("changed meanwhile")

// run applies all writes. On an error it returns the path at which it stopped: errStale
// is a conflict, any other makes the transaction invalid.
func (w *writer) run() (tree.Path, error) {
	for i := range w.part.Writes {
		write := &w.part.Writes[i]
		if at, err := w.way(write); err != nil {
			return at, err
		}
		root, _, err := txn.Apply(w.root, w.part.Writes[i:i+1], w.version)
		switch {
		case errors.Is(err, tree.ErrNotNumber), errors.Is(err, tree.ErrBounds), errors.Is(err, tree.ErrRange):
			return write.Path, errStale
		case err != nil:
			return write.Path, err
		}
		w.root = root
	}
	return nil, nil
}

// way checks the nodes that lead to a write: maps and lists that the transaction has seen, and elements that are
// there. The root is always the same map.
func (w *writer) way(write *txn.Write) (tree.Path, error) {
	n := &w.root
	for i, key := range write.Path {
		if i > 0 && !w.seen(n.Written) {
			return write.Path[:i], errStale
		}
		if n.IsLeaf() {
			if write.Op == txn.OpDelete {
				return nil, nil // nothing is there
			}
			return write.Path[:i], tree.ErrLeaf
		}
		kid := n.Kids.Get(key)
		if kid == nil && n.IsList() && write.Op != txn.OpDelete {
			return write.Path[:i+1], errStale
		}
		if n = kid; n == nil {
			break
		}
	}
	if write.Op == txn.OpInsert || write.Op == txn.OpMove {
		return w.list(write, n)
	}
	return nil, nil
}

// list checks the list, nil if there is none, into which an element is put.
func (w *writer) list(write *txn.Write, list *tree.Node) (tree.Path, error) {
	switch {
	case list == nil:
		list = &tree.Node{}
	case !w.seen(list.Written):
		return write.Path, errStale
	case !list.IsList():
		return write.Path, tree.ErrNotList
	}
	if write.Op == txn.OpMove && list.Kids.Get(write.ID) == nil {
		return write.Element(), errStale
	}
	if anchor := write.Place.Anchor; anchor != "" && list.Kids.Get(anchor) == nil {
		return append(write.Path[:len(write.Path):len(write.Path)], anchor), errStale
	}
	return nil, nil
}

// seen reports whether the transaction knows what version wrote: it had seen it, made it itself, or presumes it.
func (w *writer) seen(version uint64) bool {
	return w.skip || version <= w.part.Base || version == w.version || slices.Contains(w.made, version)
}
