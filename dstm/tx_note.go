package dstm

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// knows reports whether the transaction itself wrote at or above path, so that
// what it reads there is its own. Additions and the like do not count.
func (tx *Tx) knows(path Path) bool {
	return tx.wrote.covers(path)
}

// observe joins the value at path to the read set: a leaf, its absence, or all of a map or list.
func (tx *Tx) observe(path Path) {
	if tx.knows(path) {
		return
	}
	switch node := tx.view.root.Find(path); {
	case node == nil:
		tx.note(txn.ReadAbsent, path)
	case node.IsLeaf():
		tx.note(txn.ReadValue, path)
	default:
		tx.note(txn.ReadSubtree, path)
	}
}

// observeThere joins to the read set whether there is a value at path: of a map or list, that it is still the same.
func (tx *Tx) observeThere(path Path) {
	switch {
	case tx.knows(path):
	case tx.view.root.Find(path) == nil:
		tx.note(txn.ReadAbsent, path)
	default:
		tx.note(txn.ReadValue, path)
	}
}

// observeKeys joins the set of keys at path to the read set; a leaf, or nothing, as observe does.
func (tx *Tx) observeKeys(path Path) {
	switch {
	case tx.knows(path):
	case isContainer(tx.view.root.Find(path)):
		tx.note(txn.ReadKeys, path)
	default:
		tx.observe(path)
	}
}

// observeForWrite is observe for what a write replaces; where maps on the way are missing, the
// absence of the first of them is read, since the write creates it. Of what may not be read nothing is
// known: then the absence of the first readable one counts.
func (tx *Tx) observeForWrite(path Path) {
	if tx.knows(path) {
		return
	}
	node, depth := tx.view.root.Nearest(path)
	if depth == len(path) || node.IsLeaf() {
		tx.observe(path)
		return
	}
	missing := depth + 1
	for missing < len(path) && !tx.readable(path[:missing]) {
		missing++
	}
	if !tx.knows(path[:missing]) {
		tx.note(txn.ReadAbsent, path[:missing])
	}
}

// readable reports whether what is at path may be read here.
func (tx *Tx) readable(path Path) bool {
	return tx.view.readable == nil || slices.ContainsFunc(tx.view.readable, func(p Path) bool { return path.Starts(p) })
}

// note adds a read to the read set, once.
func (tx *Tx) note(kind txn.ReadKind, path Path) {
	tx.join(txn.Read{Kind: kind, Path: path}, "")
}

// join adds a read to the read set, unless it is there already; of a guard, compared says with what. What an own unanswered transaction wrote at, above or
// below the path has no version yet: it is read by value, and the transaction depends on that other one. Where
// versions alone count, the other one's answer must come first.
func (tx *Tx) join(read txn.Read, compared string) {
	if !tx.readable(read.Path) {
		tx.fail(status.New(status.PermissionDenied, ErrDenied, "this client may not read at %q", read.Path))
		return
	}
	if tx.readOnly {
		return
	}
	id := readID{read.Kind, read.Path, compared}
	if tx.reads.has(&id) {
		return
	}
	read.Path = slices.Clone(read.Path) // the caller's variadic slice may be reused
	id.path = read.Path
	if read.Kind != txn.ReadGuard && len(tx.view.pending) > 0 && tx.depend(read.Path) {
		if err := byValue(&read, tx.view.root.Find(read.Path)); err != nil {
			tx.fail(status.New(status.ResourceExhausted, ErrTooLarge, "reading %q: %v", read.Path, err).Because(err))
			return
		}
	}
	tx.reads.add(id)
	if tx.part.Reads == nil {
		tx.part.Reads = make([]txn.Read, 0, fewReads)
	}
	tx.part.Reads = append(tx.part.Reads, read)
	tx.count()
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
