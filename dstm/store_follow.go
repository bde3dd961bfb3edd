package dstm

import (
	"context"
	"errors"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/status"
)

// catchUp applies and publishes what others have appended. The caller holds applying.
func (s *Store) catchUp(ctx context.Context) error {
	last, err := s.log.Head(ctx)
	if err != nil {
		return err
	}
	state := *s.state.Load()
	if uint64(last) < state.Position {
		return status.New(status.DataLoss, engine.ErrDamaged, "the log ends at %d, but entry %d was there", last, state.Position)
	}
	reader := storeReader{log: s.log, find: s.findComing}
	reader.apply = func(state engine.State, entries []*engine.Entry) engine.State {
		s.publish(&state, entries, nil, nil)
		return *s.state.Load()
	}
	if err = reader.readTo(ctx, state, last); err == nil {
		return nil
	}
	s.mu.Lock()
	clear(s.residents.coming) // the state does not get there
	s.mu.Unlock()
	if errors.Is(err, ErrTruncated) {
		return s.reload(ctx)
	}
	return err
}

// findComing finds an object for the state that is being prepared. The caller holds applying.
func (s *Store) findComing(ctx context.Context, name string) (engine.Object, error) {
	jumps, resident := s.awaits(name)
	var o engine.Object
	if !resident {
		var err error
		if o, err = s.loadObject(ctx, name); err != nil {
			return o, err
		}
		s.arrive(name, o, jumps)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if present, ok := s.state.Load().Resident(name); ok {
		return *present, nil
	}
	s.residents.coming[name] = struct{}{} // nobody else may hold it before the state is there
	return o, nil
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
		s.world.Sleep(s.ctx, gap)
	}
}

// follow reads from the present position on until something fails.
func (s *Store) follow() error {
	for raw, err := range s.log.Read(s.ctx, s.Position()) {
		if errors.Is(err, ErrTruncated) {
			s.world.Lock(&s.applying)
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

// applyForeign applies an entry that another node appended.
func (s *Store) applyForeign(raw Entry) error {
	s.world.Lock(&s.applying)
	defer s.applying.Unlock()
	state := *s.state.Load()
	if uint64(raw.Position) <= state.Position {
		return nil
	}
	e, err := engine.Decode(raw.Data)
	if err != nil {
		return err
	}
	for i := range e.Parts {
		if _, ok := state.Resident(e.Parts[i].Object); !ok {
			return s.catchUp(s.ctx)
		}
	}
	if state, err = engine.Follow(state, e); err != nil {
		return err
	}
	s.publish(&state, []*engine.Entry{e}, nil, nil)
	return nil
}
