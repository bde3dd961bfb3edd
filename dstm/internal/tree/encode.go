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

// Append appends the node with its versions, for a snapshot of the log: a leaf is
// [written, value], a map is [written, keys, below, {key: node}].
func (n *Node) Append(b []byte) []byte {
	if !n.IsMap() {
		b = codec.AppendArray(b, 2)
		b = codec.AppendInt(b, int64(n.Written))
		return append(b, n.Leaf...)
	}
	b = codec.AppendArray(b, 4)
	b = codec.AppendInt(b, int64(n.Written))
	b = codec.AppendInt(b, int64(n.Keys))
	b = codec.AppendInt(b, int64(n.Below))
	b = codec.AppendMap(b, n.Kids.Len())
	for key, kid := range n.Kids.All() {
		b = codec.AppendString(b, key)
		b = kid.Append(b)
	}
	return b
}

// ErrDamaged says that bytes are not what Append wrote.
var ErrDamaged = errors.New("damaged node")

// Read reads what Append wrote and moves r behind it.
func Read(r *codec.Reader) (Node, error) { return read(r, 0) }

func read(r *codec.Reader, depth int) (Node, error) {
	if depth > MaxDepth {
		return Node{}, ErrDepth
	}
	a := r.Array()
	var n Node
	n.Written = uint64(a.Int())
	switch a.Len() {
	case 1:
		leaf := a.Raw()
		if a.Err() != nil || len(leaf) == 0 {
			return Node{}, ErrDamaged
		}
		v := codec.NewReader(leaf, 1)
		if v.Kind() == codec.Map {
			return Node{}, ErrDamaged
		}
		n.Leaf = append(make(codec.Raw, 0, len(leaf)), leaf...)
	case 3:
		n.Keys, n.Below = uint64(a.Int()), uint64(a.Int())
		for pairs := a.Map(); pairs.Len() > 0; {
			key := pairs.String()
			kid, err := read(&pairs, depth+1)
			if err != nil {
				return Node{}, err
			}
			if !ValidKey(key) {
				return Node{}, ErrDamaged
			}
			n.Kids = n.Kids.Put(key, kid)
		}
	default:
		return Node{}, ErrDamaged
	}
	if a.Err() != nil {
		return Node{}, ErrDamaged
	}
	return n, nil
}
