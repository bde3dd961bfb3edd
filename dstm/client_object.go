package dstm

import (
	"context"
	"iter"
	"slices"

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

// Changes implements [Object].
func (h *clientObject) Changes(ctx context.Context, prefix ...string) iter.Seq2[Change, error] {
	return h.feed.changes(ctx, prefix)
}

// Head implements [Object].
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

// Wait implements [Object].
func (h *clientObject) Wait(ctx context.Context, version uint64) error {
	return h.feed.wait(ctx, func() bool { return h.Head().Version >= version })
}

// Close implements [Object].
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

// home implements origin.
func (h *clientObject) home() home { return h.client }

// changed implements origin.
func (h *clientObject) changed() *feed { return h.feed }

// view implements origin.
func (h *clientObject) view() (*view, error) {
	h.client.mu.Lock()
	defer h.client.mu.Unlock()
	return h.present()
}

// present is view with the client's mutex held.
func (h *clientObject) present() (*view, error) {
	if h.err != nil {
		return nil, h.err
	}
	return h.replica.present(), nil
}
