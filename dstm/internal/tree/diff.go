package tree

import (
	"slices"
	"sort"
	"strings"

	"github.com/trefoilgo/trefoil/internal/pmap"
)

// Diff calls emit for the smallest differences between two values: where both
// are maps, or lists, it descends, elsewhere it names the path with the node before and after, nil for
// absent. An element that only stands elsewhere in its list is emitted with moved, and the same node twice, behind what differs below
// it; as few as possible count as moved. path is where both hang. Subtrees that both share are skipped. It stops when emit
// returns false and reports whether it went to the end.
func Diff(path Path, before, after *Node, emit func(path Path, before, after *Node, moved bool) bool) bool {
	switch {
	case before == after || before == nil && after == nil:
		return true
	case before == nil || after == nil || before.IsLeaf() || after.IsLeaf() || before.IsList() != after.IsList():
		if before != nil && after != nil && before.IsLeaf() && after.IsLeaf() && string(before.Leaf) == string(after.Leaf) {
			return true
		}
		return emit(path, before, after, false)
	case before.Kids.Same(after.Kids) && before.order == after.order:
		return true
	}
	below := func(key string) Path { return append(path[:len(path):len(path)], key) }
	kids := differing(before, after)
	for _, k := range kids {
		if k.old != nil && !Diff(below(k.key), k.old, k.fresh, emit) {
			return false
		}
	}
	for _, k := range kids {
		if k.old == nil && !emit(below(k.key), nil, k.fresh, false) {
			return false
		}
	}
	for _, id := range moved(before, after) {
		if kid := after.Kids.Get(id); !emit(below(id), kid, kid, true) {
			return false
		}
	}
	return true
}

// pair is a child that two maps or lists may not share.
type pair struct {
	key        string
	old, fresh *Node
	place      string // its label in a list
}

// differing lists the children that before and after may not share, in the order of before, and of those that came, of after.
func differing(before, after *Node) (kids []pair) {
	pmap.Diff(before.Kids, after.Kids, func(key string, old, fresh *Node) bool {
		kids = append(kids, pair{key: key, old: old, fresh: fresh})
		return true
	})
	if !before.IsList() {
		return kids
	}
	for i := range kids {
		at := before.order
		if kids[i].old == nil {
			at = after.order
		}
		kids[i].place = *at.labels.Get(kids[i].key)
	}
	slices.SortFunc(kids, func(a, b pair) int { return strings.Compare(a.place, b.place) })
	return kids
}

// mostLabels is how many labels may differ for moved to look at these elements alone.
const mostLabels = 64

// moved lists the least number of ids, in the order of after, that must be put elsewhere in
// the list before so that the ids which both have stand as in after. Where no more than one element has moved, that costs what differs.
func moved(before, after *Node) []string {
	if before.order == after.order { // two maps, too
		return nil
	}
	var relabelled []string // of both
	few := pmap.Diff(before.order.labels, after.order.labels, func(id string, old, fresh *string) bool {
		if old != nil && fresh != nil && *old != *fresh {
			relabelled = append(relabelled, id)
		}
		return len(relabelled) <= mostLabels
	})
	// All others stand in the same order. If each of these has the same neighbour before it, so do they.
	elsewhere := func(id string) bool { return previous(before, after, id) != previous(after, before, id) }
	switch {
	case few && !slices.ContainsFunc(relabelled, elsewhere):
		return nil
	case len(relabelled) == 1:
		return relabelled
	}
	return reordered(before, after)
}

// previous is the id before one in list that other has too, "" if there is none.
func previous(list, other *Node, id string) string {
	label := *list.order.labels.Get(id)
	for {
		var before *string
		if label, before = list.order.ids.Before(label); before == nil {
			return ""
		}
		if other.Kids.Get(*before) != nil {
			return *before
		}
	}
}

// reordered is moved for any two lists: all but a longest increasing subsequence
// of the elements' places (M. Fredman, "On computing the length of longest increasing subsequences", 1975).
func reordered(before, after *Node) []string {
	place := make(map[string]int, before.Len())
	for id := range before.Children() {
		place[id] = len(place)
	}
	var ids []string
	var at []int // places in before of ids
	for id := range after.Children() {
		if p, ok := place[id]; ok {
			ids, at = append(ids, id), append(at, p)
		}
	}
	if slices.IsSorted(at) {
		return nil
	}
	var ends []int // ends[k] is the index at which the lowest increasing run of k+1 ends
	earlier := make([]int, len(at))
	for i, p := range at {
		k := sort.Search(len(ends), func(k int) bool { return at[ends[k]] > p })
		earlier[i] = -1
		if k > 0 {
			earlier[i] = ends[k-1]
		}
		if k == len(ends) {
			ends = append(ends, i)
		} else {
			ends[k] = i
		}
	}
	stays := make([]bool, len(at))
	for i := ends[len(ends)-1]; i >= 0; i = earlier[i] {
		stays[i] = true
	}
	var out []string
	for i, id := range ids {
		if !stays[i] {
			out = append(out, id)
		}
	}
	return out
}
