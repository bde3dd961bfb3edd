package rpc

import (
	"context"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// callKey is the context key of the call that a handler serves.
type callKey struct{}

// inCall is a call that is served, and at the same time the context that its handler gets. It is not reused: a handler
// may leave goroutines behind that hold the context.
type inCall struct {
	link     *link
	id       int64
	method   *method
	deadline time.Time
	req      Request
	payload  *[]byte // holds req.Payload, if it is a copy in a borrowed buffer
	decoded  bool    // req.Payload is the bytes that it would hold
	result   *[]byte // borrowed for the answer; the result begins at head
	head     int

	// A handler that never asks its context for more than a value costs no timer, no
	// channel and no place among the session context's children: they are made when first asked for.
	mu    sync.Mutex
	inner *innerContext
	cause error // why the call was cancelled, if it was
	reply Metadata
}

// innerContext is the real context of a call.
type innerContext struct {
	context.Context
	cancel context.CancelCauseFunc
	stop   context.CancelFunc // of the deadline, nil if there is none
}

func newInCall(l *link, id int64, m *method, f *callFrame) *inCall {
	c := &inCall{link: l, id: id, method: m}
	c.req.Info = Info{
		Procedure: m.name,
		Client:    l.wire.Client(),
		Session:   l.wire.ID(),
		Identity:  l.wire.Identity(),
		Metadata:  f.metadata,
		Notify:    f.flags&flagNotify != 0,
	}
	c.req.in = c
	if f.timeout > 0 {
		c.deadline = time.Now().Add(time.Duration(f.timeout) * time.Millisecond)
	}
	return c
}

// hold copies the payload, which is the transport's again when Receive returns.
func (c *inCall) hold(payload codec.Raw) {
	if c.method.bytes && c.link.peer.plain {
		if b := bytesOf(payload); b != nil {
			c.req.Payload, c.decoded = b, true
			return
		}
	}
	c.payload = copyBuffer(payload)
	c.req.Payload = *c.payload
}

// input is what the handler is to get.
func (c *inCall) input(payload codec.Raw) input {
	if c.decoded {
		return input{bytes: payload}
	}
	return input{payload: payload}
}

// context makes the real context on first use.
func (c *inCall) context() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		ctx, cancel := context.WithCancelCause(c.link.ctx)
		c.inner = &innerContext{Context: ctx, cancel: cancel}
		if !c.deadline.IsZero() {
			c.inner.Context, c.inner.stop = context.WithDeadline(ctx, c.deadline)
		}
		if c.cause != nil {
			cancel(c.cause)
		}
	}
	return c.inner.Context
}

// cancelWith ends the context; the first cause counts.
func (c *inCall) cancelWith(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return
	}
	c.cause = cause
	if c.inner != nil {
		c.inner.cancel(cause)
		if c.inner.stop != nil {
			c.inner.stop() // frees the timer
		}
	}
}

// end is called when the handler has returned: nothing of the call may be used any more but its context.
func (c *inCall) end() {
	c.cancelWith(context.Canceled)
	putBuffer(c.payload)
	c.payload, c.req.Payload = nil, nil
}

// over is why the call need not be begun any more, or nil.
func (c *inCall) over() *status.Error {
	c.mu.Lock()
	cause := c.cause
	c.mu.Unlock()
	switch {
	case cause != nil:
		return errCanceled
	case !c.deadline.IsZero() && !time.Now().Before(c.deadline):
		return status.From(context.DeadlineExceeded)
	}
	return nil
}

// Deadline implements context.Context.
func (c *inCall) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Done implements context.Context.
func (c *inCall) Done() <-chan struct{} { return c.context().Done() }

// Err implements context.Context.
func (c *inCall) Err() error { return c.context().Err() }

// Value implements context.Context. The context package finds its own part of the real one by it.
func (c *inCall) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.context().Value(key)
}

// failed makes the outcome of a handler that returned err.
func failed(err error) *status.Error {
	e := status.From(err)
	if e.Code == status.Canceled || e.Code == status.DeadlineExceeded {
		// It broke off in the middle.
		return e.MaybeDone()
	}
	return e
}

var _ transport.Receiver = (*link)(nil)
