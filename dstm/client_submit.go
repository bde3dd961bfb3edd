package dstm

import (
	"context"

	"github.com/trefoilgo/trefoil/dstm/internal/replica"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
)

// submit implements home.
func (c *Client) submit(ctx context.Context, objects []*object, t *txn.Transaction, known uint64) (commits []Commit, asked bool, err error) {
	handles := handlesOf(objects)
	sequence, answer, err := c.begin(handles, t, known)
	if err != nil {
		return nil, false, err
	}
	if len(handles) > 1 {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer cancel(nil)
		for _, h := range handles[1:] {
			c.world.Go(func() { h.watch(ctx, cancel) })
		}
	}
	done := handles[0].done
	c.world.Until(func() bool { return len(answer) > 0 || ctx.Err() != nil || world.Closed(done) })
	select {
	case e := <-answer:
		return c.outcome(&e)
	case <-ctx.Done():
	case <-done:
	}
	why := errObjectClosed // if there are several reasons it is this one
	if !world.Closed(done) {
		why = status.From(context.Cause(ctx))
	}
	return c.leave(sequence, answer, why)
}

// handlesOf are the Objects behind what a client's transaction is about.
func handlesOf(objects []*object) []*clientObject {
	handles := make([]*clientObject, len(objects))
	for i, o := range objects {
		handles[i] = o.origin.(*clientObject)
	}
	return handles
}

// watch cancels ctx when the Object is closed.
func (h *clientObject) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	h.client.world.Until(func() bool { return world.Closed(h.done) || ctx.Err() != nil })
	select {
	case <-h.done:
		cancel(errObjectClosed)
	case <-ctx.Done():
	}
}

// begin gives a transaction to the core.
func (c *Client) begin(handles []*clientObject, t *txn.Transaction, known uint64) (uint64, <-chan replica.Event, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range handles {
		if h.err != nil {
			return 0, nil, h.err
		}
	}
	if err := c.ended(); err != nil {
		return 0, nil, err
	}
	sequence, path, err := c.core.Submit(*t, known)
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
func (c *Client) leave(sequence uint64, answer <-chan replica.Event, why *status.Error) ([]Commit, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case e := <-answer: // it came just now
		return c.outcome(&e)
	default:
	}
	delete(c.waiting, sequence)
	if c.core.Withdraw(sequence) {
		c.pump()
		return nil, false, why
	}
	return nil, true, why.MaybeDone()
}

// outcome is what a Settled event means to the one that waits.
func (c *Client) outcome(e *replica.Event) ([]Commit, bool, error) {
	switch {
	case e.Err == nil:
		commits := make([]Commit, len(e.Made))
		for i := range e.Made {
			commits[i] = Commit{Log: e.Log, Epoch: e.Epoch, Version: e.Made[i].Version, Position: Position(e.Position)}
		}
		return commits, true, nil
	case e.Err.Is(ErrConflict):
		return nil, true, newConflict(e.Conflicts)
	}
	return nil, true, e.Err
}

// runsOn implements home.
func (c *Client) runsOn() *world.World { return c.world }

// remembered implements home.
func (c *Client) remembered() *ownCommits { return &c.commits }
