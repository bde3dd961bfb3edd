package dstm

import (
	"context"
	"iter"

	"github.com/trefoilgo/trefoil/dstm/internal/replica"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
)

// revisionsAtOnce is how many revisions a client asks for at once: what it has to hold for a consumer that is slow.
const revisionsAtOnce = 64

// revisions yields the commits of an object that is open behind version from up to version to, or to the present one if that is 0. What
// this client may not read is left out.
func (c *Client) revisions(ctx context.Context, name string, from, to uint64) iter.Seq2[*replica.Revision, error] {
	return func(yield func(*replica.Revision, error) bool) {
		if to == 0 {
			to = c.version(name)
		}
		for from < to {
			upto := min(to, from+revisionsAtOnce)
			if err := c.someRevisions(ctx, name, from, upto, yield); err != nil {
				if err != errStopped {
					yield(nil, err)
				}
				return
			}
			from = upto
		}
	}
}

// errStopped says that a consumer wants no more.
var errStopped = status.New(status.Canceled, "", "the consumer has stopped")

// someRevisions asks for revisions once.
func (c *Client) someRevisions(ctx context.Context, name string, from, to uint64, yield func(*replica.Revision, error) bool) *status.Error {
	request, answer, err := c.ask(func() uint64 { return c.core.History(name, from, to) })
	if err != nil {
		return err
	}
	defer c.stopAsking(request)
	for {
		c.world.Until(func() bool { return len(answer) > 0 || ctx.Err() != nil })
		e, ok := world.Receive(ctx, answer)
		switch {
		case !ok:
			return status.From(context.Cause(ctx))
		case e.Kind == replica.Answered:
			return e.Err
		case !yield(e.Revision, nil):
			return errStopped
		}
	}
}

// stateAt is the state of an object at a version, as far as this client may read it: an event Recalled.
func (c *Client) stateAt(ctx context.Context, name string, version uint64) (replica.Event, error) {
	request, answer, err := c.ask(func() uint64 { return c.core.At(name, version) })
	if err != nil {
		return replica.Event{}, err
	}
	defer c.stopAsking(request)
	c.world.Until(func() bool { return len(answer) > 0 || ctx.Err() != nil })
	e, ok := world.Receive(ctx, answer)
	switch {
	case !ok:
		return replica.Event{}, status.From(context.Cause(ctx))
	case e.Err != nil:
		return e, e.Err
	}
	return e, nil
}

// version is the confirmed version of an object, 0 if it is not open.
func (c *Client) version(name string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	state, _ := c.core.State(name)
	return state.Version
}

// ask puts a question about the past. Whoever asks reads the answer, or stops asking.
func (c *Client) ask(question func() uint64) (uint64, <-chan replica.Event, *status.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ended(); err != nil {
		return 0, nil, err
	}
	answer := make(chan replica.Event, revisionsAtOnce+1) // room for all, since the core never waits
	request := question()
	c.asking[request] = answer
	c.pump()
	return request, answer, nil
}

// stopAsking says that nobody reads the answer any more.
func (c *Client) stopAsking(request uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.asking, request)
	c.core.Forget(request)
	c.pump()
}

// told passes on a part of an answer.
func (c *Client) told(e replica.Event) {
	answer := c.asking[e.Request]
	if answer == nil {
		return
	}
	answer <- e
	if e.Kind != replica.Revised {
		delete(c.asking, e.Request)
	}
}
