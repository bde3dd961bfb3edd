package tree

import (
	"errors"
	"math"

	"github.com/trefoilgo/trefoil/codec"
)

// Errors of Add, Min and Max: what stands there now does not allow it.
var (
	ErrNotNumber = errors.New("there is a value that is no number")
	ErrBounds    = errors.New("the sum is outside the bounds")
	ErrRange     = errors.New("the sum is outside the range of numbers")
)

// Add returns the tree with the number at path increased by n (canonical), where absent
// counts as 0. least and most bound the sum, nil means no bound.
func (t *Node) Add(path Path, n, least, most codec.Raw, version uint64) (Node, error) {
	return t.number(path, version, func(old codec.Raw) (codec.Raw, error) {
		if old == nil {
			old = codec.Raw{0}
		}
		sum, err := addNumbers(old, n)
		if err != nil {
			return nil, err
		}
		if least != nil && CompareNumbers(sum, least) < 0 || most != nil && CompareNumbers(sum, most) > 0 {
			return nil, ErrBounds
		}
		return sum, nil
	})
}

// Min returns the tree with the smaller of the number at path and n (canonical), or n if there is none. The
// node counts as written in either case.
func (t *Node) Min(path Path, n codec.Raw, version uint64) (Node, error) {
	return t.number(path, version, func(old codec.Raw) (codec.Raw, error) {
		if old == nil || CompareNumbers(n, old) < 0 {
			return n, nil
		}
		return old, nil
	})
}

// Max is Min for the greater.
func (t *Node) Max(path Path, n codec.Raw, version uint64) (Node, error) {
	return t.number(path, version, func(old codec.Raw) (codec.Raw, error) {
		if old == nil || CompareNumbers(n, old) > 0 {
			return n, nil
		}
		return old, nil
	})
}

// number returns the tree with what fn makes of the number at path, nil if nothing is there.
func (t *Node) number(path Path, version uint64, fn func(codec.Raw) (codec.Raw, error)) (Node, error) {
	return t.change(path, version, func(at *Node) (Node, error) {
		var old codec.Raw
		if at != nil {
			if old = at.Leaf; !IsNumber(old) {
				return Node{}, ErrNotNumber
			}
		}
		fresh, err := fn(old)
		if err != nil {
			return Node{}, err
		}
		return New(fresh, nil, version, len(path))
	})
}

// IsNumber reports whether v encodes an integer or a float.
func IsNumber(v codec.Raw) bool {
	r := codec.NewReader(v, 1)
	k := r.Kind()
	return len(v) > 0 && (k == codec.Int || k == codec.Float)
}

// addNumbers is exact between integers; with a float on either side it is the
// double's sum, made canonical.
func addNumbers(a, b codec.Raw) (codec.Raw, error) {
	ra, rb := codec.NewReader(a, 1), codec.NewReader(b, 1)
	if ra.Kind() == codec.Int && rb.Kind() == codec.Int {
		x, y := ra.Int(), rb.Int()
		sum := x + y
		if (sum < x) != (y < 0) {
			return nil, ErrRange
		}
		return codec.AppendInt(nil, sum), nil
	}
	sum := float(a) + float(b)
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return nil, ErrRange
	}
	return codec.AppendFloat(nil, sum), nil
}

// CompareNumbers is negative, zero or positive as a is less than, equal to or greater than b. An
// integer and a float are compared without rounding the integer.
func CompareNumbers(a, b codec.Raw) int {
	ra, rb := codec.NewReader(a, 1), codec.NewReader(b, 1)
	switch aInt, bInt := ra.Kind() == codec.Int, rb.Kind() == codec.Int; {
	case aInt && bInt:
		return compare(ra.Int(), rb.Int())
	case aInt:
		return -compareFloatInt(rb.Float(), ra.Int())
	case bInt:
		return compareFloatInt(ra.Float(), rb.Int())
	}
	return compare(ra.Float(), rb.Float())
}

func compare[T int64 | float64](x, y T) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func compareFloatInt(x float64, y int64) int {
	switch {
	case x >= 1<<63:
		return 1
	case x < -1<<63:
		return -1
	}
	whole := math.Floor(x) // exact, and within int64
	if c := compare(int64(whole), y); c != 0 {
		return c
	}
	return compare(x, whole)
}

func float(v codec.Raw) float64 {
	r := codec.NewReader(v, 1)
	if r.Kind() == codec.Int {
		return float64(r.Int())
	}
	return r.Float()
}
