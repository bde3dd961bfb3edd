package dstm

import (
	"context"
	"iter"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/replica"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// clientObject is one user's Object of a replica; it is its own origin.
type clientObject struct {
	object
	client  *Client
	replica *shared
	feed    *feed
	done    chan struct{} // closed by Close

	// Guarded by the client's mutex:
	err    *status.Error // why it has ended
	last   Commit        // Head when it did
	closed bool          // by Close
}

var _ Object = (*clientObject)(nil)

func (h *clientObject) Changes(ctx context.Context, prefix ...string) iter.Seq2[Change, error] {
	return h.feed.changes(ctx, prefix)
}

func (h *clientObject) Head() Commit {
	h.client.mu.Lock()
	defer h.client.mu.Unlock()
	return h.head()
}

func (h *clientObject) head() Commit {
	if h.err != nil {
		return h.last
	}
	state, ok := h.client.core.State(h.replica.name)
	if !ok { // the server has taken the object away: what was seen last counts
		state = h.replica.made
	}
	return Commit{Log: state.Log, Epoch: state.Epoch, Version: state.Version, Position: Position(state.Position)}
}

func (h *clientObject) Wait(ctx context.Context, version uint64) error {
	return h.feed.wait(ctx, func() bool { return h.Head().Version >= version })
}

func (h *clientObject) Close() error {
	c := h.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.err == nil {
		h.end(errObjectClosed)
		c.release(h.replica)
	}
	if !h.closed {
		h.closed = true
		close(h.done)
	}
	return nil
}

// end ends the use of this Object, with the client's mutex held. Updates that wait go on waiting: the server answers what
// was sent also when it takes the object away.
func (h *clientObject) end(err *status.Error) {
	h.last = h.head()
	h.err = err
	s := h.replica
	s.handles = slices.DeleteFunc(s.handles, func(x *clientObject) bool { return x == h })
	h.feed.close(err)
}

// view implements origin.
func (h *clientObject) view() (*view, error) {
	h.client.mu.Lock()
	defer h.client.mu.Unlock()
	if h.err != nil {
		return nil, h.err
	}
	return h.replica.present(), nil
}

// submit implements origin.
func (h *clientObject) submit(ctx context.Context, v *view, part txn.Part, after []uint64, metadata map[string]string) (Commit, error) {
	t := txn.Transaction{Position: uint64(v.position), After: after, Parts: []txn.Part{part}}
	if len(metadata) > 0 {
		raw, err := codec.Marshal(metadata)
		if err != nil {
			return Commit{}, status.New(status.InvalidArgument, ErrInvalid, "the metadata cannot be encoded").Because(err)
		}
		t.Metadata = raw
	}
	var seen uint64
	if n := len(v.pending); n > 0 {
		seen = v.pending[n-1].Sequence
	}
	sequence, answer, err := h.begin(t, seen)
	if err != nil {
		return Commit{}, err
	}
	var why *status.Error
	select {
	case e := <-answer:
		return outcome(&e)
	case <-ctx.Done():
		why = status.From(context.Cause(ctx))
	case <-h.done:
		why = errObjectClosed
	}
	return h.leave(sequence, answer, why)
}

// begin gives a transaction to the core.
func (h *clientObject) begin(t txn.Transaction, seen uint64) (uint64, <-chan replica.Event, error) {
	c := h.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.err != nil {
		return 0, nil, h.err
	}
	if err := c.ended(); err != nil {
		return 0, nil, err
	}
	sequence, path, err := c.core.Submit(t, seen)
	switch {
	case err == nil:
	case err.Is(ErrConflict):
		return 0, nil, newConflict([]Path{path})
	default:
		return 0, nil, err
	}
	answer := make(chan replica.Event, 1) // the core answers once, and never waits for us
	c.waiting[sequence] = answer
	c.pump()
	return sequence, answer, nil
}

// leave ends the wait for a transaction's answer for the reason why: it is taken back if it was never
// sent; otherwise the core keeps it until it is answered.
func (h *clientObject) leave(sequence uint64, answer <-chan replica.Event, why *status.Error) (Commit, error) {
	c := h.client
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case e := <-answer: // it came just now
		return outcome(&e)
	default:
	}
	delete(c.waiting, sequence)
	if c.core.Withdraw(sequence) {
		c.pump()
		return Commit{}, why
	}
	return Commit{}, why.MaybeDone()
}

// outcome is what a Settled event means to the one that waits.
func outcome(e *replica.Event) (Commit, error) {
	switch {
	case e.Err == nil:
		return Commit{Log: e.Log, Epoch: e.Epoch, Version: e.Versions[0], Position: Position(e.Position)}, nil
	case e.Err.Is(ErrConflict):
		return Commit{}, newConflict(e.Conflicts)
	}
	return Commit{}, e.Err
}
