package txn

import (
	"bytes"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// Comparison is what a guard asks about the value at its path.
type Comparison int

// The guards of docs/PROTOCOL.md, section 8. Those of a length follow in the order of the others.
const (
	Less           Comparison = 1
	LessOrEqual    Comparison = 2
	Equal          Comparison = 3
	NotEqual       Comparison = 4
	GreaterOrEqual Comparison = 5
	Greater        Comparison = 6
	Exists         Comparison = 7
	// LengthLess and the five behind it are Less and the five behind that, of the length there.
	LengthLess    Comparison = 8
	LengthGreater Comparison = 13
)

// OfLength is the same comparison of the length there; of Less to Greater only.
func (c Comparison) OfLength() Comparison { return c + LengthLess - Less }

// CompareGuard says how the comparison of n, nil if nothing is there, with a value comes out. Two numbers compare exactly, two
// strings, two byte strings, two times and two bools by their order, and nil equals nil; all else is unequal, and neither less nor greater.
func CompareGuard(n *tree.Node, c Comparison, value codec.Raw) bool {
	if c == Exists {
		return n != nil
	}
	var order int
	var comparable bool
	if c >= LengthLess {
		c -= LengthLess - Less
		var length int
		if length, comparable = Length(n); comparable {
			order = tree.CompareNumbers(codec.AppendInt(nil, int64(length)), value)
		}
	} else if n != nil && n.IsLeaf() {
		order, comparable = compareLeaves(n.Leaf, value)
	}
	switch c {
	case Less:
		return comparable && order < 0
	case LessOrEqual:
		return comparable && order <= 0
	case Equal:
		return comparable && order == 0
	case NotEqual:
		return !comparable || order != 0
	case GreaterOrEqual:
		return comparable && order >= 0
	default:
		return comparable && order > 0
	}
}

// Length is the entries of a map, the elements of a list or array, the bytes of a string or byte string; false of all else.
func Length(n *tree.Node) (length int, ok bool) {
	switch {
	case n == nil:
		return 0, false
	case !n.IsLeaf():
		return n.Len(), true
	}
	r := codec.NewReader(n.Leaf, 1)
	switch r.Kind() {
	case codec.String:
		return len(r.Text()), true
	case codec.Bytes:
		return len(r.Bytes()), true
	case codec.List:
		elements := r.Array()
		return elements.Len(), true
	}
	return 0, false
}

// compareLeaves is negative, zero or positive as a is less than, equal to or greater than b; false if they are of kinds
// that do not compare.
func compareLeaves(a, b codec.Raw) (int, bool) {
	if tree.IsNumber(a) && tree.IsNumber(b) {
		return tree.CompareNumbers(a, b), true
	}
	ra, rb := codec.NewReader(a, 1), codec.NewReader(b, 1)
	if ra.Kind() != rb.Kind() {
		return 0, false
	}
	switch ra.Kind() {
	case codec.Nil:
		return 0, true
	case codec.String:
		return bytes.Compare(ra.Text(), rb.Text()), true
	case codec.Bytes:
		return bytes.Compare(ra.Bytes(), rb.Bytes()), true
	case codec.Time:
		return ra.Time().Compare(rb.Time()), true
	case codec.Bool:
		switch x, y := ra.Bool(), rb.Bool(); {
		case x == y:
			return 0, true
		case y:
			return -1, true
		default:
			return 1, true
		}
	}
	return 0, false
}
