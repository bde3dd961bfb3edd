package dstm

import (
	"context"
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
)

// parted reports whether the resume point of an opening is one of another history than this log's, or may be: in the
// present epoch but beyond the head, or not at the entry that stands there, or too old for the ring to tell. The committer looks
// closer then. The caller holds mu.
func (s *Store) parted(state *engine.State, item *storeItem) bool {
	r := &item.resume
	if !r.given || r.epoch != state.Epoch || r.position == 0 {
		return false
	}
	if o, ok := state.Resident(item.object); ok && r.is(o) {
		return false
	}
	if recent := s.ring.at(r.position); recent != nil {
		return !r.madeBy(recent.entry, item.object)
	}
	return true
}

// provenParted reports whether the resume point certainly is of another history. The caller holds applying.
func (s *Store) provenParted(state *engine.State, item *storeItem) bool {
	s.mu.Lock()
	parted := s.parted(state, item)
	recent := s.ring.at(item.resume.position)
	s.mu.Unlock()
	if !parted || recent != nil || item.resume.position > state.Position {
		return parted
	}
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	for raw, err := range s.log.Read(ctx, Position(item.resume.position-1)) {
		if err != nil {
			return false
		}
		e, err := engine.Decode(raw.Data)
		return err == nil && !item.resume.madeBy(e, item.object)
	}
	return false
}

// madeBy reports whether the entry made the state that the resume point names.
func (r *storeResume) madeBy(e *engine.Entry, object string) bool {
	return [8]byte(e.Hash[:8]) == r.hash && slices.ContainsFunc(e.Parts, func(p engine.Part) bool {
		return p.Object == object && p.Version == r.version
	})
}
