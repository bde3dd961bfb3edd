package tree

import (
	"crypto/sha256"
	"errors"
	"math"

	"github.com/trefoilgo/trefoil/codec"
)

// AppendValue appends the canonical encoding of the node's value.
func (n *Node) AppendValue(b []byte) []byte {
	if !n.IsMap() {
		return append(b, n.Leaf...)
	}
	b = codec.AppendMap(b, n.Kids.Len())
	for key, kid := range n.Kids.All() {
		b = codec.AppendString(b, key)
		b = kid.AppendValue(b)
	}
	return b
}

// Value is the canonical encoding of the node's value, nil for a nil node.
func (n *Node) Value() codec.Raw {
	if n == nil {
		return nil
	}
	return n.AppendValue(nil)
}

// HashSize is the length of a value's hash.
const HashSize = 16

// MaxHashed is how many nodes one read may make the server hash.
const MaxHashed = 10_000

// ErrHash says that a value has more than MaxHashed nodes.
var ErrHash = errors.New("too many nodes to hash")

// Hash is the beginning of SHA-256 over the canonical value; nil for a nil node.
func (n *Node) Hash() ([]byte, error) {
	budget := math.MaxInt
	return n.HashWithin(&budget)
}

// HashWithin is Hash that takes what it costs from budget: one for each node and one for each 64 bytes of
// leaves. It fails with ErrHash if that is too little.
func (n *Node) HashWithin(budget *int) ([]byte, error) {
	if n == nil {
		return nil, nil
	}
	left := MaxHashed
	if !n.within(&left, budget) {
		return nil, ErrHash
	}
	sum := sha256.Sum256(n.Value())
	return sum[:HashSize], nil
}

func (n *Node) within(left, budget *int) bool {
	*left--
	*budget -= 1 + len(n.Leaf)/64
	if *left < 0 || *budget < 0 || n.Kids.Len() > *left {
		return false
	}
	for _, kid := range n.Kids.All() {
		if !kid.within(left, budget) {
			return false
		}
	}
	return true
}

// KeysHash is the beginning of SHA-256 over the canonical list of a map's keys in ascending
// order; nil for a nil node or a leaf.
func (n *Node) KeysHash() ([]byte, error) {
	budget := math.MaxInt
	return n.KeysHashWithin(&budget)
}

// KeysHashWithin is KeysHash that takes one for each key from budget.
func (n *Node) KeysHashWithin(budget *int) ([]byte, error) {
	if n == nil || !n.IsMap() {
		return nil, nil
	}
	*budget -= 1 + n.Kids.Len()
	if n.Kids.Len() > MaxHashed || *budget < 0 {
		return nil, ErrHash
	}
	b := codec.AppendArray(nil, n.Kids.Len())
	for key := range n.Kids.All() {
		b = codec.AppendString(b, key)
	}
	sum := sha256.Sum256(b)
	return sum[:HashSize], nil
}
