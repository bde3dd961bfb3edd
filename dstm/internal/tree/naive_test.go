package tree

import (
	"bytes"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
)

// naive is a node as plainly as can be, changed in place, with its versions found by definition.
type naive struct {
	leaf                 codec.Raw
	kids                 map[string]*naive // nil for a leaf
	ids                  []string          // of a list, in order; nil for all else
	written, keys, below uint64
}

func naiveMap(version uint64) *naive {
	return &naive{kids: map[string]*naive{}, written: version, keys: version, below: version}
}

func (n *naive) clone() *naive {
	out := *n
	out.kids, out.ids = maps.Clone(n.kids), slices.Clone(n.ids)
	for key, kid := range out.kids {
		out.kids[key] = kid.clone()
	}
	return &out
}

// at is n as it is when version writes it.
func (n *naive) at(version uint64) *naive {
	out := n.clone()
	out.written = version
	if out.kids != nil {
		out.keys, out.below = version, version
	}
	for key, kid := range out.kids {
		out.kids[key] = kid.at(version)
	}
	return out
}

func (n *naive) order() []string {
	if n.ids != nil {
		return n.ids
	}
	return slices.Sorted(maps.Keys(n.kids))
}

func (n *naive) value() codec.Raw {
	if n.kids == nil {
		return n.leaf
	}
	b := codec.AppendMap(nil, len(n.kids))
	if n.ids != nil {
		b = codec.AppendArray(nil, len(n.ids))
	}
	for _, key := range n.order() {
		if n.ids == nil {
			b = codec.AppendString(b, key)
		}
		b = append(b, n.kids[key].value()...)
	}
	return b
}

// lists are the entries of the shape, for n standing at path.
func (n *naive) lists(path Path) (out []any) {
	if n.ids != nil {
		out = append(out, []any{[]string(path), n.ids})
	}
	for _, key := range n.order() {
		out = append(out, n.kids[key].lists(append(path[:len(path):len(path)], key))...)
	}
	return out
}

func (n *naive) shape() codec.Raw {
	lists := n.lists(Path{})
	if lists == nil {
		return nil
	}
	return raw(lists)
}

func (n *naive) find(path Path) *naive {
	for _, key := range path {
		if n == nil {
			return nil
		}
		n = n.kids[key]
	}
	return n
}

// walk marks the way to path as changed below and creates missing maps.
func (n *naive) walk(path Path, version uint64) (*naive, error) {
	for _, key := range path {
		kid, err := n.child(key, version)
		if err != nil {
			return nil, err
		}
		if kid == nil {
			kid = naiveMap(version)
			n.kids[key] = kid
		}
		n = kid
	}
	return n, nil
}

// child is what stands under key, where something is about to be written.
func (n *naive) child(key string, version uint64) (*naive, error) {
	if n.kids == nil {
		return nil, ErrLeaf
	}
	kid := n.kids[key]
	if kid == nil {
		if n.ids != nil {
			return nil, ErrNoElement
		}
		n.keys = version
	}
	n.below = version
	return kid, nil
}

// put writes what fn makes of the node at path, nil if there is none.
func (n *naive) put(path Path, version uint64, fn func(old *naive) (*naive, error)) error {
	if len(path) == 0 {
		fresh, err := fn(n)
		if err == nil {
			*n = *fresh
		}
		return err
	}
	last := len(path) - 1
	above, err := n.walk(path[:last], version)
	if err != nil {
		return err
	}
	old, err := above.child(path[last], version)
	if err != nil {
		return err
	}
	fresh, err := fn(old)
	if err == nil {
		above.kids[path[last]] = fresh
	}
	return err
}

func (n *naive) set(path Path, v *naive, version uint64) error {
	if len(path) == 0 && (v.kids == nil || v.ids != nil) {
		return ErrRoot
	}
	return n.put(path, version, func(*naive) (*naive, error) { return v.at(version), nil })
}

func (n *naive) delete(path Path, version uint64) {
	if n.find(path) == nil {
		return
	}
	last := len(path) - 1
	above, _ := n.walk(path[:last], version)
	delete(above.kids, path[last])
	above.ids = slices.DeleteFunc(above.ids, func(id string) bool { return id == path[last] })
	above.keys, above.below = version, version
}

// number writes what fn makes of the integer at path.
func (n *naive) number(path Path, version uint64, fn func(old int64, ok bool) int64) error {
	return n.put(path, version, func(old *naive) (*naive, error) {
		fresh := &naive{written: version}
		if old == nil {
			fresh.leaf = raw(fn(0, false))
			return fresh, nil
		}
		r := codec.NewReader(old.leaf, 1)
		if old.kids != nil || r.Kind() != codec.Int {
			return nil, ErrNotNumber
		}
		fresh.leaf = raw(fn(r.Int(), true))
		return fresh, nil
	})
}

