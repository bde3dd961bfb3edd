package dstm

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// storeObject is an object of the store in the server's own hands.
type storeObject struct {
	object
	store *Store
	feed  *feed
	ended atomic.Bool
	last  Commit // where the object was when it was closed; set before ended
}

var _ Object = (*storeObject)(nil)

// Open opens an object in the server itself, without wire: its transactions go straight to the committer, and
// rules other than invariants do not bind it. It loads the object if it is not in memory, where it then stays until it is
// closed. An object that nobody has written is at version 0. Errors: ErrInvalid for a bad name, ErrClosed if the store is
// closed, data_loss with reason dstm.damaged if what is stored is not what was written, and those of ctx and of the log.
func (s *Store) Open(ctx context.Context, name string) (Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.From(err)
	}
	if !txn.ValidName(name) {
		return nil, status.New(status.InvalidArgument, ErrInvalid, "%.40q is no valid name of an object", name)
	}
	o := &storeObject{store: s, feed: newFeed(s.world)}
	o.object = object{name: name, origin: o}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.failed.Load(); err != nil {
		return nil, err
	}
	s.pin(name)
	err := s.bringUnlocked(ctx, name)
	if failed := s.failed.Load(); failed != nil {
		err = failed
	}
	if err != nil {
		s.unpin(name)
		return nil, status.From(err)
	}
	if s.locals[name] == nil {
		s.locals[name] = map[*storeObject]struct{}{}
	}
	s.locals[name][o] = struct{}{}
	return o, nil
}

// Changes implements Object.
func (o *storeObject) Changes(ctx context.Context, prefix ...string) iter.Seq2[Change, error] {
	return o.feed.changes(ctx, prefix)
}

// Head implements Object.
func (o *storeObject) Head() Commit {
	state := o.store.state.Load()
	at, ok := state.Resident(o.name)
	if o.ended.Load() || !ok {
		return o.last
	}
	return o.head(state, at)
}

func (o *storeObject) head(state *engine.State, at *engine.Object) Commit {
	return Commit{Log: o.store.opts.LogName, Epoch: state.Epoch, Version: at.Version, Position: Position(at.Position)}
}

// Wait implements Object.
func (o *storeObject) Wait(ctx context.Context, version uint64) error {
	return o.feed.wait(ctx, func() bool { return o.Head().Version >= version })
}

// Close implements Object.
func (o *storeObject) Close() error {
	s := o.store
	s.mu.Lock()
	if _, open := s.locals[o.name][o]; open {
		state := s.state.Load()
		o.last = o.head(state, state.Object(o.name))
		o.ended.Store(true)
		if delete(s.locals[o.name], o); len(s.locals[o.name]) == 0 {
			delete(s.locals, o.name)
		}
		s.unpin(o.name)
	}
	s.mu.Unlock()
	o.feed.close(errObjectClosed)
	return nil
}
