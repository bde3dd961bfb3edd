package witness

import (
	"errors"
	"maps"
	"math/big"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// node is a value as plainly as can be: a map, a list of elements with ids, or a leaf.
type node struct {
	kids map[string]*node // nil for a leaf
	ids  []string         // of a list, in order; nil for a map
	leaf codec.Raw
}

var (
	errLeaf   = errors.New("the path leads through a leaf")
	errNumber = errors.New("adding to what is no number, or beyond all numbers")
	errBounds = errors.New("adding beyond the bounds")
	errList   = errors.New("an element that is not there, or there already, or in no list")
)

// parse makes a value of its encoding; lists has the ids of its lists by path.
func parse(raw codec.Raw, lists map[string][]string, path tree.Path) *node {
	below := func(key string) tree.Path { return append(path[:len(path):len(path)], key) }
	r := codec.NewReader(raw, 1)
	ids, isList := lists[path.String()]
	switch {
	case r.Kind() == codec.Map:
		n := &node{kids: map[string]*node{}}
		for pairs := r.Map(); pairs.Len() > 0; {
			key := pairs.String()
			n.kids[key] = parse(pairs.Raw(), lists, below(key))
		}
		return n
	case isList:
		n := &node{kids: map[string]*node{}, ids: ids}
		elements := r.Array()
		for _, id := range ids {
			n.kids[id] = parse(elements.Raw(), lists, below(id))
		}
		return n
	}
	return &node{leaf: raw}
}

// written is the value that a write carries.
func written(w *txn.Write) *node {
	lists := map[string][]string{}
	if w.Shape != nil {
		outer := codec.NewReader(w.Shape, 1)
		for all := outer.Array(); all.Len() > 0; {
			entry := all.Array()
			path := tree.Path(texts(entry.Array()))
			lists[path.String()] = texts(entry.Array())
		}
	}
	return parse(w.Value, lists, nil)
}

func texts(r codec.Reader) []string {
	out := []string{}
	for r.Len() > 0 {
		out = append(out, r.String())
	}
	return out
}

func (n *node) find(path tree.Path) *node {
	for _, key := range path {
		if n == nil {
			return nil
		}
		n = n.kids[key]
	}
	return n
}

// value is the canonical encoding, nil for nothing.
func (n *node) value() codec.Raw {
	switch {
	case n == nil:
		return nil
	case n.kids == nil:
		return n.leaf
	case n.ids != nil:
		b := codec.AppendArray(nil, len(n.ids))
		for _, id := range n.ids {
			b = append(b, n.kids[id].value()...)
		}
		return b
	}
	b := codec.AppendMap(nil, len(n.kids))
	for _, key := range slices.Sorted(maps.Keys(n.kids)) {
		b = append(codec.AppendString(b, key), n.kids[key].value()...)
	}
	return b
}

// names are the keys of a map, ascending, or the ids of a list in their order.
func (n *node) names() []string {
	if n == nil || n.kids == nil {
		return nil
	}
	if n.ids != nil {
		return n.ids
	}
	return slices.Sorted(maps.Keys(n.kids))
}

func (n *node) write(w *txn.Write) error {
	if len(w.Path) == 0 {
		if w.Op != txn.OpSet {
			return errLeaf
		}
		fresh := written(w)
		if fresh.kids == nil || fresh.ids != nil {
			return errLeaf
		}
		*n = *fresh
		return nil
	}
	last := len(w.Path) - 1
	for _, key := range w.Path[:last] {
		next := n.kids[key]
		switch {
		case n.kids == nil || next == nil && w.Op == txn.OpDelete:
			return errUnless(w.Op == txn.OpDelete, errLeaf)
		case next == nil && n.ids != nil:
			return errList
		case next == nil:
			next = &node{kids: map[string]*node{}}
			n.kids[key] = next
		}
		n = next
	}
	return n.writeChild(w.Path[last], w)
}

func errUnless(fine bool, err error) error {
	if fine {
		return nil
	}
	return err
}

// writeChild makes a write to what stands under key.
func (n *node) writeChild(key string, w *txn.Write) error {
	switch {
	case w.Op == txn.OpDelete:
		delete(n.kids, key)
		n.ids = slices.DeleteFunc(n.ids, func(id string) bool { return id == key })
		return nil
	case n.kids == nil:
		return errLeaf
	case n.ids != nil && n.kids[key] == nil:
		return errList
	}
	switch w.Op {
	case txn.OpSet:
		n.kids[key] = written(w)
		return nil
	case txn.OpInsert, txn.OpMove:
		if n.kids[key] == nil {
			n.kids[key] = &node{kids: map[string]*node{}, ids: []string{}}
		}
		return n.kids[key].place(w)
	case txn.OpMin, txn.OpMax:
		return n.choose(key, w)
	}
	return n.add(key, w)
}

// place inserts or moves an element.
func (n *node) place(w *txn.Write) error {
	if n.ids == nil || (n.kids[w.ID] != nil) != (w.Op == txn.OpMove) {
		return errList
	}
	rest := slices.DeleteFunc(slices.Clone(n.ids), func(id string) bool { return id == w.ID })
	at := slices.Index(rest, w.Place.Anchor)
	switch {
	case w.Place.Where == tree.First:
		at = 0
	case w.Place.Where == tree.Last:
		at = len(rest)
	case at < 0:
		return errList
	case w.Place.Where == tree.After:
		at++
	}
	n.ids = slices.Insert(rest, at, w.ID)
	if w.Op == txn.OpInsert {
		n.kids[w.ID] = written(w)
	}
	return nil
}

// choose keeps the smaller or greater of two numbers; of two that are equal, the one that was there.
func (n *node) choose(key string, w *txn.Write) error {
	old := n.kids[key]
	if old == nil {
		n.kids[key] = &node{leaf: w.Value}
		return nil
	}
	if old.kids != nil || !tree.IsNumber(old.leaf) {
		return errNumber
	}
	if c := rational(w.Value).Cmp(rational(old.leaf)); c < 0 && w.Op == txn.OpMin || c > 0 && w.Op == txn.OpMax {
		n.kids[key] = &node{leaf: w.Value}
	}
	return nil
}

// add adds integers without regard to their size, and floats as the machine does.
func (n *node) add(key string, w *txn.Write) error {
	old := codec.Raw{0}
	if at := n.kids[key]; at != nil {
		old = at.leaf
	}
	if !tree.IsNumber(old) {
		return errNumber
	}
	a, b := codec.NewReader(old, 1), codec.NewReader(w.Value, 1)
	var sum codec.Raw
	if a.Kind() == codec.Int && b.Kind() == codec.Int {
		total := new(big.Int).Add(big.NewInt(a.Int()), big.NewInt(b.Int()))
		if !total.IsInt64() {
			return errNumber
		}
		sum = codec.AppendInt(nil, total.Int64())
	} else {
		sum = codec.AppendFloat(nil, a.Float()+b.Float())
	}
	value := rational(sum)
	if value == nil {
		return errNumber
	}
	if w.Least != nil && value.Cmp(rational(w.Least)) < 0 || w.Most != nil && value.Cmp(rational(w.Most)) > 0 {
		return errBounds
	}
	n.kids[key] = &node{leaf: sum}
	return nil
}

// rational is the exact value of a number, nil for NaN and infinities.
func rational(raw codec.Raw) *big.Rat {
	r := codec.NewReader(raw, 1)
	if r.Kind() == codec.Int {
		return new(big.Rat).SetInt64(r.Int())
	}
	return new(big.Rat).SetFloat64(r.Float())
}
