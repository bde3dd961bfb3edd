package dstm

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/lens"
	"github.com/trefoilgo/trefoil/transport"
)

// storeRing holds the most recent entries, as far as a limit in bytes allows,
// for sessions that missed them. The zero ring is empty.
type storeRing struct {
	limit   int
	size    int
	first   uint64 // position of entries[0]
	entries []*storeRecent
	last    map[string]uint64 // of each object the newest entry that is held
}

// storeRecent is one entry as sessions get it.
type storeRecent struct {
	entry  *engine.Entry
	before []uint64 // for each part the entry before that changed the object, 0 if it was not held
	frames []storeKept
	extra  int // bytes of frames that cost did not foresee

	oneBefore [1]uint64 // most have one part and one frame: the room for those
	oneFrame  [1]storeKept
}

// storeKept is a change frame that was built.
type storeKept struct {
	of    storeFrame
	frame *transport.Shared
}

// storeFrame tells the change frames of one entry apart.
type storeFrame struct {
	mask   uint32 // the parts that it carries
	lenses string // the lenses of those parts, "" if all are nil
	own    bool   // behind lenses: for its author
}

// reset empties the ring; the entry behind position comes next.
func (r *storeRing) reset(position uint64) {
	r.size, r.first, r.entries, r.last = 0, position+1, nil, map[string]uint64{}
}

// push adds an entry, which is the ring's from now on, but for its parts until the caller has called strip.
func (r *storeRing) push(e *engine.Entry) *storeRecent {
	recent := &storeRecent{entry: e}
	recent.before, recent.frames = recent.oneBefore[:0], recent.oneFrame[:0]
	for i := range e.Parts {
		object := e.Parts[i].Object
		recent.before = append(recent.before, r.last[object])
		r.last[object] = e.Position
	}
	r.entries = append(r.entries, recent)
	r.size += recent.cost()
	drop := 0
	for r.size > r.limit && drop < len(r.entries)-1 {
		r.forget(r.entries[drop])
		r.entries[drop] = nil
		drop++
	}
	r.entries, r.first = r.entries[drop:], r.first+uint64(drop)
	return recent
}

// strip takes writes and states out of the entry, which Raw says again or would keep alive.
func (e *storeRecent) strip() {
	for i := range e.entry.Parts {
		p := &e.entry.Parts[i]
		p.Writes, p.Before, p.After = nil, nil, nil
	}
}

func (r *storeRing) forget(e *storeRecent) {
	r.size -= e.cost()
	for i := range e.entry.Parts {
		if name := e.entry.Parts[i].Object; r.last[name] == e.entry.Position {
			delete(r.last, name)
		}
	}
}

// maxFrames is how many frames of one entry are kept. Clients that have various subsets of its objects open could
// else make it grow without bound.
const maxFrames = 4

// cost is about what an entry takes in memory: itself, its frames, which repeat it, and some for the structures.
func (e *storeRecent) cost() int {
	if len(e.entry.Parts) > 1 {
		return (1+maxFrames)*e.entry.Size + 512 + e.extra
	}
	return 2*e.entry.Size + 512 + e.extra
}

// at returns the entry at position, nil if it is not held.
func (r *storeRing) at(position uint64) *storeRecent {
	if position < r.first || position-r.first >= uint64(len(r.entries)) {
		return nil
	}
	return r.entries[position-r.first]
}

// changeHead is about what a change frame takes besides its parts.
const changeHead = 64

// missed returns the positions of the changes of an object behind a version, ascending. ok is false if
// the ring does not reach back to them all, or if they take more than limit bytes.
func (r *storeRing) missed(object string, version uint64, limit int) (positions []uint64, ok bool) {
	size := 0
	for at := r.last[object]; ; {
		e := r.at(at)
		if e == nil {
			return nil, false
		}
		i := e.part(object)
		p := &e.entry.Parts[i]
		if p.Version > version {
			positions = append(positions, at)
			size += changeHead + len(p.Raw)
		}
		switch {
		case size > limit:
			return nil, false
		case p.Version <= version+1:
			slices.Reverse(positions)
			return positions, true
		}
		at = e.before[i]
	}
}

// part is the index of the part that touches object, -1 if none does.
func (e *storeRecent) part(object string) int {
	return slices.IndexFunc(e.entry.Parts, func(p engine.Part) bool { return p.Object == object })
}

// change is the change frame with the parts of mask, built once as long as there are few such.
func (e *storeRecent) change(log string, mask uint32) *transport.Shared {
	if f := e.built(storeFrame{mask: mask}); f != nil {
		return f
	}
	size := changeHead + len(log) + len(e.entry.Metadata)
	for i := range e.entry.Parts {
		size += len(e.entry.Parts[i].Raw)
	}
	f := transport.NewShared(appendChange(make([]byte, 0, size), log, e.entry, mask))
	e.keep(storeFrame{mask: mask}, f)
	return f
}

// filtered is the change frame with the parts of mask, each through its lens.
func (r *storeRing) filtered(e *storeRecent, log string, key storeFrame, lenses []*lens.Lens) *transport.Shared {
	if f := e.built(key); f != nil {
		return f
	}
	f := transport.NewShared(appendFiltered(nil, log, e.entry, key.mask, lenses, key.own))
	if e.keep(key, f) && r.at(e.entry.Position) == e {
		e.extra += len(f.Frame())
		r.size += len(f.Frame())
	}
	return f
}

// built is a frame that was built before and kept, nil if there is none.
func (e *storeRecent) built(key storeFrame) *transport.Shared {
	for i := range e.frames {
		if e.frames[i].of == key {
			return e.frames[i].frame
		}
	}
	return nil
}

func (e *storeRecent) keep(key storeFrame, f *transport.Shared) bool {
	if len(e.frames) >= maxFrames {
		return false
	}
	e.frames = append(e.frames, storeKept{key, f})
	return true
}
