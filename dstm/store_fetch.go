package dstm

import (
	"context"
	"errors"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/status"
)

// maxLoaders is how many goroutines load objects for sessions and their transactions.
const maxLoaders = 2

// storeLoads are the objects that sessions and transactions wait for. Guarded by Store.mu.
type storeLoads struct {
	waiting map[string][]func(*status.Error)
	queue   map[storeTurn][]string
	order   []storeTurn // of those in queue, whose turn is next first: nobody waits for all that another wants
	loaders int
}

// add queues an object for someone.
func (l *storeLoads) add(who storeTurn, name string) {
	if len(l.queue[who]) == 0 {
		l.order = append(l.order, who)
	}
	l.queue[who] = append(l.queue[who], name)
}

// next takes the object out that is to be loaded next.
func (l *storeLoads) next() string {
	who := l.order[0]
	l.order = l.order[1:]
	names := l.queue[who]
	if len(names) > 1 {
		l.queue[who], l.order = names[1:], append(l.order, who)
	} else {
		delete(l.queue, who)
	}
	return names[0]
}

// fetch calls then once the object is in memory for someone: at once if it is, else, still under mu, when it was
// loaded in the background. err says why it could not be. The caller holds mu and has pinned the object.
func (s *Store) fetch(who storeTurn, name string, then func(err *status.Error)) {
	if _, ok := s.state.Load().Resident(name); ok {
		then(nil)
		return
	}
	if err := s.failed.Load(); err != nil {
		then(err)
		return
	}
	l := &s.loads
	waiting, again := l.waiting[name]
	l.waiting[name] = append(waiting, then)
	if again {
		return
	}
	s.pin(name) // whoever waits may go before it is there
	l.add(who, name)
	if l.loaders < maxLoaders {
		l.loaders++
		s.wg.Add(1)
		s.world.Go(s.loadLoop)
	}
}

// loadLoop loads what is queued.
func (s *Store) loadLoop() {
	defer s.wg.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.loads
	for len(l.order) > 0 {
		name := l.next()
		err := s.loadUnlocked(name)
		told := s.loadError(name, err)
		waiting := l.waiting[name]
		delete(l.waiting, name)
		for _, then := range waiting {
			then(told)
		}
		s.unpin(name)
	}
	l.loaders--
}

// loadUnlocked is bring, patiently, without mu, which the caller holds before and after.
func (s *Store) loadUnlocked(name string) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	return s.patiently(maxReadies, func() error { return s.bring(s.ctx, name) })
}

// bringUnlocked is bring without mu, which the caller holds before and after.
func (s *Store) bringUnlocked(ctx context.Context, name string) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	return s.bring(ctx, name)
}

// loadError is what a client is told.
func (s *Store) loadError(name string, err error) *status.Error {
	switch {
	case err == nil:
		return nil
	case s.failed.Load() != nil:
		return s.failed.Load()
	case errors.Is(err, engine.ErrDamaged), errors.Is(err, engine.ErrFormat):
		s.opts.Logger.Error("dstm: an object cannot be read", "log", s.opts.LogName, "object", name, "error", err)
		return status.New(status.DataLoss, engine.ErrDamaged, "the object is damaged")
	}
	s.opts.Logger.Warn("dstm: loading an object failed", "log", s.opts.LogName, "object", name, "error", err)
	return status.New(status.ResourceExhausted, ErrBusy, "the object cannot be loaded now")
}

// bring makes an object resident. The caller has pinned it, or it may go again.
func (s *Store) bring(ctx context.Context, name string) error {
	for {
		jumps, done := s.awaits(name)
		if done {
			return nil
		}
		if err := s.failed.Load(); err != nil {
			return err
		}
		o, err := s.loadObject(ctx, name)
		if err != nil {
			return err
		}
		if s.arrive(name, o, jumps) {
			return nil
		}
		// Another node has saved it at a position that this one has not reached, or the state is about to move there.
		s.world.Lock(&s.applying)
		err = s.catchUp(ctx)
		s.applying.Unlock()
		if err != nil {
			return err
		}
		if head := s.state.Load().Position; o.Position > head {
			return status.New(status.DataLoss, engine.ErrDamaged, "%q was saved at position %d, but the log ends at %d", name, o.Position, head)
		}
	}
}

// awaits reports whether an object is resident, and what arrive wants to know.
func (s *Store) awaits(name string) (jumps uint64, resident bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, resident = s.state.Load().Resident(name)
	return s.residents.jumps, resident
}

// arrive makes an object resident that was loaded since awaits said that it was not, and reports whether it is. It is
// not if it is of a later position than the state, or the state was loaded anew.
func (s *Store) arrive(name string, o engine.Object, jumps uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &s.residents
	state := s.state.Load()
	if _, ok := state.Resident(name); ok {
		return true
	}
	if _, coming := r.coming[name]; coming || jumps != r.jumps || o.Position > state.Position {
		return false
	}
	next := state.Hold(name, o)
	s.state.Store(&next)
	r.arrived = append(r.arrived, name)
	s.settle(name)
	return true
}

// loadObject reads an object as it is stored; one that is not is the zero Object.
func (s *Store) loadObject(ctx context.Context, name string) (engine.Object, error) {
	piece, err := s.log.Load(ctx, objectKey(name))
	if err != nil || piece.Value == nil {
		return engine.Object{}, err
	}
	o, err := engine.ReadObject(name, piece.Value)
	if err == nil && o.Position != uint64(piece.Position) {
		err = status.New(status.DataLoss, engine.ErrDamaged, "the piece of %q stands at another position than it says", name)
	}
	return o, err
}
