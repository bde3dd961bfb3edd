package txn

import (
	"bytes"
	"math"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// Judge says how reads are judged.
type Judge struct {
	// Strict is that of the object: what may have changed and changed back counts as changed.
	Strict bool
	// Budget is what may still be hashed, in the units of tree.Node.HashWithin, and becomes less; nil: no limit.
	Budget *int
}

// Holds reports whether what was read at version base still holds in root.
func Holds(root *tree.Node, base uint64, r *Read, j Judge) bool {
	n := root.Find(r.Path)
	switch r.Kind {
	case ReadAbsent:
		return n == nil && (!j.Strict || neverSince(root, base, r.Path))
	case ReadValue:
		return n != nil && n.Written <= base
	case ReadKeys:
		return n != nil && !n.IsLeaf() && n.Written <= base && n.Keys <= base
	case ReadSubtree:
		return n != nil && n.Changed() <= base
	case ReadGuard:
		return CompareGuard(n, r.Guard, r.Value) == r.Truth
	case ReadHash, ReadKeysHash:
		return !j.Strict && j.sameHash(n, r)
	}
	return false
}

// neverSince reports whether no node stood at path, where none is now, since base: it would have changed the keys of what is above.
func neverSince(root *tree.Node, base uint64, path tree.Path) bool {
	above, _ := root.Nearest(path)
	return above.Written <= base && above.Keys <= base
}

func (j *Judge) sameHash(n *tree.Node, r *Read) bool {
	budget := j.Budget
	if budget == nil {
		most := math.MaxInt
		budget = &most
	}
	hash := n.HashWithin
	if r.Kind == ReadKeysHash {
		hash = n.KeysHashWithin
	}
	sum, err := hash(budget)
	return err == nil && bytes.Equal(sum, r.Hash)
}
