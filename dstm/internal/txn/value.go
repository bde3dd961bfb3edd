package txn

import (
	"math"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// readValue reads a value without a shape.
func readValue(r *codec.Reader, depth int) (codec.Raw, error) {
	raw := r.Raw()
	if r.Err() != nil {
		return nil, invalid("a read or write lacks its value")
	}
	return CheckValue(raw, depth)
}

// Encode returns the canonical form of a Go value without lists that may be written depth keys below the root.
func Encode(value any, depth int) (codec.Raw, error) {
	p := scratch.Get().(*[]byte)
	b, err := codec.AppendValue((*p)[:0], value)
	if err != nil {
		scratch.Put(p)
		return nil, err
	}
	raw, err := CheckValue(b, depth) // a copy
	if cap(b) <= maxScratch {
		*p = b
		scratch.Put(p)
	}
	return raw, err
}

// CheckValue returns the canonical form of a value without lists that may be written depth keys below the root.
func CheckValue(raw codec.Raw, depth int) (codec.Raw, error) {
	value, _, err := CheckShaped(raw, nil, depth)
	return value, err
}

// CheckShaped returns the canonical forms of a value that may be written depth keys below the root, and
// of its shape, nil for none.
func CheckShaped(rawValue, rawShape codec.Raw, depth int) (value, shape codec.Raw, err error) {
	if _, err := (codec.Limits{MaxDepth: MaxNesting - depth}).Check(rawValue); err != nil {
		return nil, nil, invalid("a value nests too deeply or is malformed")
	}
	if value, err = codec.Canonical(nil, rawValue); err != nil {
		return nil, nil, invalid("a value is malformed")
	}
	r := codec.NewReader(value, 1)
	if err := finite(&r); err != nil {
		return nil, nil, err
	}
	if shape, err = checkShape(rawShape); err != nil {
		return nil, nil, err
	}
	if err := tree.Check(value, shape, depth); err != nil {
		return nil, nil, invalid(err.Error())
	}
	return value, shape, nil
}

// checkShape returns a shape in canonical form, nil for one that names no list; whether it fits its value is for tree.New to say.
func checkShape(raw codec.Raw) (codec.Raw, error) {
	if raw == nil {
		return nil, nil
	}
	r := codec.NewReader(raw, 1)
	if r.Nil() {
		return nil, nil
	}
	switch lists := r.Array(); {
	case r.Err() != nil:
		return nil, invalid("a shape is no list")
	case lists.Len() == 0:
		return nil, nil
	}
	shape, err := codec.Canonical(nil, raw)
	if err != nil {
		return nil, invalid("a shape is malformed")
	}
	return shape, nil
}

// finite refuses NaN and infinities. It recurses no deeper than MaxNesting, which was checked.
func finite(r *codec.Reader) error {
	for r.Len() > 0 {
		switch r.Kind() {
		case codec.Float:
			if f := r.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
				return invalid("NaN and infinities are refused")
			}
		case codec.List:
			inner := r.Array()
			if err := finite(&inner); err != nil {
				return err
			}
		case codec.Map:
			inner := r.Map()
			if err := finite(&inner); err != nil {
				return err
			}
		default:
			r.Skip()
		}
	}
	return r.Err()
}
