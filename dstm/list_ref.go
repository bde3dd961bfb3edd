package dstm

import "iter"

// List is the definition of a typed list in an object: elements of type T with stable ids. Like a [Var] it has a path
// whose keys in braces are parameters; it is immutable, copy it freely.
type List[T any] struct{ at Var[T] }

// NewList defines a list of T at a path, such as
//
//	var Tasks = dstm.NewList[Task]("boards", "{id}", "tasks")
//
// It panics on an invalid path, which is a mistake of the program.
func NewList[T any](path ...string) List[T] { return List[T]{NewVar[T](path...)} }

// At fills the parameters in order; see [Var.At].
func (l List[T]) At(params ...string) ListRef[T] { return ListRef[T]{l.at.At(params...).path} }

// ListRef is a typed list in an object. It is immutable; copy it freely.
type ListRef[T any] struct{ path Path }

// Path is where the list is. The slice is read-only.
func (l ListRef[T]) Path() Path { return l.path }

// Element is the place of one element, whether it is there or not.
func (l ListRef[T]) Element(id string) Ref[T] { return Ref[T]{below(l.path, id)} }

// IDs are the ids of the elements in order; see [Tx.Keys].
func (l ListRef[T]) IDs(tx *Tx) []string { return tx.Keys(l.path...) }

// Len is the number of elements; see [Tx.Len].
func (l ListRef[T]) Len(tx *Tx) int { return tx.Len(l.path...) }

// All yields ids and values in order. The order joins the read set, and each value that is yielded.
func (l ListRef[T]) All(tx *Tx) iter.Seq2[string, T] {
	return func(yield func(string, T) bool) { each(tx, l.path, yield) }
}

// Insert puts value into the list and returns its id; see [Tx.Insert].
func (l ListRef[T]) Insert(tx *Tx, at Place, value T) (id string) {
	return tx.Insert(at, value, l.path...)
}

// Move puts an element elsewhere; see [Tx.Move].
func (l ListRef[T]) Move(tx *Tx, id string, at Place) { tx.Move(id, at, l.path...) }

// Remove removes an element and joins it to the read set; nothing happens if it is not there. See [Tx.Delete].
func (l ListRef[T]) Remove(tx *Tx, id string) { l.Element(id).Delete(tx) }

// GuardLen reports how the number of elements compares with n; a list that is not there is unequal to any. See [Tx.GuardLength].
func (l ListRef[T]) GuardLen(tx *Tx, c Comparison, n int) bool {
	return tx.GuardLength(c, n, l.path...)
}

// each yields the values of the map or list at path.
func each[T any](tx *Tx, path Path, yield func(string, T) bool) {
	for _, key := range tx.Keys(path...) {
		value := Ref[T]{below(path, key)}.Get(tx)
		if tx.Err() != nil || !yield(key, value) {
			return
		}
	}
}

// below is path with one key more.
func below(path Path, key string) Path { return append(path[:len(path):len(path)], key) }
