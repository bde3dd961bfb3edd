package tree

// Graft returns fresh, a later state of the node old without versions, with all nodes of old whose
// value is still the same. What differs gets version: so the versions of old stay good for what did not change, and the
// difference between both costs what changed. It returns old itself if nothing differs.
func Graft(old, fresh *Node, version uint64) *Node {
	if old.IsLeaf() || fresh.IsLeaf() || old.IsList() != fresh.IsList() {
		if old.IsLeaf() && fresh.IsLeaf() && string(old.Leaf) == string(fresh.Leaf) {
			return old
		}
		return fresh
	}
	out := *old
	keys := !sameOrder(old, fresh)
	for key := range old.Kids.All() {
		if fresh.Kids.Get(key) == nil {
			out.Kids = out.Kids.Delete(key)
			keys = true
		}
	}
	for key, kid := range fresh.Kids.All() {
		was := old.Kids.Get(key)
		if was == nil {
			out.Kids = out.Kids.Put(key, *kid)
			keys = true
		} else if merged := Graft(was, kid, version); merged != was {
			out.Kids = out.Kids.Put(key, *merged)
		}
	}
	if !keys && out.Kids.Same(old.Kids) {
		return old
	}
	out.sums = fresh.sums // the value is that of fresh, only its versions are not
	if keys {
		out.order, out.Keys = fresh.order, version
	}
	out.Below = version
	return &out
}

// sameOrder reports whether two lists have the same ids in the same order; true of two maps.
func sameOrder(a, b *Node) bool {
	if !a.IsList() || a.order == b.order {
		return true
	}
	if a.Len() != b.Len() {
		return false
	}
	l, next := a.order.ids.First()
	for _, id := range b.order.ids.All() {
		if *id != *next {
			return false
		}
		l, next = a.order.ids.After(l)
	}
	return true
}
