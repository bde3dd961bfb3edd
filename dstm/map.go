package dstm

import "iter"

// Map is the definition of a typed map in an object: values of type T by key. Like a [Var] it has a path
// whose keys in braces are parameters; it is immutable, copy it freely.
type Map[T any] struct{ at Var[T] }

// NewMap defines a map of T at a path, such as
//
//	var Players = dstm.NewMap[Player]("games", "{id}", "players")
//
// It panics on an invalid path, which is a mistake of the program.
func NewMap[T any](path ...string) Map[T] { return Map[T]{NewVar[T](path...)} }

// At fills the parameters in order; see [Var.At].
func (m Map[T]) At(params ...string) MapRef[T] { return MapRef[T]{m.at.At(params...).path} }

// MapRef is a typed map in an object. It is immutable; copy it freely.
type MapRef[T any] struct{ path Path }

// Path is where the map is. The slice is read-only.
func (m MapRef[T]) Path() Path { return m.path }

// Value is the place of the value under key, whether there is one or not.
func (m MapRef[T]) Value(key string) Ref[T] { return Ref[T]{below(m.path, key)} }

// Keys are the keys in ascending order; see [Tx.Keys].
func (m MapRef[T]) Keys(tx *Tx) []string { return tx.Keys(m.path...) }

// Len is the number of keys; see [Tx.Len].
func (m MapRef[T]) Len(tx *Tx) int { return tx.Len(m.path...) }

// Get returns the value under key, the zero T if there is none; see [Ref.Get].
func (m MapRef[T]) Get(tx *Tx, key string) T { return m.Value(key).Get(tx) }

// Lookup is Get that also reports whether there is a value.
func (m MapRef[T]) Lookup(tx *Tx, key string) (T, bool) { return m.Value(key).Lookup(tx) }

// Set writes the value under key; the first committer wins. See [Tx.Set].
func (m MapRef[T]) Set(tx *Tx, key string, value T) { m.Value(key).Set(tx, value) }

// Delete removes the value under key; see [Tx.Delete].
func (m MapRef[T]) Delete(tx *Tx, key string) { m.Value(key).Delete(tx) }

// All yields keys, ascending, and values. The set of keys joins the read set, and each value that is yielded.
func (m MapRef[T]) All(tx *Tx) iter.Seq2[string, T] {
	return func(yield func(string, T) bool) { each(tx, m.path, yield) }
}

// GuardLen reports how the number of keys compares with n; a map that is not there is unequal to any. See [Tx.GuardLength].
func (m MapRef[T]) GuardLen(tx *Tx, c Comparison, n int) bool { return tx.GuardLength(c, n, m.path...) }
