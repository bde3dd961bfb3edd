package tree

import (
	"errors"
	"iter"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/internal/pmap"
)

// Node is one value in the tree, immutable once it hangs there: a leaf with its canonical encoding, a map
// of further nodes by key, or a list of further nodes in an order of its own, each under its id. The zero Node is an
// empty map of version 0, which is what every object begins as.
type Node struct {
	// Leaf is the canonical encoding of a leaf, nil for a map or list.
	Leaf codec.Raw
	// Kids are the children: of a map by key, of a list by id. Change them with With and Without alone.
	Kids pmap.Map[Node]

	// Written is the version that last wrote the node; for a map or list, that created or replaced it.
	Written uint64
	// Keys is the version that last changed which keys a map has, or a list's ids or their order.
	Keys uint64
	// Below is the version of the last change anywhere below the node.
	Below uint64

	order *order // of a list, nil for all else
	sums  sums   // of a map or list
}

// Errors of changes. All leave the tree as it was.
var (
	ErrLeaf  = errors.New("the path leads through a value that is no map or list")
	ErrRoot  = errors.New("the root is always a map")
	ErrDepth = errors.New("the value nests too deeply")
	ErrKey   = errors.New("a key is empty, too long or not UTF-8")
)

// IsMap reports whether the node is a map.
func (n *Node) IsMap() bool { return n.Leaf == nil && n.order == nil }

// IsList reports whether the node is a list of elements with ids. An array that was written as a
// value is a leaf.
func (n *Node) IsList() bool { return n.order != nil }

// IsLeaf reports whether the node is a leaf.
func (n *Node) IsLeaf() bool { return n.Leaf != nil }

// Changed is the version of the last change at the node or below it.
func (n *Node) Changed() uint64 { return max(n.Written, n.Below) }

// Len is the number of a map's entries or a list's elements.
func (n *Node) Len() int { return n.Kids.Len() }

// Children yields the entries of a map by ascending key, or the elements of a list by id, in their order.
func (n *Node) Children() iter.Seq2[string, *Node] {
	if n.order == nil {
		return n.Kids.All()
	}
	return func(yield func(string, *Node) bool) {
		for _, id := range n.order.ids.All() {
			if !yield(*id, n.Kids.Get(*id)) {
				return
			}
		}
	}
}

// Find returns the node at path, nil if there is none.
func (n *Node) Find(path Path) *Node {
	for _, key := range path {
		if n = n.Kids.Get(key); n == nil {
			return nil
		}
	}
	return n
}

// Nearest returns the deepest node that exists on the way to path, and how many keys lead to it.
func (n *Node) Nearest(path Path) (*Node, int) {
	for i, key := range path {
		kid := n.Kids.Get(key)
		if kid == nil {
			return n, i
		}
		n = kid
	}
	return n, len(path)
}

// NewList is an empty list with these versions, for callers that build one element by element with With.
func NewList(written, keys, below uint64) Node {
	return Node{Written: written, Keys: keys, Below: below, order: &order{}, sums: emptyList}
}

// With returns the map or list n with kid under key; in a list, a new id stands last. Versions stay as they
// are: this is for building nodes, changes are made by Set and the like.
func (n *Node) With(key string, kid Node) Node {
	return n.with(key, n.Kids.Get(key), kid)
}

// with is With for a caller that knows what stands under key.
func (n *Node) with(key string, old *Node, kid Node) Node {
	out := *n
	if old != nil {
		out.sums.count(n.order != nil, key, old, -1)
	} else if n.order != nil {
		out.order, _ = n.order.insert(key, Place{Where: Last})
	}
	out.sums.count(n.order != nil, key, &kid, 1)
	out.Kids = n.Kids.Put(key, kid)
	return out
}

// Without returns the map or list n without the child under key, its versions as they are.
func (n *Node) Without(key string) Node {
	out := *n
	old := n.Kids.Get(key)
	if old == nil {
		return out
	}
	out.sums.count(n.order != nil, key, old, -1)
	if n.order != nil {
		out.order = n.order.remove(key)
	}
	out.Kids = n.Kids.Delete(key)
	return out
}
