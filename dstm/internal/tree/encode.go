package tree

import "github.com/trefoilgo/trefoil/codec"

// AppendValue appends the canonical encoding of the node's value; a list is the array of its elements' values.
func (n *Node) AppendValue(b []byte) []byte {
	switch {
	case n.IsLeaf():
		return append(b, n.Leaf...)
	case n.IsList():
		b = codec.AppendArray(b, n.Len())
		for _, kid := range n.Children() {
			b = kid.AppendValue(b)
		}
		return b
	}
	b = codec.AppendMap(b, n.Len())
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
	return n.AppendValue(make([]byte, 0, n.Size()))
}
