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

// node is a value as plainly as can be: a map, or a leaf.
type node struct {
	kids map[string]*node
	leaf codec.Raw
}

var (
	errLeaf   = errors.New("the path leads through a leaf")
	errNumber = errors.New("adding to what is no number, or beyond all numbers")
	errBounds = errors.New("adding beyond the bounds")
)

func parse(raw codec.Raw) *node {
	r := codec.NewReader(raw, 1)
	if r.Kind() != codec.Map {
		return &node{leaf: raw}
	}
	n := &node{kids: map[string]*node{}}
	for pairs := r.Map(); pairs.Len() > 0; {
		key := pairs.String()
		n.kids[key] = parse(pairs.Raw())
	}
	return n
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
	if n == nil {
		return nil
	}
	if n.kids == nil {
		return n.leaf
	}
	b := codec.AppendMap(nil, len(n.kids))
	for _, key := range slices.Sorted(maps.Keys(n.kids)) {
		b = append(codec.AppendString(b, key), n.kids[key].value()...)
	}
	return b
}

func (n *node) write(w *txn.Write) error {
	if len(w.Path) == 0 {
		fresh := parse(w.Value)
		if w.Op != txn.OpSet || fresh.kids == nil {
			return errLeaf
		}
		*n = *fresh
		return nil
	}
	for _, key := range w.Path[:len(w.Path)-1] {
		if n.kids == nil {
			break
		}
		next := n.kids[key]
		if next == nil {
			if w.Op == txn.OpDelete {
				return nil
			}
			next = &node{kids: map[string]*node{}}
			n.kids[key] = next
		}
		n = next
	}
	if n.kids == nil {
		if w.Op == txn.OpDelete {
			return nil
		}
		return errLeaf
	}
	key := w.Path[len(w.Path)-1]
	switch w.Op {
	case txn.OpSet:
		n.kids[key] = parse(w.Value)
		return nil
	case txn.OpDelete:
		delete(n.kids, key)
		return nil
	}
	return n.add(key, w)
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
