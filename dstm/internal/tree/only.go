package tree

import (
	"slices"

	"github.com/trefoilgo/trefoil/internal/pmap"
)

// Only is the tree with nothing in its maps but what leads to paths and is there; lists on the way stay whole. Whoever
// keeps it keeps no more of the memory of an older state. Versions and sizes are those of the whole.
func (n *Node) Only(paths []Path) *Node {
	if !n.IsMap() || slices.ContainsFunc(paths, func(p Path) bool { return len(p) == 0 }) {
		return n
	}
	below := map[string][]Path{}
	for _, path := range paths {
		below[path[0]] = append(below[path[0]], path[1:])
	}
	only := *n
	only.Kids = pmap.Map[Node]{}
	for key, rest := range below {
		if kid := n.Kids.Get(key); kid != nil {
			only.Kids = only.Kids.Put(key, *kid.Only(rest))
		}
	}
	return &only
}
