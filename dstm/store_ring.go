package dstm

import (
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/transport"
)

// storeRing holds the most recent entries, as far as a limit in bytes allows,
// for sessions that missed them. The zero ring is empty.
type storeRing struct {
	limit   int
	size    int
	first   uint64 // position of entries[0]
	entries []*storeRecent
}

// storeRecent is one entry as sessions get it.
type storeRecent struct {
	entry  *engine.Entry
	frames map[uint32]*transport.Shared // change frames by the parts that they carry
}

// reset empties the ring; the entry behind position comes next.
func (r *storeRing) reset(position uint64) {
	r.size, r.first, r.entries = 0, position+1, nil
}

func (r *storeRing) push(e *engine.Entry) *storeRecent {
	kept := *e
	kept.Parts = make([]engine.Part, len(e.Parts))
	for i, p := range e.Parts { // without writes and states, which Raw says again or would keep alive
		kept.Parts[i] = engine.Part{Object: p.Object, Version: p.Version, Raw: p.Raw}
	}
	recent := &storeRecent{entry: &kept}
	r.entries = append(r.entries, recent)
	r.size += cost(&kept)
	drop := 0
	for r.size > r.limit && drop < len(r.entries)-1 {
		r.size -= cost(r.entries[drop].entry)
		r.entries[drop] = nil
		drop++
	}
	r.entries, r.first = r.entries[drop:], r.first+uint64(drop)
	return recent
}

// maxFrames is how many frames of one entry are kept. Clients that have various subsets of its objects open could
// else make it grow without bound.
const maxFrames = 4

// cost is about what an entry takes in memory: itself, its frames, which repeat it, and some for the structures.
func cost(e *engine.Entry) int {
	if len(e.Parts) > 1 {
		return (1+maxFrames)*e.Size + 512
	}
	return 2*e.Size + 512
}

// at returns the entry at position, nil if it is not held.
func (r *storeRing) at(position uint64) *storeRecent {
	if position < r.first || position-r.first >= uint64(len(r.entries)) {
		return nil
	}
	return r.entries[position-r.first]
}

// mask is the part of the entry that touches object, 0 if none.
func (e *storeRecent) mask(object string) uint32 {
	for i := range e.entry.Parts {
		if e.entry.Parts[i].Object == object {
			return 1 << i
		}
	}
	return 0
}

// change is the change frame with the parts of mask, built once as long as there are few such.
func (e *storeRecent) change(log string, mask uint32) *transport.Shared {
	if f := e.frames[mask]; f != nil {
		return f
	}
	f := transport.NewShared(appendChange(nil, log, e.entry, mask))
	if e.frames == nil {
		e.frames = map[uint32]*transport.Shared{}
	}
	if len(e.frames) < maxFrames {
		e.frames[mask] = f
	}
	return f
}
