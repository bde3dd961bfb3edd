package tree

import (
	"maps"
	"slices"

	"github.com/trefoilgo/trefoil/internal/pmap"
)

// Only is the tree with nothing in its maps and lists but what leads to paths and is there. Whoever
// keeps it keeps no more of the memory of an older state. Versions and sizes are those of the whole.
func (n *Node) Only(paths []Path) *Node {
	if n.IsLeaf() || slices.ContainsFunc(paths, func(p Path) bool { return len(p) == 0 }) {
		return n
	}
	if len(paths) == 1 && n.IsMap() {
		return n.along(paths[0])
	}
	below := map[string][]Path{}
	for _, path := range paths {
		below[path[0]] = append(below[path[0]], path[1:])
	}
	only := *n
	only.Kids = pmap.Map[Node]{}
	var ids, labels []string
	for _, key := range slices.Sorted(maps.Keys(below)) {
		kid := n.Kids.Get(key)
		if kid == nil {
			continue
		}
		only.Kids = only.Kids.Put(key, *kid.Only(below[key]))
		if n.IsList() {
			ids, labels = append(ids, key), append(labels, *n.order.labels.Get(key))
		}
	}
	if n.IsList() {
		only.order = &order{}
		for i, id := range ids {
			only.order.ids, only.order.labels = only.order.ids.Put(labels[i], id), only.order.labels.Put(id, labels[i])
		}
	}
	return &only
}

// along is Only for one path, from a map.
func (n *Node) along(path Path) *Node {
	only := *n
	only.Kids = pmap.Map[Node]{}
	if kid := n.Kids.Get(path[0]); kid != nil {
		only.Kids = only.Kids.Put(path[0], *kid.Only([]Path{path[1:]}))
	}
	return &only
}
