package rpc

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// serve is the innermost serving Func: authorize, decode, handle, encode.
func serve(ctx context.Context, req *Request) (Response, error) {
	c := req.in
	if c == nil {
		return Response{}, errForeign
	}
	for _, allow := range c.method.authorize {
		if err := allow(ctx, req.Info); err != nil {
			return Response{}, denied(err)
		}
	}
	// The result is encoded where it stands in the answer, so that it need not be copied there.
	b := getBuffer()
	*b = appendResultHead((*b)[:0], c.id, nil)
	head := len(*b)
	c.result, c.head = b, head
	out, err := c.method.run(ctx, c.input(req.Payload), *b)
	*b = out
	resp := Response{Metadata: c.replyMetadata()}
	if err != nil {
		return resp, err
	}
	resp.Payload, resp.buf = out[head:len(out):len(out)], b
	return resp, nil
}

func denied(err error) error {
	var e *status.Error
	if errors.As(err, &e) {
		return e
	}
	return status.New(status.PermissionDenied, ErrDenied, "the call is not allowed").Because(err)
}

// invoke runs interceptors and handler, and turns a panic into an error. runtime.Goexit goes through it.
func (l *link) invoke(c *inCall) (resp Response, err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			l.logPanic(c, fmt.Sprint(v), debug.Stack())
			resp, err = Response{}, errPanic
		}
	}()
	resp, err = l.peer.serving(c, &c.req)
	returned = true
	if err != nil {
		err = failed(err)
	}
	return resp, err
}

func (l *link) logPanic(c *inCall, value string, stack []byte) {
	l.peer.logger.Error("rpc: a handler panicked", "method", c.method.name, "client", c.req.Client.String(), "panic", value, "stack", string(stack))
}

// reply builds the answer of a call in a borrowed buffer; nil if none is wanted. What resp points to is free afterwards.
func (l *link) reply(c *inCall, resp Response, err error) *[]byte {
	defer c.giveBack(resp)
	if c.req.Notify {
		if err != nil {
			l.peer.logger.Debug("rpc: a notified handler failed", "method", c.method.name, "error", err)
		}
		return nil
	}
	if err == nil && len(resp.Metadata) == 0 && c.ours(resp) {
		b := c.result // is the answer already
		c.result = nil
		return b
	}
	b := getBuffer()
	*b = buildAnswer((*b)[:0], c, resp, err)
	return b
}

// deliver sends an answer; one that the caller does not accept is replaced in b by an error that says so. Of what it returns
// only ErrFull matters, after which b may be sent again: otherwise the session has ended, and the caller knows.
func (l *link) deliver(id int64, b *[]byte, err error, send func([]byte) error) error {
	failure := send(*b)
	if errors.Is(failure, transport.ErrFrameTooLarge) {
		*b = appendFailure((*b)[:0], id, tooLarge(err), nil)
		failure = send(*b)
	}
	return failure
}

// send waits for room until the session ends.
func (l *link) send(frame []byte) error { return l.wire.Send(l.ctx, frame) }

// sendSoon is send for an answer among many: it leaves the writing to others where there is room,
// so that the answers leave together.
func (l *link) sendSoon(frame []byte) error {
	if err := l.wire.TrySend(frame); !errors.Is(err, transport.ErrFull) {
		return err
	}
	return l.send(frame)
}

func buildAnswer(b []byte, c *inCall, resp Response, err error) []byte {
	if !resp.Metadata.valid() {
		// An interceptor's: SetMetadata has checked its own.
		return appendFailure(b, c.id, errReplyMetadata, nil)
	}
	if err != nil {
		return appendFailure(b, c.id, status.From(err), resp.Metadata)
	}
	if len(resp.Payload) > 0 && !c.ours(resp) && !wellFormed(resp.Payload) {
		return appendFailure(b, c.id, badResult(nil), nil)
	}
	return appendResult(b, c.id, resp.Payload, resp.Metadata)
}

// tooLarge replaces an answer that the caller does not accept: a result, or an error with too much to say.
func tooLarge(err error) *status.Error {
	if err == nil {
		return errReplyTooLarge
	}
	e := *status.From(err)
	e.Message, e.Details = "the error has more to say than the caller accepts", nil
	if len(e.Reason) > maxName {
		e.Reason = ""
	}
	return &e
}

// ours reports whether the payload is the handler's, as we encoded it, and not an interceptor's.
func (c *inCall) ours(resp Response) bool {
	return c.result != nil && same(resp.Payload, (*c.result)[c.head:])
}

// giveBack returns the result's buffer. One that an interceptor still holds by calling next twice is left to the garbage collector.
func (c *inCall) giveBack(resp Response) {
	if resp.buf != nil && resp.buf == c.result {
		putBuffer(c.result)
	}
	c.result = nil
}
