package tree

// Size is the bytes of the node's value in canonical encoding. It costs nothing.
func (n *Node) Size() int {
	if n.Leaf != nil {
		return len(n.Leaf)
	}
	return headerSize(n.Kids.Len()) + n.sums.inside
}

// ShapeSize is about the bytes of the node's shape, rather more than less. It costs nothing. Each list in a shape repeats the
// whole path that leads there, so the shape of a small value may be large.
func (n *Node) ShapeSize() int { return n.sums.shapes }

// Weight is the bytes of the value and, about, of its shape: what the node takes on the wire, and what limits of size are about.
func (n *Node) Weight() int { return n.Size() + n.ShapeSize() }

// sums are what all children of a map or list take together.
type sums struct {
	inside int // bytes in canonical encoding, with the keys of a map
	lists  int // how many lists there are, the node itself counted
	shapes int // bytes of what a shape says of them, with paths that begin at the node
}

// emptyList is what a list counts for itself: an array of two, the headers of its path and of its ids.
var emptyList = sums{lists: 1, shapes: 8}

// count takes a child in, or out with sign -1.
func (s *sums) count(list bool, key string, kid *Node, sign int) {
	text := textSize(key)
	s.inside += sign * kid.Size()
	s.lists += sign * kid.sums.lists
	s.shapes += sign * (kid.sums.shapes + kid.sums.lists*text)
	if list {
		s.shapes += sign * text // its id
	} else {
		s.inside += sign * text
	}
}

// headerSize is what msgpack puts before n entries of a map or elements of an array.
func headerSize(n int) int {
	switch {
	case n < 1<<4:
		return 1
	case n < 1<<16:
		return 3
	}
	return 5
}

// textSize is the bytes of a key, which has at most MaxKey, in msgpack.
func textSize(key string) int {
	switch n := len(key); {
	case n < 1<<5:
		return 1 + n
	case n < 1<<8:
		return 2 + n
	default:
		return 3 + n
	}
}
