package dstm

import (
	"context"
	"errors"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/status"
)

// load makes the state from the log: its snapshot, the entries behind it and, for
// the ring, some before it. An empty log gets its first epoch.
func (s *Store) load(ctx context.Context) error {
	for {
		state, ring, err := s.restore(ctx)
		if err != nil {
			return err
		}
		if state.Position > 0 {
			s.ring = ring
			s.state.Store(&state)
			return nil
		}
		_, _, data := engine.Begin(state, s.now(), newEpoch())
		// Whether it worked or another node was faster, the next round tells.
		if _, err := s.log.Append(ctx, 0, Batch{Entries: [][]byte{data}}); err != nil && !errors.Is(err, ErrMoved) {
			return err
		}
	}
}

// restore reads snapshot and tail into a new state and ring.
func (s *Store) restore(ctx context.Context) (engine.State, storeRing, error) {
	state, keep, ring := engine.New(s.engine), uint64(0), storeRing{limit: s.opts.Recent}
	head, err := s.log.Head(ctx)
	if err != nil {
		return state, ring, err
	}
	at, r, err := s.log.LoadSnapshot(ctx)
	if err != nil {
		return state, ring, err
	}
	if r != nil {
		state, keep, err = engine.Restore(s.engine, r)
		r.Close()
		if err != nil {
			return state, ring, err
		}
	}
	if state.Position != uint64(at) || at > head {
		return state, ring, status.New(status.DataLoss, engine.ErrDamaged, "the snapshot of position %d holds position %d, the log ends at %d", at, state.Position, head)
	}
	s.saver.began()
	ring.reset(state.Position)
	if keep > 0 && keep <= state.Position {
		if earlier := s.earlier(ctx, Position(keep-1), &state); earlier != nil {
			ring.reset(keep - 1)
			for _, e := range earlier {
				ring.push(e)
			}
		}
	}
	err = s.readTo(ctx, state, head, func(next engine.State, e *engine.Entry) {
		state = next
		ring.push(e)
		s.saver.added(e.Size)
	})
	return state, ring, err
}

// earlier reads the entries between after and the snapshot, nil if they are not to be had, which does no harm.
func (s *Store) earlier(ctx context.Context, after Position, state *engine.State) []*engine.Entry {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var out []*engine.Entry
	for raw, err := range s.log.Read(ctx, after) {
		if err != nil {
			return nil
		}
		e, err := engine.Decode(raw.Data)
		if err != nil || len(out) > 0 && e.Previous != out[len(out)-1].Hash {
			return nil
		}
		out = append(out, e)
		if e.Position >= state.Position {
			break
		}
	}
	if len(out) == 0 || out[len(out)-1].Hash != state.Hash {
		return nil
	}
	return out
}

// readTo replays the entries behind the state up to head and hands each to apply with the state after it.
func (s *Store) readTo(ctx context.Context, state engine.State, head Position, apply func(engine.State, *engine.Entry)) error {
	if Position(state.Position) >= head {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for raw, err := range s.log.Read(ctx, Position(state.Position)) {
		if err != nil {
			return err
		}
		next, e, err := engine.Replay(state, raw.Data)
		if err != nil {
			return err
		}
		state = next
		apply(state, e)
		if raw.Position >= head {
			return nil
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return status.New(status.DataLoss, engine.ErrDamaged, "the log ends before its head %d", head)
}

// catchUp applies and publishes what others have appended. The caller holds applying.
func (s *Store) catchUp(ctx context.Context) error {
	head, err := s.log.Head(ctx)
	if err != nil {
		return err
	}
	state := *s.state.Load()
	if uint64(head) < state.Position {
		return status.New(status.DataLoss, engine.ErrDamaged, "the log ends at %d, but entry %d was there", head, state.Position)
	}
	err = s.readTo(ctx, state, head, func(next engine.State, e *engine.Entry) {
		s.publish(&next, []*engine.Entry{e}, nil, nil)
	})
	if errors.Is(err, ErrTruncated) {
		return s.reload(ctx)
	}
	return err
}

// reload starts again from the snapshot, because the log was truncated beyond the state. The caller holds applying.
func (s *Store) reload(ctx context.Context) error {
	state, ring, err := s.restore(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.state.Load()
	s.ring = ring
	s.state.Store(&state)
	s.publishReload(before, &state)
	return nil
}

// followLoop applies what other nodes append.
func (s *Store) followLoop() {
	defer s.wg.Done()
	for gap := firstAppendGap; s.ctx.Err() == nil; gap = min(2*gap, time.Second) {
		err := s.follow()
		if s.ctx.Err() != nil {
			return
		}
		if final(err) {
			s.opts.Logger.Error("dstm: the store closes: its log cannot be followed", "log", s.opts.LogName, "error", err)
			s.fail(closedBy(err))
			return
		}
		if err != nil {
			s.opts.Logger.Warn("dstm: reading the log failed, trying again", "log", s.opts.LogName, "error", err)
		}
		select {
		case <-time.After(gap):
		case <-s.ctx.Done():
		}
	}
}

// follow reads from the present position on until something fails.
func (s *Store) follow() error {
	for raw, err := range s.log.Read(s.ctx, s.Position()) {
		if errors.Is(err, ErrTruncated) {
			s.applying.Lock()
			err = s.catchUp(s.ctx)
			s.applying.Unlock()
			return err
		}
		if err != nil {
			return err
		}
		if uint64(raw.Position) <= s.state.Load().Position {
			continue // an own one, usually
		}
		if err := s.applyForeign(raw); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) applyForeign(raw Entry) error {
	s.applying.Lock()
	defer s.applying.Unlock()
	state := s.state.Load()
	if uint64(raw.Position) <= state.Position {
		return nil
	}
	next, e, err := engine.Replay(*state, raw.Data)
	if err != nil {
		return err
	}
	s.publish(&next, []*engine.Entry{e}, nil, nil)
	return nil
}
