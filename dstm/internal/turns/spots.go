package turns

import (
	"cmp"
	"slices"
)

// distinct returns the spots without those that lie at or below another.
func distinct(spots []Spot) []Spot {
	out := slices.Clone(spots)
	slices.SortFunc(out, func(a, b Spot) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), slices.Compare(a.Path, b.Path))
	})
	kept := out[:0]
	for _, s := range out {
		if n := len(kept); n == 0 || kept[n-1].Object != s.Object || !s.Path.Starts(kept[n-1].Path) {
			kept = append(kept, s)
		}
	}
	return kept
}

// bounded returns the spots, distinct, or whole objects in place of too many.
func bounded(spots []Spot) []Spot {
	if spots = distinct(spots); len(spots) > maxSpots {
		return whole(spots)
	}
	return spots
}

// whole returns the objects of the spots.
func whole(spots []Spot) []Spot {
	out := make([]Spot, len(spots))
	for i := range spots {
		out[i].Object = spots[i].Object
	}
	return distinct(out)
}

// keysOf is how many keys the paths have.
func keysOf(spots []Spot) int {
	n := 0
	for i := range spots {
		n += 1 + len(spots[i].Path)
	}
	return n
}
