package turns

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// node is a path at or below which something is claimed. Two claims touch if a spot of one lies at, above or below
// a spot of the other.
type node[K comparable, T any] struct {
	kids  map[string]*node[K, T]
	here  []*claim[K, T] // that have a spot at the path, ascending by ticket
	below []*claim[K, T] // that have one strictly below it, ascending by ticket

	held      *claim[K, T] // that has reserved the path
	heldBelow int          // how many paths strictly below are reserved
}

// insert enters a new claim behind all others, and has it looked at.
func (t *Turns[K, T]) insert(c *claim[K, T]) {
	t.ticket++
	c.ticket, c.span, c.pass = t.ticket, Span, Span
	t.count(c, 1)
	if len(t.waiting) > 2*(len(t.places)+len(t.parked))+maxSpots {
		t.waiting = slices.DeleteFunc(t.waiting, func(c *claim[K, T]) bool { return c.gone || !c.until.IsZero() })
	}
	at := len(t.waiting) // nearly always: only what was parked behind another is older
	for at > 0 && t.waiting[at-1].since.After(c.since) {
		at--
	}
	t.waiting = slices.Insert(t.waiting, at, c)
	for _, s := range c.spots {
		n := t.objects[s.Object]
		if n == nil {
			n = &node[K, T]{}
			t.objects[s.Object] = n
		}
		for _, key := range s.Path {
			n.below = enter(n.below, c)
			kid := n.kids[key]
			if kid == nil {
				kid = &node[K, T]{}
				if n.kids == nil {
					n.kids = map[string]*node[K, T]{}
				}
				n.kids[key] = kid
			}
			n = kid
		}
		n.here = enter(n.here, c)
	}
	t.due = append(t.due, c)
}

// enter appends a claim that has the highest ticket, once.
func enter[K comparable, T any](list []*claim[K, T], c *claim[K, T]) []*claim[K, T] {
	if len(list) > 0 && list[len(list)-1] == c {
		return list
	}
	return append(list, c)
}

// leave takes a claim out.
func (t *Turns[K, T]) leave(c *claim[K, T]) {
	t.count(c, -1)
	for _, s := range c.spots {
		if n := t.objects[s.Object]; n != nil && n.leave(c, s.Path) {
			delete(t.objects, s.Object)
		}
	}
}

// leave reports whether nothing is left of the node.
func (n *node[K, T]) leave(c *claim[K, T], path tree.Path) bool {
	if len(path) == 0 {
		n.here = without(n.here, c)
	} else {
		n.below = without(n.below, c)
		if kid := n.kids[path[0]]; kid != nil && kid.leave(c, path[1:]) {
			delete(n.kids, path[0])
		}
	}
	return len(n.here)+len(n.below)+len(n.kids) == 0
}

func without[K comparable, T any](list []*claim[K, T], c *claim[K, T]) []*claim[K, T] {
	if i, found := slices.BinarySearchFunc(list, c, byTicket[K, T]); found {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// count keeps the sums of keys, of parked transactions and of places.
func (t *Turns[K, T]) count(c *claim[K, T], sign int) {
	which := 0
	if c.place {
		which = 1
	}
	t.keys[which] += sign * keysOf(c.spots)
}

// before returns the latest claim of another client that touches c and was made before it, nil if c is at the front of all its spots.
func (t *Turns[K, T]) before(c *claim[K, T]) *claim[K, T] {
	var latest *claim[K, T]
	look := func(list []*claim[K, T]) {
		i, _ := slices.BinarySearchFunc(list, c, byTicket[K, T])
		for i--; i >= 0 && list[i].key == c.key; i-- {
		}
		if i >= 0 && (latest == nil || list[i].ticket > latest.ticket) {
			latest = list[i]
		}
	}
	for _, s := range c.spots {
		n := t.objects[s.Object]
		for _, key := range s.Path {
			look(n.here)
			n = n.kids[key]
		}
		look(n.here)
		look(n.below)
	}
	return latest
}

// reserve marks the spots of a claim as reserved, or with -1 as free again.
func (t *Turns[K, T]) reserve(c *claim[K, T], sign int) {
	for _, s := range c.spots {
		n := t.objects[s.Object]
		for _, key := range s.Path {
			n.heldBelow += sign
			n = n.kids[key]
		}
		if n.held = c; sign < 0 {
			n.held = nil
		}
	}
}

// taken reports whether another client has reserved one of the spots, or a path above or below. Of two that have
// reservations and write at each other's paths, the older goes on.
func (t *Turns[K, T]) taken(key K, spots []Spot) bool {
	if len(t.reserved) == 0 {
		return false
	}
	own := t.places[key]
	if own != nil && own.until.IsZero() {
		own = nil
	}
	for _, s := range spots {
		if n := t.objects[s.Object]; n != nil && n.taken(own, key, s) {
			return true
		}
	}
	return false
}

func (n *node[K, T]) taken(own *claim[K, T], key K, at Spot) bool {
	other := func() bool {
		return n.held != nil && n.held.key != key && (own == nil || n.held.ticket < own.ticket)
	}
	for _, step := range at.Path {
		if other() {
			return true
		}
		if n = n.kids[step]; n == nil {
			return false
		}
	}
	return other() || n.heldBelow > 0 && n.heldBelow > own.below(at)
}

// below is how many spots of the claim, which may be nil, lie strictly below another spot.
func (c *claim[K, T]) below(at Spot) int {
	n := 0
	if c != nil {
		for _, s := range c.spots {
			if s.Object == at.Object && len(s.Path) > len(at.Path) && s.Path.Starts(at.Path) {
				n++
			}
		}
	}
	return n
}
