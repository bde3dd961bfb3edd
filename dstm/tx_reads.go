package dstm

import (
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// own reports whether the transaction itself wrote at or above path, so that
// what it reads there is its own. Additions do not count.
func (tx *Tx) own(path Path) bool {
	if len(tx.wrote) == 0 {
		return false
	}
	for i := range len(path) + 1 {
		if _, ok := tx.wrote[path[:i].String()]; ok {
			return true
		}
	}
	return false
}

// observe joins the value at path to the read set: a leaf, its absence, or a map's whole subtree.
func (tx *Tx) observe(path Path) {
	if tx.own(path) {
		return
	}
	switch node := tx.view.root.Find(path); {
	case node == nil:
		tx.note(txn.ReadAbsent, path)
	case node.IsMap():
		tx.note(txn.ReadSubtree, path)
	default:
		tx.note(txn.ReadValue, path)
	}
}

// observeForWrite is observe for what a write replaces; where maps on the way are missing, the
// absence of the first of them is read, since the write creates it.
func (tx *Tx) observeForWrite(path Path) {
	if tx.own(path) {
		return
	}
	node, depth := tx.view.root.Nearest(path)
	if depth == len(path) || !node.IsMap() {
		tx.observe(path)
		return
	}
	if missing := path[:depth+1]; !tx.own(missing) {
		tx.note(txn.ReadAbsent, missing)
	}
}

// note adds a read to the read set, once. What an own unanswered transaction wrote at, above or
// below the path has no version yet: it is read by value, and the transaction depends on that other one.
func (tx *Tx) note(kind txn.ReadKind, path Path) {
	if tx.readOnly {
		return
	}
	id := string(rune('0'+kind)) + path.String()
	if _, ok := tx.reads[id]; ok {
		return
	}
	read := txn.Read{Kind: kind, Path: append(Path(nil), path...)}
	if len(tx.view.pending) > 0 && tx.depend(path) {
		if err := byValue(&read, tx.view.root.Find(path)); err != nil {
			tx.fail(status.New(status.ResourceExhausted, ErrTooLarge, "reading %q: %v", path, err).Because(err))
			return
		}
	}
	if tx.reads == nil {
		tx.reads = map[string]struct{}{}
	}
	tx.reads[id] = struct{}{}
	tx.part.Reads = append(tx.part.Reads, read)
	if len(tx.part.Reads)+len(tx.part.Writes) > txn.MaxOperations {
		tx.fail(status.New(status.ResourceExhausted, ErrTooLarge, "a transaction has at most %d reads and writes", txn.MaxOperations))
	}
}

// byValue turns a read into one of the same observation by hash.
func byValue(read *txn.Read, node *tree.Node) (err error) {
	if read.Kind == txn.ReadKeys {
		read.Kind = txn.ReadKeysHash
		read.Hash, err = node.KeysHash()
		return err
	}
	read.Kind = txn.ReadHash
	read.Hash, err = node.Hash()
	return err
}
