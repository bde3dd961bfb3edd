package tree

import (
	"encoding/binary"
	"math"

	"github.com/trefoilgo/trefoil/internal/pmap"
)

// order is the sequence of a list's elements, immutable. Each has a label, a number that grows along the
// list; labels are nobody else's business, and two lists in the same order may have others.
//
// Where there is no room for a label between two neighbours, those around it are spread out: the smallest
// aligned range around it that is not too full, which costs O(log n) labels an insertion on
// average, wherever one inserts (M. Bender, R. Cole, E. Demaine, M. Farach-Colton, J. Zito, "Two simplified algorithms for
// maintaining order in a list", ESA 2002).
type order struct {
	ids    pmap.Map[string] // label to id
	labels pmap.Map[string] // id to label
}

// stride is the distance to the last label at which the next is put at an end of the list.
const stride = 1 << 32

func label(at uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], at)
	return string(b[:])
}

func position(label string) uint64 { return binary.BigEndian.Uint64([]byte(label)) }

// newOrder is the order of ids, which sorted holds in the order of their bytes.
func newOrder(ids, sorted []string) *order {
	labels, of := make([]string, len(ids)), make(map[string]string, len(ids))
	for i, id := range ids {
		labels[i] = label(1<<62 + uint64(i)*stride)
		of[id] = labels[i]
	}
	values := make([]string, len(sorted))
	for i, id := range sorted {
		values[i] = of[id]
	}
	return &order{ids: pmap.Sorted(labels, ids), labels: pmap.Sorted(sorted, values)}
}

// insert returns the order with a new id at a place; false if the anchor is not there.
func (o *order) insert(id string, at Place) (*order, bool) {
	next := *o
	for {
		low, high, ok := next.gap(at)
		if !ok {
			return o, false
		}
		if where, room := between(low, high); room {
			l := label(where)
			next.ids = next.ids.Put(l, id)
			next.labels = next.labels.Put(id, l)
			return &next, true
		}
		next = next.spread(low)
	}
}

// remove returns the order without id, which must be in it.
func (o *order) remove(id string) *order {
	return &order{ids: o.ids.Delete(*o.labels.Get(id)), labels: o.labels.Delete(id)}
}

// gap returns the labels between which a place lies: 0 and math.MaxUint64, which no element has, at the ends.
func (o *order) gap(at Place) (low, high uint64, ok bool) {
	low, high = 0, math.MaxUint64
	switch at.Where {
	case First:
		if l, _ := o.ids.First(); l != "" {
			high = position(l)
		}
	case Last:
		if l, _ := o.ids.Last(); l != "" {
			low = position(l)
		}
	default:
		anchor := o.labels.Get(at.Anchor)
		if anchor == nil {
			return 0, 0, false
		}
		if at.Where == After {
			low = position(*anchor)
			if l, _ := o.ids.After(*anchor); l != "" {
				high = position(l)
			}
		} else {
			high = position(*anchor)
			if l, _ := o.ids.Before(*anchor); l != "" {
				low = position(l)
			}
		}
	}
	return low, high, true
}

// between picks a label, and reports whether there is one.
func between(low, high uint64) (uint64, bool) {
	switch {
	case high-low < 2:
		return 0, false
	case low == 0 && high == math.MaxUint64:
		return 1 << 63, true
	case high == math.MaxUint64 && high-low > stride:
		return low + stride, true
	case low == 0 && high > stride:
		return high - stride, true
	}
	return low + (high-low)/2, true
}

// spread gives the elements around a label new labels, far enough from each other that there is room beside every one.
func (o order) spread(around uint64) order {
	capacity := 1.0
	for bits := 1; ; bits++ {
		capacity *= 4.0 / 3 // at most (2/3)^bits of a range of 2^bits may be taken
		low, high := aligned(around, bits)
		ids, all := o.within(low, high, int(capacity))
		if !all && bits < 64 {
			continue
		}
		if !all {
			ids, _ = o.within(low, high, math.MaxInt)
		}
		step := (high - low) / uint64(len(ids)+1)
		if step < 2 {
			continue
		}
		return o.relabel(ids, low, step)
	}
}

// aligned is the range of 2^bits labels that holds one, without the two labels that no element has.
func aligned(at uint64, bits int) (low, high uint64) {
	mask := uint64(math.MaxUint64)
	if bits < 64 {
		mask = 1<<bits - 1
	}
	return max(at&^mask, 1), min(at|mask, math.MaxUint64-1)
}

// within lists the ids from one label to another, in order; false if there are more than most.
func (o *order) within(low, high uint64, most int) ([]string, bool) {
	var ids []string
	last := label(high)
	for l, id := range o.ids.From(label(low)) {
		if l > last {
			break
		}
		if len(ids) == most {
			return nil, false
		}
		ids = append(ids, *id)
	}
	return ids, true
}

func (o order) relabel(ids []string, low, step uint64) order {
	for _, id := range ids {
		o.ids = o.ids.Delete(*o.labels.Get(id))
	}
	for i, id := range ids {
		l := label(low + uint64(i)*step + step/2)
		o.ids = o.ids.Put(l, id)
		o.labels = o.labels.Put(id, l)
	}
	return o
}
