package dstm

import "github.com/trefoilgo/trefoil/dstm/internal/tree"

// Place is where in a list an element is put: [First], [Last], [After] or [Before]. The zero Place is none.
type Place struct{ place tree.Place }

// First is before all elements.
func First() Place { return Place{tree.Place{Where: tree.First}} }

// Last is behind all elements.
func Last() Place { return Place{tree.Place{Where: tree.Last}} }

// After is directly behind the element with this id.
func After(id string) Place { return Place{tree.Place{Where: tree.After, Anchor: id}} }

// Before is directly before the element with this id.
func Before(id string) Place { return Place{tree.Place{Where: tree.Before, Anchor: id}} }