// place puts an id into the list's order.
func (n *naive) place(id string, at Place, version uint64) error {
	n.ids = slices.DeleteFunc(n.ids, func(x string) bool { return x == id })
	i := slices.Index(n.ids, at.Anchor)
	switch at.Where {
	case First:
		i = 0
	case Last:
		i = len(n.ids)
	case After:
		if i++; i == 0 {
			return ErrNoElement
		}
	default:
		if i < 0 {
			return ErrNoElement
		}
	}
	n.ids = slices.Insert(n.ids, i, id)
	n.keys, n.below = version, version
	return nil
}

func (n *naive) insert(path Path, id string, at Place, v *naive, version uint64) error {
	if at.Anchor == id {
		return ErrSelf
	}
	return n.put(path, version, func(list *naive) (*naive, error) {
		if list == nil {
			list = naiveMap(version)
			list.ids = []string{}
		}
		switch {
		case list.ids == nil:
			return nil, ErrNotList
		case list.kids[id] != nil:
			return nil, ErrElement
		}
		list.kids[id] = v.at(version)
		return list, list.place(id, at, version)
	})
}

func (n *naive) move(path Path, id string, at Place, version uint64) error {
	list := n.find(path)
	switch {
	case at.Anchor == id:
		return ErrSelf
	case list == nil:
		return ErrNoElement
	case list.ids == nil:
		return ErrNotList
	case list.kids[id] == nil:
		return ErrNoElement
	}
	return n.put(path, version, func(list *naive) (*naive, error) { return list, list.place(id, at, version) })
}

// fromNode is a copy of what a real node holds.
func fromNode(n *Node) *naive {
	out := &naive{leaf: n.Leaf, written: n.Written, keys: n.Keys, below: n.Below}
	if n.IsLeaf() {
		return out
	}
	out.kids = map[string]*naive{}
	if n.IsList() {
		out.ids = []string{}
	}
	for key, kid := range n.Children() {
		out.kids[key] = fromNode(kid)
		if n.IsList() {
			out.ids = append(out.ids, key)
		}
	}
	return out
}

// compare sees that have is n, with all its versions and all that it keeps besides.
func (n *naive) compare(t *testing.T, at Path, have *Node) {
	t.Helper()
	if have.IsMap() != (n.kids != nil && n.ids == nil) || have.IsList() != (n.ids != nil) || have.IsLeaf() != (n.kids == nil) {
		t.Fatalf("at %q: %+v is of another kind than %+v", at, have, n)
	}
	if have.Written != n.written || !bytes.Equal(have.Leaf, n.leaf) {
		t.Fatalf("at %q: %+v in place of %+v", at, have, n)
	}
	if n.kids != nil && (have.Keys != n.keys || have.Below != n.below) {
		t.Fatalf("at %q: keys %d, below %d in place of %d, %d", at, have.Keys, have.Below, n.keys, n.below)
	}
	if size := len(have.Value()); have.Size() != size {
		t.Fatalf("at %q: size %d in place of %d", at, have.Size(), size)
	}
	if about, size := have.ShapeSize(), len(have.Shape()); about < size-3 || about > size+8*(size/4) {
		t.Fatalf("at %q: the shape takes about %d, it has %d bytes", at, about, size)
	}
	if have.Len() != len(n.kids) {
		t.Fatalf("at %q: %d children in place of %d", at, have.Len(), len(n.kids))
	}
	if have.IsList() {
		checkOrder(t, have.order, n.ids)
	}
	order := n.order()
	for key, kid := range have.Children() {
		if key != order[0] {
			t.Fatalf("at %q: %q in place of %q", at, key, order[0])
		}
		n.kids[key].compare(t, append(at[:len(at):len(at)], key), kid)
		order = order[1:]
	}
}

func checkOrder(t *testing.T, o *order, want []string) {
	t.Helper()
	if o.ids.Len() != len(want) || o.labels.Len() != len(want) {
		t.Fatalf("%d and %d in an order of %d", o.ids.Len(), o.labels.Len(), len(want))
	}
	i := 0
	for l, id := range o.ids.All() {
		if at := position(l); *id != want[i] || *o.labels.Get(*id) != l || at == 0 || at == math.MaxUint64 {
			t.Fatalf("%q at %d in place of %q", *id, at, want[i])
		}
		i++
	}
}
