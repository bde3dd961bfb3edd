package tree

import "github.com/trefoilgo/trefoil/codec"

// Set returns the tree with the canonical value, of this shape, at path, written by version.
// Missing maps on the way are created, elements of lists are not.
func (n *Node) Set(path Path, value, shape codec.Raw, version uint64) (Node, error) {
	fresh, err := New(value, shape, version, len(path))
	if err != nil {
		return *n, err
	}
	if len(path) == 0 && !fresh.IsMap() {
		return *n, ErrRoot
	}
	return n.change(path, version, func(*Node) (Node, error) { return fresh, nil })
}

// change returns the tree with what fn makes of the node at path, nil if there is none, in its place. Missing
// maps on the way are created.
func (n *Node) change(path Path, version uint64, fn func(*Node) (Node, error)) (Node, error) {
	out, err := change(n, path, version, fn)
	if err != nil {
		return *n, err
	}
	return out, nil
}

func change(n *Node, path Path, version uint64, fn func(*Node) (Node, error)) (Node, error) {
	if len(path) == 0 {
		return fn(n)
	}
	if n == nil {
		n = &Node{Written: version, Keys: version}
	}
	if n.IsLeaf() {
		return Node{}, ErrLeaf
	}
	kid := n.Kids.Get(path[0])
	if kid == nil && n.IsList() {
		return Node{}, ErrNoElement
	}
	below, err := change(kid, path[1:], version, fn)
	if err != nil {
		return Node{}, err
	}
	out := n.with(path[0], kid, below)
	if kid == nil {
		out.Keys = version
	}
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
	var out Node
	if len(path) == 1 {
		out = n.Without(path[0])
		out.Keys = version
	} else {
		kid := n.Kids.Get(path[0])
		out = n.with(path[0], kid, kid.cut(path[1:], version))
	}
	out.Below = version
	return out
}
