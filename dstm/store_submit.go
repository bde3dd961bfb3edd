package dstm

import (
	"context"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
)

// storeWaiter waits for the outcome of one of the store's own transactions.
type storeWaiter struct {
	own      *storeOwn
	update   any // what it belongs to: one Update
	outcome  chan storeOutcome
	gone     atomic.Bool // nobody waits for the outcome any more
	lane     *ownLane    // nil before it is decided; guarded by own.mu, as is what follows
	sequence uint64
	freed    bool // has given its slot back
}

// settle notes that the transaction is decided, or that it will be later: what comes then need not wait for it.
func (w *storeWaiter) settle() {
	w.own.mu.Lock()
	defer w.own.mu.Unlock()
	if w.lane != nil {
		w.lane.settle(w.sequence)
	}
	if !w.freed {
		w.freed = true
		<-w.own.slots
	}
}

type storeOutcome struct {
	decision engine.Decision
	effects  []ownEffect
	err      *status.Error
}

// done is called once, and never waits.
func (w *storeWaiter) done(d *engine.Decision, err *status.Error) {
	out := storeOutcome{err: err}
	if d != nil {
		out.decision = *d
		if d.Entry != nil && d.Refusal == nil {
			out.effects = effectsOf(d.Entry)
		}
		out.decision.Entry, out.decision.Data = nil, nil
	}
	w.settle()
	w.outcome <- out
}

func effectsOf(e *engine.Entry) []ownEffect {
	effects := make([]ownEffect, len(e.Parts))
	for i := range e.Parts {
		p := &e.Parts[i]
		effects[i] = ownEffect{object: p.Object, version: p.Version, before: &p.Before.Root, writes: p.Writes}
	}
	return effects
}

// home implements origin.
func (o *storeObject) home() home { return o.store }

// changed implements origin.
func (o *storeObject) changed() *feed { return o.feed }

// view implements origin.
func (o *storeObject) view() (*view, error) {
	return o.viewOf(o.store.state.Load())
}

// viewOf is the view of the object in one state of the store.
func (o *storeObject) viewOf(state *engine.State) (*view, error) {
	if o.ended.Load() {
		return nil, errObjectClosed
	}
	if err := o.store.failed.Load(); err != nil {
		return nil, err
	}
	at, ok := state.Resident(o.name)
	if !ok { // closed meanwhile: nothing keeps it
		return nil, errObjectClosed
	}
	return &view{
		log: o.store.opts.LogName, object: o.name, epoch: state.Epoch,
		base: at.Version, position: Position(state.Position), root: &at.Root, confirmed: &at.Root,
	}, nil
}

// together implements home: objects of one state fit each other always.
func (s *Store) together(_ context.Context, objects []*object) ([]*view, error) {
	state := s.state.Load()
	views := make([]*view, len(objects))
	for i, o := range objects {
		var err error
		if views[i], err = o.origin.(*storeObject).viewOf(state); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// whole implements home: here nothing comes in pieces.
func (s *Store) whole(context.Context, []*object) error { return nil }

// runsOn implements home.
func (s *Store) runsOn() *world.World { return s.world }

// submit implements home.
func (s *Store) submit(ctx context.Context, objects []*object, tx *txn.Transaction, _ uint64) ([]Commit, bool, error) {
	size := 256 + len(tx.Metadata) + tx.Seal()
	if size > txn.MaxBytes {
		return nil, false, status.New(status.ResourceExhausted, ErrTooLarge, "a transaction has at most %d bytes", txn.MaxBytes)
	}
	s.world.Until(func() bool { return len(s.own.slots) < cap(s.own.slots) || ctx.Err() != nil })
	if ctx.Err() != nil { // also if there is a slot
		return nil, false, status.From(context.Cause(ctx))
	}
	select {
	case s.own.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, false, status.From(context.Cause(ctx))
	}
	w, err := s.enqueue(tx, size, &objects[0]) // the slice is that of one Update, the same in all its attempts
	if err != nil {
		<-s.own.slots
		return nil, false, err
	}
	s.world.Until(func() bool { return len(w.outcome) > 0 || ctx.Err() != nil })
	out, ok := world.Receive(ctx, w.outcome)
	if !ok {
		w.gone.Store(true)
		s.queue.leave(storeTurn{update: w.update})
		return nil, true, status.From(context.Cause(ctx)).MaybeDone()
	}
	commits, err := s.outcome(tx, &out)
	return commits, true, err
}

// enqueue queues a transaction of the store that has a slot. update tells it from those of others.
func (s *Store) enqueue(tx *txn.Transaction, size int, update any) (*storeWaiter, error) {
	w := &storeWaiter{own: &s.own, update: update, outcome: make(chan storeOutcome, 1)}
	job := storeJob{request: engine.Request{Time: s.now(), Tx: tx, Own: true}, size: size, waiter: w}
	switch s.submitJob(job) {
	case pushFull:
		return nil, status.New(status.ResourceExhausted, ErrBusy, "too much is waiting for the log")
	case pushClosed:
		return nil, status.New(status.Unavailable, ErrClosed, "the store is closed")
	}
	return w, nil
}

// outcome is what a decision means to the one that waits.
func (s *Store) outcome(tx *txn.Transaction, out *storeOutcome) ([]Commit, error) {
	if out.err != nil {
		return nil, out.err
	}
	d := &out.decision
	if d.Refusal != nil {
		if d.Refusal.Reason == ErrConflict {
			paths := make([]Path, len(d.Refusal.Conflicts))
			for i, c := range d.Refusal.Conflicts {
				paths[i] = c.Path
			}
			return nil, newConflict(paths)
		}
		return nil, refusalError(d.Refusal)
	}
	commits := make([]Commit, len(d.Versions))
	for i, version := range d.Versions {
		commits[i] = Commit{Log: s.opts.LogName, Epoch: tx.Parts[i].Epoch, Version: version, Position: Position(d.Position)}
	}
	s.own.commits.add(ownCommit{
		log: s.opts.LogName, epoch: tx.Parts[0].Epoch, position: Position(d.Position), effects: out.effects,
	})
	return commits, nil
}

// remembered implements home.
func (s *Store) remembered() *ownCommits { return &s.own.commits }

// present implements home.
func (s *Store) present(object string) (*view, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for o := range s.locals[object] {
		return o.view()
	}
	return nil, errNotOpen(object)
}
