package dstm

import (
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Read returns the canonical encoding of the value at path, nil if there is none, and joins
// it to the read set: of a map or list all that is below. A list comes as the array of its elements' values. The result is the caller's.
func (tx *Tx) Read(path ...string) codec.Raw {
	if !tx.ready(path) {
		return nil
	}
	if tx.observe(path); tx.err != nil {
		return nil
	}
	return tx.root.Find(path).Value()
}

// Lookup decodes the value at path into out, a pointer, and reports whether there is one.
// Decoding follows codec.Unmarshal; a value that does not fit fails the transaction with ErrType.
func (tx *Tx) Lookup(out any, path ...string) bool {
	raw := tx.Read(path...)
	if raw == nil {
		return false
	}
	if err := codec.Unmarshal(raw, out); err != nil {
		tx.fail(status.New(status.InvalidArgument, ErrType, "the value at %q does not fit %T", Path(path), out).Because(err))
		return false
	}
	return true
}

// Exists reports whether there is a value at path, and joins that to the read set: of a map or list
// that it is still the same one, not what it holds.
func (tx *Tx) Exists(path ...string) bool {
	if !tx.ready(path) {
		return false
	}
	if tx.observeThere(path); tx.err != nil {
		return false
	}
	return tx.root.Find(path) != nil
}

// Keys returns the keys of the map at path in ascending order, or the ids of the list there in the list's, nil if there is
// neither. It joins that set of keys, of a list also their order, to the read set, so that a key added or removed
// meanwhile is a conflict; the values are not read.
func (tx *Tx) Keys(path ...string) []string {
	if !tx.ready(path) {
		return nil
	}
	if tx.observeKeys(path); tx.err != nil {
		return nil
	}
	node := tx.root.Find(path)
	if !isContainer(node) {
		return nil
	}
	keys := make([]string, 0, node.Len())
	for key := range node.Children() {
		keys = append(keys, key)
	}
	return keys
}

// Len is how many keys the map, or elements the list or array, at path has, and how many bytes the string or binary;
// 0 of anything else. What joins the read set is as for [Tx.Keys]; where a bound is all that matters, [Tx.GuardLength] conflicts less.
func (tx *Tx) Len(path ...string) int {
	if !tx.ready(path) {
		return 0
	}
	if tx.observeKeys(path); tx.err != nil {
		return 0
	}
	n, _ := txn.Length(tx.root.Find(path))
	return n
}

func isContainer(n *tree.Node) bool { return n != nil && !n.IsLeaf() }
