package rpc

import (
	"context"
	"unicode/utf8"

	"github.com/trefoilgo/trefoil/codec"
)

// Method is a procedure: a name, the type of its input and the type of its result. Both sides
// import it; it holds no connection and may be copied and used by many peers at once.
//
// In and Out are encoded as [codec.Marshal] describes, whatever codec the connection speaks.
type Method[In, Out any] struct {
	name string
}

// NewMethod defines a method. A name has 1 to 255 bytes of UTF-8 without control characters; a prefix "ns:" names a
// namespace. It panics on any other name: that is a mistake of the program.
func NewMethod[In, Out any](name string) Method[In, Out] {
	if !validName(name) {
		panic("rpc: a method's name has 1 to 255 bytes of UTF-8 without control characters")
	}
	return Method[In, Out]{name}
}

func validName(name string) bool {
	if name == "" || len(name) > maxName || !utf8.ValidString(name) {
		return false
	}
	for _, r := range name {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return false
		}
	}
	return true
}

// Name is the method's name on the wire.
func (m Method[In, Out]) Name() string { return m.name }

// Handle makes p answer the method with fn from now on. It panics if p handles it already.
//
// fn runs on a goroutine of p's, for many calls at once, at most
// [PeerOptions.MaxConcurrent] for one session. Its ctx is cancelled when the caller cancels or its deadline passes, when
// the session ends ([context.Cause] tells), and when fn has returned. An error that holds a [status.Error] travels as that; context errors
// as canceled and deadline_exceeded, with outcome unknown; of any other nothing travels but code unknown.
func (m Method[In, Out]) Handle(p *Peer, fn func(ctx context.Context, in In) (Out, error), opts ...HandleOption) {
	if m.name == "" {
		panic("rpc: a Method is made by NewMethod")
	}
	h := &method{name: m.name, bytes: isBytes[In]()}
	h.run = func(ctx context.Context, given input, b []byte) ([]byte, error) {
		var in In
		if err := decode(given, &in); err != nil {
			return b, badRequest(err)
		}
		out, err := fn(ctx, in)
		if err != nil {
			return b, err
		}
		if b, err = codec.AppendOf(b, &out); err != nil {
			return b, badResult(err)
		}
		return b, nil
	}
	for _, o := range opts {
		o.setHandle(h)
	}
	p.register(h)
}

// Call calls the method at the other side of to, and waits for the answer, but not longer than ctx. ctx's
// deadline and cancellation reach the handler. If in cannot be encoded, or ctx
// is done, nothing is sent.
//
// The error is always a [*status.Error]: the handler's, or one with a reason of this package. See the package
// comment for what is then known.
func (m Method[In, Out]) Call(ctx context.Context, to Caller, in In, opts ...CallOption) (Out, error) {
	var out Out
	resp, err := m.send(ctx, to, &in, false, opts)
	if err != nil {
		return out, err
	}
	err = decode(input{resp.Payload, resp.bytes}, &out)
	resp.release()
	if err != nil {
		var none Out
		return none, badResult(err)
	}
	return out, nil
}

// Notify calls the method and wants no answer: nil means that the call was handed to the
// connection, not that it arrives or succeeds. It waits only where the outbound queue is full.
// A ctx with a deadline gives it to the handler too; cancellation afterwards does not reach it.
func (m Method[In, Out]) Notify(ctx context.Context, to Caller, in In, opts ...CallOption) error {
	_, err := m.send(ctx, to, &in, true, opts)
	return err
}

func (m Method[In, Out]) send(ctx context.Context, to Caller, in *In, notify bool, opts []CallOption) (Response, error) {
	p, client := to.target()
	req := Request{Info: Info{Procedure: m.name, Client: client, Notify: notify}, peer: p, bytes: isBytes[Out]()}
	var reply *Metadata
	if len(opts) > 0 {
		o := options(opts)
		req.Metadata, req.wait, reply = o.metadata, o.wait, o.reply
		req.idempotent, req.queued = o.idempotent, o.queued
	}
	if err := encode(&req, in); err != nil {
		return Response{}, badRequest(err)
	}
	resp, err := p.call(ctx, &req)
	req.release()
	if reply != nil {
		*reply = resp.Metadata
	}
	return resp, err
}
