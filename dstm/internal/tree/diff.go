package tree

// Diff calls emit for the smallest differences between two values: where both
// are maps it descends, elsewhere it names the path with the node before and after, nil for
// absent. path is where both hang. Subtrees that both share are skipped. It stops when emit returns false and reports
// whether it went to the end.
func Diff(path Path, before, after *Node, emit func(path Path, before, after *Node) bool) bool {
	switch {
	case before == after || before == nil && after == nil:
		return true
	case before == nil || after == nil || !before.IsMap() || !after.IsMap():
		if before != nil && after != nil && !before.IsMap() && !after.IsMap() && string(before.Leaf) == string(after.Leaf) {
			return true
		}
		return emit(path, before, after)
	case before.Kids.Same(after.Kids):
		return true
	}
	below := func(key string) Path { return append(path[:len(path):len(path)], key) }
	for key, old := range before.Kids.All() {
		if !Diff(below(key), old, after.Kids.Get(key), emit) {
			return false
		}
	}
	for key, fresh := range after.Kids.All() {
		if before.Kids.Get(key) == nil && !emit(below(key), nil, fresh) {
			return false
		}
	}
	return true
}
