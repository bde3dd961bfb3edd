package lens

import (
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// Fragment is a part of an object's value.
type Fragment struct {
	Path tree.Path
	Node *tree.Node
}

// Fragments are the parts of an object's value that can be seen, ascending by path, none below another.
type Fragments []Fragment

// Of returns what can be seen of root.
func (l *Lens) Of(root *tree.Node) Fragments {
	if l == nil {
		return Fragments{{Node: root}}
	}
	var out Fragments
	for _, path := range l.paths {
		if n := root.Find(path); n != nil {
			out = append(out, Fragment{path, n})
		}
	}
	return out
}

// Size is about the bytes of the fragments' values and shapes.
func (f Fragments) Size() int {
	size := 0
	for i := range f {
		size += f[i].Node.Weight()
	}
	return size
}

// AppendValue appends a map that holds the fragments at their paths, and nothing else.
func (f Fragments) AppendValue(b []byte) []byte {
	if len(f) == 1 && len(f[0].Path) == 0 {
		return f[0].Node.AppendValue(b)
	}
	return f.appendMap(b, 0)
}

// appendMap appends the map that all of f share, which lies depth keys below the root.
func (f Fragments) appendMap(b []byte, depth int) []byte {
	keys := 0
	for i := range f {
		if i == 0 || f[i].Path[depth] != f[i-1].Path[depth] {
			keys++
		}
	}
	b = codec.AppendMap(b, keys)
	for len(f) > 0 {
		key, n := f[0].Path[depth], 1
		for n < len(f) && f[n].Path[depth] == key {
			n++
		}
		b = codec.AppendString(b, key)
		if len(f[0].Path) == depth+1 {
			b = f[0].Node.AppendValue(b)
		} else {
			b = f[:n].appendMap(b, depth+1)
		}
		f = f[n:]
	}
	return b
}

// Shape is the shape of that map, nil if there is no list in it. A list of which only elements can be seen is a map.
func (f Fragments) Shape() codec.Raw {
	var body []byte
	lists := 0
	for i := range f {
		shape := f[i].Node.Shape()
		if shape == nil {
			continue
		}
		r := codec.NewReader(shape, 1)
		for all := r.Array(); all.Len() > 0; lists++ {
			list := all.Array()
			path := list.Array()
			body = codec.AppendArray(body, 2)
			body = codec.AppendArray(body, len(f[i].Path)+path.Len())
			for _, key := range f[i].Path {
				body = codec.AppendString(body, key)
			}
			body = append(body, path.Rest()...)
			body = append(body, list.Rest()...)
		}
	}
	if lists == 0 {
		return nil
	}
	return append(codec.AppendArray(nil, lists), body...)
}
