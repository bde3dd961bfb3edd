package tree

import (
	"errors"

	"github.com/trefoilgo/trefoil/codec"
)

// Place says where in its list an element is put.
type Place struct {
	Where int
	// Anchor is the id of the element that After and Before mean, "" for First and Last.
	Anchor string
}

// The values of Place.Where (docs/PROTOCOL.md, section 8).
const (
	First  = 1
	Last   = 2
	After  = 3
	Before = 4
)

// Valid reports whether Where is one of the four, with an anchor exactly where one is needed.
func (p Place) Valid() bool {
	switch p.Where {
	case First, Last:
		return p.Anchor == ""
	case After, Before:
		return ValidKey(p.Anchor)
	}
	return false
}

// Errors of changes in lists. All leave the tree as it was.
var (
	ErrNoElement = errors.New("the element is not in its list")
	ErrElement   = errors.New("the element is in the list already")
	ErrSelf      = errors.New("an element cannot be put beside itself")
	ErrNotList   = errors.New("there is a value that is no list")
	ErrPlace     = errors.New("a place is first, last, or behind or before an element")
)

// Insert returns the tree with a new element, called id and holding the canonical value of this shape, in the list at
// path, inserted by version. The list is created if there is none, with missing maps on the way.
func (n *Node) Insert(path Path, id string, at Place, value, shape codec.Raw, version uint64) (Node, error) {
	if err := checkPlace(path, id, at); err != nil {
		return *n, err
	}
	fresh, err := New(value, shape, version, len(path)+1)
	if err != nil {
		return *n, err
	}
	return n.change(path, version, func(list *Node) (Node, error) {
		if list == nil {
			empty := NewList(version, version, version)
			list = &empty
		}
		switch {
		case !list.IsList():
			return Node{}, ErrNotList
		case list.Kids.Get(id) != nil:
			return Node{}, ErrElement
		}
		out := *list
		var ok bool
		if out.order, ok = list.order.insert(id, at); !ok {
			return Node{}, ErrNoElement
		}
		out.Kids = list.Kids.Put(id, fresh)
		out.sums.count(true, id, &fresh, 1)
		out.Keys, out.Below = version, version
		return out, nil
	})
}

// Move returns the tree with the element called id elsewhere in the list at path, moved by version. The
// element itself does not count as written.
func (n *Node) Move(path Path, id string, at Place, version uint64) (Node, error) {
	if err := checkPlace(path, id, at); err != nil {
		return *n, err
	}
	switch list := n.Find(path); {
	case list == nil:
		return *n, ErrNoElement
	case !list.IsList():
		return *n, ErrNotList
	case list.Kids.Get(id) == nil:
		return *n, ErrNoElement
	}
	return n.change(path, version, func(list *Node) (Node, error) {
		out := *list
		var ok bool
		if out.order, ok = list.order.remove(id).insert(id, at); !ok {
			return Node{}, ErrNoElement
		}
		out.Keys, out.Below = version, version
		return out, nil
	})
}

func checkPlace(path Path, id string, at Place) error {
	switch {
	case !ValidKey(id):
		return ErrKey
	case !at.Valid():
		return ErrPlace
	case at.Anchor == id:
		return ErrSelf
	case len(path) == 0:
		return ErrNotList
	}
	return nil
}

// PlaceOf says where the element called id stands, so that it can be put there again: behind the
// one before it, or first. It is the zero Place if n is no list that holds the element.
func (n *Node) PlaceOf(id string) Place {
	if n == nil || n.order == nil {
		return Place{}
	}
	label := n.order.labels.Get(id)
	if label == nil {
		return Place{}
	}
	if _, before := n.order.ids.Before(*label); before != nil {
		return Place{Where: After, Anchor: *before}
	}
	return Place{Where: First}
}
