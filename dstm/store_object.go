package dstm

import (
	"context"
	"crypto/rand"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// storeOwn is the store as a client of itself: its id and its sequences.
type storeOwn struct {
	client engine.ID
	slots  chan struct{} // one for each transaction that may be unanswered

	mu       sync.Mutex
	last     uint64
	settled  uint64
	answered map[uint64]struct{} // above settled
}

func (o *storeOwn) init() {
	rand.Read(o.client[:])
	o.slots = make(chan struct{}, engine.MaxUnsettled)
	o.answered = map[uint64]struct{}{}
}

// settle notes that a sequence was answered. The caller holds mu.
func (o *storeOwn) settle(sequence uint64) {
	o.answered[sequence] = struct{}{}
	for {
		if _, ok := o.answered[o.settled+1]; !ok {
			return
		}
		o.settled++
		delete(o.answered, o.settled)
	}
}

// storeWaiter waits for the outcome of one of the store's own transactions.
type storeWaiter struct {
	own      *storeOwn
	sequence uint64
	outcome  chan storeOutcome
}

type storeOutcome struct {
	decision engine.Decision
	err      *status.Error
}

// done is called once, and never waits.
func (w *storeWaiter) done(d *engine.Decision, err *status.Error) {
	out := storeOutcome{err: err}
	if d != nil {
		out.decision = *d
		out.decision.Entry, out.decision.Data = nil, nil
	}
	w.own.mu.Lock()
	w.own.settle(w.sequence)
	w.own.mu.Unlock()
	<-w.own.slots
	w.outcome <- out
}

// storeObject is an object of the store in the server's own hands.
type storeObject struct {
	object
	store *Store
	feed  *feed
	ended atomic.Bool
}

var _ Object = (*storeObject)(nil)

// Open opens an object in the server itself, without wire: its transactions go straight to the committer, and
// rules other than invariants do not bind it. An object that nobody has written is at version 0. Errors: ErrInvalid
// for a bad name, ErrClosed if the store is closed.
func (s *Store) Open(ctx context.Context, name string) (Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.From(err)
	}
	if !txn.ValidName(name) {
		return nil, status.New(status.InvalidArgument, ErrInvalid, "%.40q is no valid name of an object", name)
	}
	o := &storeObject{store: s, feed: newFeed()}
	o.object = object{name: name, origin: o}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.failed.Load(); err != nil {
		return nil, err
	}
	if s.locals[name] == nil {
		s.locals[name] = map[*storeObject]struct{}{}
	}
	s.locals[name][o] = struct{}{}
	return o, nil
}

// view implements origin.
func (o *storeObject) view() (*view, error) {
	if o.ended.Load() {
		return nil, errObjectClosed
	}
	if err := o.store.failed.Load(); err != nil {
		return nil, err
	}
	state := o.store.state.Load()
	at := state.Object(o.name)
	return &view{
		log: o.store.opts.LogName, object: o.name, epoch: state.Epoch,
		base: at.Version, position: Position(state.Position), root: &at.Root,
	}, nil
}

// submit implements origin.
func (o *storeObject) submit(ctx context.Context, v *view, part txn.Part, after []uint64, metadata map[string]string) (Commit, error) {
	s, own := o.store, &o.store.own
	tx := &txn.Transaction{Position: uint64(v.position), After: after, Parts: []txn.Part{part}}
	size := 256
	if len(metadata) > 0 {
		raw, err := codec.Marshal(metadata)
		if err != nil {
			return Commit{}, status.New(status.InvalidArgument, ErrInvalid, "metadata cannot be stored").Because(err)
		}
		tx.Metadata = raw
		size += len(raw)
	}
	size += len(txn.AppendParts(nil, tx.Parts))
	if size > txn.MaxBytes {
		return Commit{}, status.New(status.ResourceExhausted, ErrTooLarge, "a transaction has at most %d bytes", txn.MaxBytes)
	}
	select {
	case own.slots <- struct{}{}:
	case <-ctx.Done():
		return Commit{}, status.From(context.Cause(ctx))
	}
	w, err := s.enqueue(tx, size)
	if err != nil {
		<-own.slots
		return Commit{}, err
	}
	select {
	case out := <-w.outcome:
		return o.outcome(v, &out)
	case <-ctx.Done():
		return Commit{}, status.From(context.Cause(ctx)).MaybeDone()
	}
}

// enqueue gives a transaction of the store its sequence and queues it, both at once, so that sequences ascend in the queue.
func (s *Store) enqueue(tx *txn.Transaction, size int) (*storeWaiter, error) {
	own := &s.own
	own.mu.Lock()
	defer own.mu.Unlock()
	tx.Sequence, tx.Settled = own.last+1, own.settled
	w := &storeWaiter{own: own, sequence: tx.Sequence, outcome: make(chan storeOutcome, 1)}
	job := storeJob{request: engine.Request{Client: own.client, Time: s.now(), Tx: tx}, size: size, waiter: w}
	switch s.queue.push(job) {
	case pushFull:
		return nil, status.New(status.ResourceExhausted, ErrBusy, "too much is waiting for the log")
	case pushClosed:
		return nil, status.New(status.Unavailable, ErrClosed, "the store is closed")
	}
	own.last++
	return w, nil
}

func (o *storeObject) outcome(v *view, out *storeOutcome) (Commit, error) {
	if out.err != nil {
		return Commit{}, out.err
	}
	d := &out.decision
	if d.Refusal != nil {
		if d.Refusal.Reason == ErrConflict {
			paths := make([]Path, len(d.Refusal.Conflicts))
			for i, c := range d.Refusal.Conflicts {
				paths[i] = c.Path
			}
			return Commit{}, newConflict(paths)
		}
		return Commit{}, refusalError(d.Refusal)
	}
	return Commit{Log: v.log, Epoch: v.epoch, Version: d.Versions[0], Position: Position(d.Position)}, nil
}

// Changes implements Object.
func (o *storeObject) Changes(ctx context.Context, prefix ...string) iter.Seq2[Change, error] {
	return o.feed.changes(ctx, prefix)
}

// Head implements Object.
func (o *storeObject) Head() Commit {
	state := o.store.state.Load()
	at := state.Object(o.name)
	return Commit{Log: o.store.opts.LogName, Epoch: state.Epoch, Version: at.Version, Position: Position(at.Position)}
}

// Wait implements Object.
func (o *storeObject) Wait(ctx context.Context, version uint64) error {
	return o.feed.wait(ctx, func() bool { return o.store.state.Load().Object(o.name).Version >= version })
}

// Close implements Object.
func (o *storeObject) Close() error {
	s := o.store
	s.mu.Lock()
	delete(s.locals[o.name], o)
	if len(s.locals[o.name]) == 0 {
		delete(s.locals, o.name)
	}
	s.mu.Unlock()
	o.ended.Store(true)
	o.feed.close(errObjectClosed)
	return nil
}
