package pmap

import "iter"

// First returns the least key and its value, "" and nil if the map is empty.
func (m Map[V]) First() (string, *V) {
	e := m.root
	for e != nil && e.left != nil {
		e = e.left
	}
	return e.pair()
}

// Last returns the greatest key and its value, "" and nil if the map is empty.
func (m Map[V]) Last() (string, *V) {
	e := m.root
	for e != nil && e.right != nil {
		e = e.right
	}
	return e.pair()
}

// After returns the least key greater than key and its value, "" and nil if there is none.
func (m Map[V]) After(key string) (string, *V) {
	var found *entry[V]
	for e := m.root; e != nil; {
		if e.key > key {
			found, e = e, e.left
		} else {
			e = e.right
		}
	}
	return found.pair()
}

// Before returns the greatest key less than key and its value, "" and nil if there is none.
func (m Map[V]) Before(key string) (string, *V) {
	var found *entry[V]
	for e := m.root; e != nil; {
		if e.key < key {
			found, e = e, e.right
		} else {
			e = e.left
		}
	}
	return found.pair()
}

// From yields the keys from key on, itself included, in ascending order.
func (m Map[V]) From(key string) iter.Seq2[string, *V] {
	return func(yield func(string, *V) bool) { m.root.walkFrom(key, yield) }
}

func (e *entry[V]) pair() (string, *V) {
	if e == nil {
		return "", nil
	}
	return e.key, e.value
}

func (e *entry[V]) walkFrom(key string, yield func(string, *V) bool) bool {
	switch {
	case e == nil:
		return true
	case e.key < key:
		return e.right.walkFrom(key, yield)
	}
	return e.left.walkFrom(key, yield) && yield(e.key, e.value) && e.right.walk(yield)
}
