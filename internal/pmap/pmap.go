// Package pmap is a persistent map: every change makes a new map that shares
// almost all of its memory with the old one, which stays as it was. So a
// snapshot costs nothing, and readers need no lock.
//
// It is a weight-balanced tree (S. Adams, "Efficient sets: a balancing act",
// J. Functional Programming 3(4), 1993) with the parameters proven by Y. Hirai
// and K. Yamamoto, "Balancing weight-balanced trees", JFP 21(3), 2011. Its order
// is that of the keys' bytes, so iteration is the same everywhere.
package pmap

import "iter"

// Map is an immutable map from string to V. The zero Map is empty. It is safe
// for concurrent use.
type Map[V any] struct{ root *entry[V] }

type entry[V any] struct {
	key         string
	left, right *entry[V]
	size        int
	value       *V // apart: a change copies the entries on its way, and they are many
}

// Len is the number of keys.
func (m Map[V]) Len() int { return m.root.count() }

// Get returns a pointer to key's value, nil if there is none. The value is
// shared by all maps that hold it: never write through the pointer.
func (m Map[V]) Get(key string) *V {
	for e := m.root; e != nil; {
		switch {
		case key < e.key:
			e = e.left
		case key > e.key:
			e = e.right
		default:
			return e.value
		}
	}
	return nil
}

// Put returns a map in which key has value.
func (m Map[V]) Put(key string, value V) Map[V] { return Map[V]{m.root.put(key, &value)} }

// Delete returns a map without key; m itself if it has none.
func (m Map[V]) Delete(key string) Map[V] {
	if m.Get(key) == nil {
		return m
	}
	return Map[V]{m.root.remove(key)}
}

// All yields keys in ascending order of their bytes.
func (m Map[V]) All() iter.Seq2[string, *V] {
	return func(yield func(string, *V) bool) { m.root.walk(yield) }
}

// Same reports whether m and o are one map, unchanged; equal maps built apart are not the same.
func (m Map[V]) Same(o Map[V]) bool { return m.root == o.root }

func (e *entry[V]) count() int {
	if e == nil {
		return 0
	}
	return e.size
}

func (e *entry[V]) walk(yield func(string, *V) bool) bool {
	return e == nil || e.left.walk(yield) && yield(e.key, e.value) && e.right.walk(yield)
}

func (e *entry[V]) put(key string, value *V) *entry[V] {
	switch {
	case e == nil:
		return &entry[V]{key: key, value: value, size: 1}
	case key < e.key:
		return e.with(e.left.put(key, value), e.right)
	case key > e.key:
		return e.with(e.left, e.right.put(key, value))
	}
	return &entry[V]{key: e.key, value: value, left: e.left, right: e.right, size: e.size}
}

func (e *entry[V]) remove(key string) *entry[V] {
	switch {
	case key < e.key:
		return e.with(e.left.remove(key), e.right)
	case key > e.key:
		return e.with(e.left, e.right.remove(key))
	case e.left == nil:
		return e.right
	case e.right == nil:
		return e.left
	}
	next := e.right
	for next.left != nil {
		next = next.left
	}
	return next.with(e.left, e.right.remove(next.key))
}

// Hirai and Yamamoto's only integer solution for trees whose weight is size + 1.
const (
	delta = 3
	gamma = 2
)

// with is e's key and value over other subtrees, balanced again; they may differ
// from a balanced pair by one insertion or deletion.
func (e *entry[V]) with(left, right *entry[V]) *entry[V] {
	l, r := left.count()+1, right.count()+1
	switch {
	case r > delta*l:
		if right.left.count()+1 < gamma*(right.right.count()+1) {
			return right.over(e.over(left, right.left), right.right)
		}
		mid := right.left
		return mid.over(e.over(left, mid.left), right.over(mid.right, right.right))
	case l > delta*r:
		if left.right.count()+1 < gamma*(left.left.count()+1) {
			return left.over(left.left, e.over(left.right, right))
		}
		mid := left.right
		return mid.over(left.over(left.left, mid.left), e.over(mid.right, right))
	}
	return e.over(left, right)
}

func (e *entry[V]) over(left, right *entry[V]) *entry[V] {
	return &entry[V]{key: e.key, value: e.value, left: left, right: right, size: left.count() + right.count() + 1}
}
