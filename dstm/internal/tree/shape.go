package tree

import "github.com/trefoilgo/trefoil/codec"

// Shape is the canonical encoding of which lists stand in the node's value and of their ids, in order
// (docs/PROTOCOL.md, section 8); nil if there is none.
func (n *Node) Shape() codec.Raw {
	s := shaper{}
	if n != nil {
		s.node(n, nil)
	}
	if s.lists == 0 {
		return nil
	}
	return append(codec.AppendArray(nil, s.lists), s.b...)
}

// AppendShape appends the shape, nil encoded if there is none.
func (n *Node) AppendShape(b []byte) []byte {
	if shape := n.Shape(); shape != nil {
		return append(b, shape...)
	}
	return codec.AppendNil(b)
}

type shaper struct {
	b     []byte
	lists int
}

// node walks as parser does.
func (s *shaper) node(n *Node, path Path) {
	if n.IsLeaf() {
		return
	}
	if n.IsList() {
		s.lists++
		s.b = codec.AppendArray(s.b, 2)
		s.b = codec.AppendArray(s.b, len(path))
		for _, key := range path {
			s.b = codec.AppendString(s.b, key)
		}
		s.b = n.appendKeys(s.b)
	}
	for key, kid := range n.Children() {
		s.node(kid, append(path, key))
	}
}

// appendKeys appends the list of a map's keys or a list's ids, as Children yields them.
func (n *Node) appendKeys(b []byte) []byte {
	b = codec.AppendArray(b, n.Len())
	for key := range n.Children() {
		b = codec.AppendString(b, key)
	}
	return b
}
