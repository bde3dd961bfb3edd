package dstm

import (
	"io"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
)

// storeSaver counts what has been added since the last snapshot; guarded by Store.applying.
type storeSaver struct {
	entries, bytes int
	running        atomic.Bool
}

func (v *storeSaver) began() { v.entries, v.bytes = 0, 0 }

func (v *storeSaver) added(size int) {
	v.entries++
	v.bytes += size
}

// maybeSave begins a snapshot in the background if enough has been added. States are immutable, so commits go
// on meanwhile. The caller holds applying.
func (s *Store) maybeSave(state *engine.State) {
	v := &s.saver
	if v.entries < s.opts.SnapshotEntries && v.bytes < s.opts.SnapshotBytes || s.ctx.Err() != nil {
		return
	}
	if !v.running.CompareAndSwap(false, true) {
		return
	}
	v.began()
	s.mu.Lock()
	keep := s.ring.first
	s.mu.Unlock()
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		defer v.running.Store(false)
		if err := s.save(state, keep); err != nil && s.ctx.Err() == nil {
			s.opts.Logger.Warn("dstm: saving a snapshot failed; the log grows until one succeeds", "log", s.opts.LogName, "error", err)
		}
	}()
}

// save stores the state and truncates the log behind it, except for what the ring holds.
func (s *Store) save(state *engine.State, keep uint64) error {
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(engine.Snapshot(state, keep, w))
	}()
	err := s.log.SaveSnapshot(s.ctx, Position(state.Position), r)
	r.Close() // if the log did not read to the end
	<-done
	if err != nil {
		return err
	}
	return s.log.Truncate(s.ctx, min(Position(keep-1), Position(state.Position)))
}
