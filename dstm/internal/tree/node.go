package tree

import (
	"errors"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/internal/pmap"
)

// Node is one value in the tree, immutable once it hangs there: a leaf with its canonical encoding, or a map
// of further nodes. The zero Node is an empty map of version 0, which is what
// every object begins as.
type Node struct {
	// Leaf is the canonical encoding of a leaf, nil for a map.
	Leaf codec.Raw
	// Kids are the children of a map.
	Kids pmap.Map[Node]

	// Written is the version that last wrote the node; for a map, that created or replaced it.
	Written uint64
	// Keys is the version that last changed which keys a map has.
	Keys uint64
	// Below is the version of the last change anywhere below the node.
	Below uint64
}

// Errors of changes. All leave the tree as it was.
var (
	ErrLeaf  = errors.New("the path leads through a value that is no map")
	ErrRoot  = errors.New("the root is always a map")
	ErrDepth = errors.New("the value nests too deeply")
	ErrKey   = errors.New("a key is empty, too long or not UTF-8")
)

// IsMap reports whether the node is a map.
func (n *Node) IsMap() bool { return n.Leaf == nil }

// Changed is the version of the last change at the node or below it.
func (n *Node) Changed() uint64 { return max(n.Written, n.Below) }

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

// New makes a node of a canonical value, written by version, to hang depth keys
// below the root. It keeps no part of value.
func New(value codec.Raw, version uint64, depth int) (Node, error) {
	if depth > MaxDepth {
		return Node{}, ErrDepth
	}
	r := codec.NewReader(value, 1)
	if r.Kind() != codec.Map {
		leaf := make(codec.Raw, len(value)) // exact: leaves live long
		copy(leaf, value)
		return Node{Leaf: leaf, Written: version}, nil
	}
	n := Node{Written: version, Keys: version, Below: version}
	for pairs := r.Map(); pairs.Len() > 0; {
		key := pairs.String()
		raw := pairs.Raw()
		if err := pairs.Err(); err != nil {
			return Node{}, err
		}
		if !ValidKey(key) {
			return Node{}, ErrKey
		}
		kid, err := New(raw, version, depth+1)
		if err != nil {
			return Node{}, err
		}
		n.Kids = n.Kids.Put(key, kid)
	}
	return n, r.Err()
}

// Set returns the tree with the canonical value at path, written by version.
// Missing maps on the way are created.
func (n *Node) Set(path Path, value codec.Raw, version uint64) (Node, error) {
	fresh, err := New(value, version, len(path))
	if err != nil {
		return *n, err
	}
	if len(path) == 0 && !fresh.IsMap() {
		return *n, ErrRoot
	}
	return n.put(path, fresh, version)
}

func (n *Node) put(path Path, fresh Node, version uint64) (Node, error) {
	if len(path) == 0 {
		return fresh, nil
	}
	if !n.IsMap() {
		return *n, ErrLeaf
	}
	out := *n
	kid := n.Kids.Get(path[0])
	if kid == nil {
		kid = &Node{Written: version, Keys: version, Below: version}
		out.Keys = version
	}
	below, err := kid.put(path[1:], fresh, version)
	if err != nil {
		return *n, err
	}
	out.Kids = n.Kids.Put(path[0], below)
	out.Below = version
	return out, nil
}

// Delete returns the tree without the node at path, removed by version; the
// tree itself if there is none.
func (n *Node) Delete(path Path, version uint64) (Node, error) {
	if len(path) == 0 {
		return *n, ErrRoot
	}
	if n.Find(path) == nil {
		return *n, nil
	}
	return n.cut(path, version), nil
}

func (n *Node) cut(path Path, version uint64) Node {
	out := *n
	out.Below = version
	if len(path) == 1 {
		out.Kids = n.Kids.Delete(path[0])
		out.Keys = version
		return out
	}
	out.Kids = n.Kids.Put(path[0], n.Kids.Get(path[0]).cut(path[1:], version))
	return out
}
