package rpc

import (
	"context"
	"errors"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// outCall is a call that waits. It is reused: after take it belongs to the taker, who passes it to the
// caller by done; the caller then gives it back.
type outCall struct {
	id         int64
	done       chan struct{} // room for one
	wantsBytes bool          // the result is to be decoded at once, if it is bytes
	bytes      []byte        // not nil then
	payload    *[]byte       // otherwise the result, a copy in a borrowed buffer
	metadata   Metadata
	err        error // the answer was an error
	lost       error // the session ended
}

// newOutCall fills a peer's pool. The pool is the peer's own because a channel that was made inside a testing/synctest
// bubble must not be used outside it.
func newOutCall() any { return &outCall{done: make(chan struct{}, 1)} }

func (p *Peer) reuse(c *outCall) {
	*c = outCall{done: c.done}
	p.outCalls.Put(c)
}

// call runs the calling interceptors, if any, around send.
func (p *Peer) call(ctx context.Context, req *Request) (Response, error) {
	if p.calling == nil {
		return p.send(ctx, req)
	}
	intercepted := *req // a copy, so that only this path allocates
	intercepted.seen, intercepted.bytes = true, false
	resp, err := p.calling(ctx, &intercepted)
	if err != nil {
		return resp, status.From(err)
	}
	return resp, nil
}

// sendIntercepted is what the innermost calling interceptor calls: send, for a request that may have been changed.
func (p *Peer) sendIntercepted(ctx context.Context, req *Request) (Response, error) {
	if req.peer != p {
		return Response{}, errForeign
	}
	if !req.ours() && !wellFormed(req.Payload) {
		return Response{}, badRequest(nil)
	}
	return p.send(ctx, req)
}

// send makes one call, on the session that there is.
func (p *Peer) send(ctx context.Context, req *Request) (Response, error) {
	if ctx.Err() != nil {
		return Response{}, contextError(ctx)
	}
	if !req.Metadata.valid() {
		return Response{}, errMetadata
	}
	if req.queued {
		return p.queue.call(ctx, req)
	}
	for {
		l, err := p.ready(ctx, req.Client, req.wait)
		if err != nil {
			return Response{}, err
		}
		resp, sent, err := l.call(ctx, req)
		if sent || !req.wait || !errors.Is(err, ErrConnectionLost) {
			return resp, err
		}
		// The session ended before it took the call: wait for the next one.
	}
}

// call makes one call on this session. sent says that the connection took it, and it may be handled.
func (l *link) call(ctx context.Context, req *Request) (resp Response, sent bool, err error) {
	id := l.peer.ids.Add(1)
	if req.Notify {
		if err := l.sendCall(ctx, id, req); err != nil {
			return Response{}, false, l.unsent(ctx, err)
		}
		return Response{}, true, nil
	}
	c := l.peer.outCalls.Get().(*outCall)
	c.id, c.wantsBytes = id, req.bytes
	if !l.outbound.add(c) {
		l.peer.reuse(c)
		return Response{}, false, errLost
	}
	if err := l.sendCall(ctx, id, req); err != nil {
		l.abandon(c)
		return Response{}, false, l.unsent(ctx, err)
	}
	if !l.await(ctx, c) {
		l.peer.reuse(c)
		l.giveUp(ctx, id)
		return Response{}, true, contextError(ctx).MaybeDone()
	}
	resp, err = c.outcome()
	l.peer.reuse(c)
	return resp, true, err
}

// sendCall sends the frame of a call. Once the connection has it the payload's buffer is free for the next call, which finds it
// warm: it does not wait with this one for the answer.
func (l *link) sendCall(ctx context.Context, id int64, req *Request) error {
	frame, borrowed := req.frame(id, timeoutOf(ctx))
	err := l.wire.Send(ctx, frame)
	putBuffer(borrowed)
	if err == nil && req.room != nil && !req.seen {
		req.release()
	}
	return err
}

// await waits until c is settled, and reports false if ctx ends before: then the call is the caller's again.
func (l *link) await(ctx context.Context, c *outCall) bool {
	done := ctx.Done()
	if done == nil { // to wait for one thing alone is cheaper
		<-c.done
		return true
	}
	select {
	case <-c.done:
	case <-done:
		if l.outbound.take(c.id) != nil {
			return false
		}
		<-c.done // it is being settled at this moment
	}
	return true
}

// hold copies the result, which is the transport's again when Receive returns.
func (c *outCall) hold(payload codec.Raw) {
	if c.wantsBytes {
		c.bytes = bytesOf(payload)
	}
	if c.bytes == nil {
		c.payload = copyBuffer(payload)
	}
}

// outcome is what the call was settled with.
func (c *outCall) outcome() (resp Response, err error) {
	resp.Metadata = c.metadata
	switch {
	case c.lost != nil:
		err = errLost.MaybeDone().Because(c.lost)
	case c.err != nil:
		err = c.err
	case c.bytes != nil:
		resp.bytes = c.bytes
	default:
		resp.buf = c.payload
		resp.Payload = *c.payload
	}
	return resp, err
}

// abandon takes back a call that was not sent.
func (l *link) abandon(c *outCall) {
	if l.outbound.take(c.id) == nil {
		<-c.done // the session's end settled it meanwhile
		putBuffer(c.payload)
	}
	l.peer.reuse(c)
}

// giveUp tells the callee that ctx has ended. Where it ended by its deadline the callee knows by itself.
func (l *link) giveUp(ctx context.Context, id int64) {
	if _, timed := ctx.Deadline(); timed && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return
	}
	l.short(note{id: id})
}

// unsent translates the error of a Send that queued nothing.
func (l *link) unsent(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, transport.ErrFrameTooLarge):
		return errCallTooLarge
	case l.ctx.Err() == nil && ctx.Err() != nil:
		return contextError(ctx)
	}
	l.peer.drop(l) // it takes no more; so a call that waits for the next session does not find this one again
	return errLost.Because(err)
}

// contextError is why ctx ended. Its cause is kept for this side.
func contextError(ctx context.Context) *status.Error {
	e := status.From(ctx.Err())
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, ctx.Err()) {
		return e.Because(errors.Join(ctx.Err(), cause))
	}
	return e
}
