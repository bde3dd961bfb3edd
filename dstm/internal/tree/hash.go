package tree

import (
	"crypto/sha256"
	"errors"
	"math"
)

// HashSize is the length of a value's hash.
const HashSize = 16

// MaxHashed is how many nodes one read may make the server hash.
const MaxHashed = 10_000

// ErrHash says that a value has more than MaxHashed nodes.
var ErrHash = errors.New("too many nodes to hash")

// Hash is the beginning of SHA-256 over the canonical value and, if it has one, the shape; nil for a nil node.
func (n *Node) Hash() ([]byte, error) {
	budget := math.MaxInt
	return n.HashWithin(&budget)
}

// HashWithin is Hash that takes what it costs from budget: one for each node, one for each 64 bytes of
// leaves, and one for each 64 bytes of the paths in the shape, which may be far longer than the value. It fails with ErrHash
// if that is too little.
func (n *Node) HashWithin(budget *int) ([]byte, error) {
	if n == nil {
		return nil, nil
	}
	left := MaxHashed
	if !n.within(0, &left, budget) {
		return nil, ErrHash
	}
	sum := sha256.Sum256(append(n.Value(), n.Shape()...))
	return sum[:HashSize], nil
}

// within counts a node to which a path of so many bytes leads.
func (n *Node) within(path int, left, budget *int) bool {
	*left--
	*budget -= 1 + len(n.Leaf)/64
	if n.IsList() {
		*budget -= path / 64
	}
	if *left < 0 || *budget < 0 || n.Kids.Len() > *left {
		return false
	}
	for key, kid := range n.Kids.All() {
		if !kid.within(path+len(key), left, budget) {
			return false
		}
	}
	return true
}

// KeysHash is the beginning of SHA-256 over the canonical list of a map's keys in ascending
// order, or of a list's ids in theirs; nil for a nil node or a leaf.
func (n *Node) KeysHash() ([]byte, error) {
	budget := math.MaxInt
	return n.KeysHashWithin(&budget)
}

// KeysHashWithin is KeysHash that takes one for each key from budget.
func (n *Node) KeysHashWithin(budget *int) ([]byte, error) {
	if n == nil || n.IsLeaf() {
		return nil, nil
	}
	*budget -= 1 + n.Len()
	if n.Len() > MaxHashed || *budget < 0 {
		return nil, ErrHash
	}
	sum := sha256.Sum256(n.appendKeys(nil))
	return sum[:HashSize], nil
}
