package dstm

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// differences calls emit for what differs at or below prefix between two states that can differ only at or below paths (nil: anywhere), until
// it returns false, and reports whether it never did.
func differences(prefix Path, before, after *tree.Node, paths []Path, emit func(step) bool) bool {
	diff := func(at Path) bool {
		return tree.Diff(at, before.Find(at), after.Find(at), func(p Path, old, fresh *tree.Node, moved bool) bool {
			return emit(step{path: slices.Clone(p), before: old, after: fresh, moved: moved})
		})
	}
	if paths == nil {
		return diff(prefix)
	}
	paths = slices.Clone(paths)
	for i, path := range paths {
		paths[i] = highest(path, before, after)
	}
	for i, path := range paths {
		covered := slices.ContainsFunc(paths[:i], path.Starts) ||
			slices.ContainsFunc(paths[i+1:], func(p Path) bool { return len(p) < len(path) && path.Starts(p) })
		switch {
		case covered:
		case path.Starts(prefix):
			if !diff(path) {
				return false
			}
		case prefix.Starts(path):
			if !diff(prefix) {
				return false
			}
		}
	}
	return true
}

// highest is the shortest beginning of path at which something came or went, with path below it: a write creates the maps that are
// missing on its way, and when it is taken back, so are they.
func highest(path Path, before, after *tree.Node) Path {
	for i, key := range path {
		before, after = before.Kids.Get(key), after.Kids.Get(key)
		if before == nil || after == nil || before.IsLeaf() != after.IsLeaf() {
			return path[:i+1]
		}
	}
	return path
}
