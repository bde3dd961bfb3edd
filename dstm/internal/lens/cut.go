package lens

import (
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// Cutter cuts fragments into pieces: writes that make an empty map hold them. It walks as far as it is asked, and what it
// walks is immutable.
type Cutter struct {
	rest  Fragments
	stack []level
}

// level is a map or list that is larger than a piece, and how far it is cut.
type level struct {
	path tree.Path
	node *tree.Node
	key  string // the last child that is dealt with, "" if none
}

// NewCutter begins to cut fragments, which it keeps.
func NewCutter(f Fragments) *Cutter { return &Cutter{rest: f} }

// Next returns the next piece and whether it is the last. A piece holds about limit bytes of values and keys, or a
// single leaf that is larger.
func (c *Cutter) Next(limit int) (writes []txn.Write, last bool) {
	used := 0
	for len(c.stack) > 0 || len(c.rest) > 0 {
		if len(c.stack) == 0 {
			f := c.rest[0]
			if w, size, ok := small(f.Path, f.Node, false, limit); !ok {
				c.stack = append(c.stack, level{path: f.Path, node: f.Node})
			} else if used > 0 && used+size > limit {
				return writes, false
			} else {
				writes, used = append(writes, w), used+size
			}
			c.rest = c.rest[1:]
			continue
		}
		top := &c.stack[len(c.stack)-1]
		key, kid := top.node.Next(top.key)
		if kid == nil {
			c.stack = c.stack[:len(c.stack)-1]
			continue
		}
		path := append(top.path[:len(top.path):len(top.path)], key)
		element := top.node.IsList()
		w, size, ok := small(path, kid, element, limit)
		if used > 0 && used+size > limit {
			return writes, false
		}
		top.key = key
		if !ok {
			c.stack = append(c.stack, level{path: path, node: kid})
		}
		if ok || element {
			writes, used = append(writes, w), used+size
		}
	}
	return writes, true
}

// small is the write that makes the node at path and its size. ok is false if it is larger than limit and can be cut: then
// the write makes an empty one, which only an element needs.
func small(path tree.Path, n *tree.Node, element bool, limit int) (w txn.Write, size int, ok bool) {
	w = txn.Write{Op: txn.OpSet, Path: path}
	if element {
		last := len(path) - 1
		w = txn.Write{Op: txn.OpInsert, Path: path[:last], ID: path[last], Place: tree.Place{Where: tree.Last}}
	}
	for _, key := range path {
		size += len(key) + 2
	}
	size += 8
	if n.IsLeaf() || n.Len() == 0 || size+n.Weight() <= limit {
		w.Value, w.Shape = n.Value(), n.Shape()
		if whole := size + len(w.Value) + len(w.Shape); n.IsLeaf() || whole <= limit || n.Len() == 0 {
			return w, whole, true
		}
	}
	w.Value, w.Shape = emptyMap, nil
	if n.IsList() {
		w.Value, w.Shape = emptyArray, emptyShape
	}
	return w, size, false
}

var (
	emptyMap   = codec.Raw(codec.AppendMap(nil, 0))
	emptyArray = codec.Raw(codec.AppendArray(nil, 0))
	// emptyShape says that the value itself is a list of no elements.
	emptyShape = codec.Raw(codec.AppendArray(codec.AppendArray(codec.AppendArray(codec.AppendArray(nil, 1), 2), 0), 0))
)
