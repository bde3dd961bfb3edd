package engine

import (
	"fmt"
	"maps"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// model is an object as a naive program would hold it: whole values of every version, and who wrote where.
type model struct {
	strict bool
	values []any         // by version; maps are map[string]any, lists *list, leaves codec.Raw as a string
	writes [][]tree.Path // by version
}

// list is a list of elements with ids.
type list struct {
	ids  []string
	kids map[string]any
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = clone(x)
		}
		return out
	case *list:
		return &list{slices.Clone(v.ids), clone(v.kids).(map[string]any)}
	}
	return v
}

// children are those of a map or list; nil for a leaf.
func children(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case *list:
		return v.kids
	}
	return nil
}

func lookup(v any, p tree.Path) (any, bool) {
	for _, key := range p {
		var ok bool
		if v, ok = children(v)[key]; !ok {
			return nil, false
		}
	}
	return v, true
}

// text shows a value with the ids of its lists.
func text(v any) string {
	switch v := v.(type) {
	case map[string]any:
		out := "{"
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out += key + ":" + text(v[key]) + " "
		}
		return out + "}"
	case *list:
		out := "["
		for _, id := range v.ids {
			out += id + ":" + text(v.kids[id]) + " "
		}
		return out + "]"
	}
	return fmt.Sprintf("%x", v)
}

// fromNode turns a real value into the model's.
func fromNode(n *tree.Node) any {
	if n.IsLeaf() {
		return string(n.Leaf)
	}
	kids, ids := map[string]any{}, []string{}
	for key, kid := range n.Children() {
		kids[key] = fromNode(kid)
		ids = append(ids, key)
	}
	if n.IsList() {
		return &list{ids, kids}
	}
	return kids
}

// value is what a write of the model carries.
func value(w *txn.Write) any {
	n, err := tree.New(w.Value, w.Shape, 0, 0)
	if err != nil {
		panic(err)
	}
	return fromNode(&n)
}

// apply writes in the naive way; false if something is in the way, an element is not there or there already, or a number is none.
func apply(root map[string]any, w *txn.Write) bool {
	if len(w.Path) == 0 {
		clear(root)
		maps.Copy(root, value(w).(map[string]any))
		return true
	}
	var at any = root
	for _, key := range w.Path[:len(w.Path)-1] {
		kids := children(at)
		next, ok := kids[key]
		_, inList := at.(*list)
		switch {
		case kids == nil || !ok && (inList || w.Op == txn.OpDelete):
			return w.Op == txn.OpDelete
		case !ok:
			next = map[string]any{}
			kids[key] = next
		}
		at = next
	}
	kids, last := children(at), w.Path[len(w.Path)-1]
	if kids == nil {
		return w.Op == txn.OpDelete
	}
	old, ok := kids[last]
	l, inList := at.(*list)
	if inList && !ok && w.Op != txn.OpDelete {
		return false
	}
	switch w.Op {
	case txn.OpSet:
		kids[last] = value(w)
	case txn.OpDelete:
		delete(kids, last)
		if inList {
			l.ids = slices.DeleteFunc(l.ids, func(id string) bool { return id == last })
		}
	case txn.OpInsert, txn.OpMove:
		if !ok && w.Op == txn.OpInsert {
			old = &list{kids: map[string]any{}}
			kids[last] = old
		}
		return place(old, w)
	default:
		return number(kids, last, w)
	}
	return true
}

// place inserts or moves an element.
func place(at any, w *txn.Write) bool {
	l, ok := at.(*list)
	if !ok {
		return false
	}
	if _, there := l.kids[w.ID]; there != (w.Op == txn.OpMove) || w.ID == w.Place.Anchor {
		return false
	}
	rest := slices.DeleteFunc(slices.Clone(l.ids), func(id string) bool { return id == w.ID })
	i := slices.Index(rest, w.Place.Anchor)
	switch w.Place.Where {
	case tree.First:
		i = 0
	case tree.Last:
		i = len(rest)
	case tree.After:
		if i++; i == 0 {
			return false
		}
	}
	if i < 0 {
		return false
	}
	l.ids = slices.Insert(rest, i, w.ID)
	if w.Op == txn.OpInsert {
		l.kids[w.ID] = value(w)
	}
	return true
}

// number adds, or takes the smaller or greater, of small integers.
func number(kids map[string]any, key string, w *txn.Write) bool {
	operand := codec.NewReader(w.Value, 1)
	n := operand.Int()
	if old, ok := kids[key]; ok {
		s, leaf := old.(string)
		if !leaf || !tree.IsNumber(codec.Raw(s)) {
			return false
		}
		r := codec.NewReader([]byte(s), 1)
		switch was := r.Int(); w.Op {
		case txn.OpMin:
			n = min(n, was)
		case txn.OpMax:
			n = max(n, was)
		default:
			n += was
		}
	}
	kids[key] = string(raw(n))
	return true
}

// same reports whether a read sees the same in two whole values.
func same(read *txn.Read, before, after any) bool {
	a, okA := lookup(before, read.Path)
	b, okB := lookup(after, read.Path)
	if okA != okB || !okA {
		return okA == okB
	}
	kidsA, kidsB := children(a), children(b)
	la, isListA := a.(*list)
	lb, isListB := b.(*list)
	if (kidsA == nil) != (kidsB == nil) || isListA != isListB {
		return false
	}
	switch {
	case read.Kind == txn.ReadKeys && isListA:
		return slices.Equal(la.ids, lb.ids)
	case read.Kind == txn.ReadKeys:
		return slices.Equal(slices.Sorted(maps.Keys(kidsA)), slices.Sorted(maps.Keys(kidsB)))
	case read.Kind == txn.ReadValue && kidsA != nil:
		return true
	}
	return text(a) == text(b)
}

// holds reports whether a read made at base holds at the head: a guard by what is there now, all else by what was
// there then, and in a strict object by what was there at any time since.
func (m *model) holds(read *txn.Read, base uint64) bool {
	head := m.values[len(m.values)-1]
	if read.Kind == txn.ReadGuard {
		return m.guard(read, head) == read.Truth
	}
	if m.strict {
		for _, between := range m.values[base+1:] {
			if !same(read, m.values[base], between) {
				return false
			}
		}
	}
	return same(read, m.values[base], head)
}

// guard compares small integers, and lengths with them.
func (m *model) guard(read *txn.Read, root any) bool {
	at, there := lookup(root, read.Path)
	if read.Guard == txn.Exists {
		return there
	}
	operand := codec.NewReader(read.Value, 1)
	want, have, ok := operand.Int(), int64(0), false
	if c := children(at); read.Guard >= txn.LengthLess {
		have, ok = int64(len(c)), c != nil
	} else if s, leaf := at.(string); there && leaf && tree.IsNumber(codec.Raw(s)) {
		r := codec.NewReader([]byte(s), 1)
		have, ok = r.Int(), true
	}
	c := read.Guard
	if c >= txn.LengthLess {
		c -= txn.LengthLess - txn.Less
	}
	if !ok {
		return c == txn.NotEqual
	}
	return map[txn.Comparison]bool{
		txn.Less: have < want, txn.LessOrEqual: have <= want, txn.Equal: have == want,
		txn.NotEqual: have != want, txn.GreaterOrEqual: have >= want, txn.Greater: have > want,
	}[c]
}

// touched reports whether any write since base lies at, above or below the path.
func (m *model) touched(base uint64, p tree.Path) bool {
	for _, writes := range m.writes[base+1:] {
		if slices.ContainsFunc(writes, p.Touches) {
			return true
		}
	}
	return false
}
