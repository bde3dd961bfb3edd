package dstm

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
)

// Var is the definition of a typed place in an object: a path whose keys in
// braces are parameters. Both sides import it. It is immutable; copy it freely.
type Var[T any] struct {
	keys   []string
	params int
}

// NewVar defines a variable of type T at a path, such as
//
//	var Price = dstm.NewVar[int64]("lots", "{id}", "price")
//
// T is whatever codec.Marshal and codec.Unmarshal know; a struct lies in the tree field by field. NewVar panics on an
// invalid path, which is a mistake of the program.
func NewVar[T any](path ...string) Var[T] {
	if !Path(path).Valid() {
		panic(fmt.Sprintf("dstm: NewVar: bad path %q", path))
	}
	v := Var[T]{keys: slices.Clone(path)}
	for _, key := range path {
		if isParam(key) {
			v.params++
		}
	}
	return v
}

func isParam(key string) bool {
	return len(key) > 2 && strings.HasPrefix(key, "{") && strings.HasSuffix(key, "}")
}

// At fills the parameters in order. It panics if their number is wrong; a key that is empty, too long or not
// UTF-8 fails the transaction that uses the Ref.
func (v Var[T]) At(params ...string) Ref[T] {
	if len(params) != v.params {
		panic(fmt.Sprintf("dstm: %q takes %d parameters, not %d", Path(v.keys), v.params, len(params)))
	}
	return Ref[T]{v.fill(params)}
}

func (v Var[T]) fill(params []string) Path {
	path := make(Path, 0, len(v.keys))
	for _, key := range v.keys {
		if isParam(key) && len(params) > 0 {
			key, params = params[0], params[1:]
		}
		path = append(path, key)
	}
	return path
}

// All yields the entries of the map whose key is the variable's last parameter, which must also be the
// last key of its path: keys ascending, with their values. Set of keys and values join the read set.
func (v Var[T]) All(tx *Tx, params ...string) iter.Seq2[string, T] {
	last := len(v.keys) - 1
	if last < 0 || !isParam(v.keys[last]) || len(params) != v.params-1 {
		panic(fmt.Sprintf("dstm: All of %q takes a path that ends in a parameter, and the others", Path(v.keys)))
	}
	parent := v.fill(params)[:last]
	return func(yield func(string, T) bool) { each(tx, parent, yield) }
}

// Ref is a typed place in an object. It is immutable; copy it freely.
type Ref[T any] struct{ path Path }

// Path is where the Ref points. The slice is read-only.
func (r Ref[T]) Path() Path { return r.path }

// Get returns the value, the zero T if there is none, and joins it to the read set.
func (r Ref[T]) Get(tx *Tx) T {
	value, _ := r.Lookup(tx)
	return value
}

// Lookup is Get that also reports whether there is a value.
func (r Ref[T]) Lookup(tx *Tx) (value T, ok bool) {
	ok = tx.Lookup(&value, r.path...)
	return value, ok
}

// Exists reports whether there is a value; see [Tx.Exists].
func (r Ref[T]) Exists(tx *Tx) bool { return tx.Exists(r.path...) }

// Set writes value; the first committer wins. See [Tx.Set].
func (r Ref[T]) Set(tx *Tx, value T) { tx.Set(value, r.path...) }

// Overwrite writes value; the last writer wins. See [Tx.Overwrite].
func (r Ref[T]) Overwrite(tx *Tx, value T) { tx.Overwrite(value, r.path...) }

// Delete removes the value. See [Tx.Delete].
func (r Ref[T]) Delete(tx *Tx) { tx.Delete(r.path...) }

// Guard reports how the value compares with value; only this outcome joins the read set. See [Tx.Guard].
func (r Ref[T]) Guard(tx *Tx, c Comparison, value T) bool { return tx.Guard(c, value, r.path...) }

// GuardExists reports whether there is a value, whichever; see [Tx.GuardExists].
func (r Ref[T]) GuardExists(tx *Tx) bool { return tx.GuardExists(r.path...) }

// Field is the place of one field, or one key, of what is at r: what is written there conflicts with no other field.
//
//	var Done = dstm.Field[bool](task, "done")
//
// name is the field's name as codec.Marshal writes it. F is not checked against T: a value that does not fit is ErrType.
func Field[F, T any](r Ref[T], name string) Ref[F] { return Ref[F]{below(r.path, name)} }

// Decode decodes one of a [Change]'s values as T; ok is false for absent.
func Decode[T any](raw []byte) (value T, ok bool, err error) {
	if raw == nil {
		return value, false, nil
	}
	if err := codec.Unmarshal(raw, &value); err != nil {
		return value, false, status.New(status.InvalidArgument, ErrType, "the value does not fit %T", value).Because(err)
	}
	return value, true, nil
}
