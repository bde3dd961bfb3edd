package rpc

import (
	"context"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/transport"
)

// Info says who calls what. In a handler it comes from [CallFrom].
type Info struct {
	// Procedure is the method's name.
	Procedure string
	// Client is, where the call is served, the client that calls (on a client: itself, called by its server).
	// Where a call is made it is the client that is called, zero on a client, which calls its server.
	Client transport.ID
	// Session is the session on which the call came; zero where a call is made.
	Session transport.ID
	// Identity is who the session acts for; zero where a call is made.
	Identity transport.Identity
	// Metadata came with the call, or go with it. Handlers must not change them; interceptors may replace them.
	Metadata Metadata
	// Notify says that no answer is wanted.
	Notify bool
}

// Request is a call as an [Interceptor] sees it: before its input is decoded, after it was encoded.
// It must be passed on by the pointer that came, and is not to be used after the Func has returned.
type Request struct {
	Info
	// Payload is the input, encoded. It is read-only, but may be replaced.
	Payload codec.Raw

	in   *inCall // where the call is served
	peer *Peer   // where it is made
	room *[]byte // holds Payload as we encoded it, from head on, behind room for what stands before it in the frame; see frame

	head               uint16
	seen, wait, bytes  bool // interceptors see it; it waits for a session; its result is bytes
	idempotent, queued bool
}

// Response is what came of a [Request]. With an error only Metadata counts.
type Response struct {
	// Payload is the result, encoded; none means nil. It is valid until the interceptor that received it has returned.
	Payload codec.Raw
	// Metadata go, or came, with the answer.
	Metadata Metadata

	buf   *[]byte // holds Payload, if it is the pool's
	bytes []byte  // what Payload would hold, if it was decoded at once
}

// Func serves a call, or makes one. The errors are those of handlers and of [Method.Call].
type Func func(ctx context.Context, req *Request) (Response, error)

// Interceptor wraps a [Func]: it may look at the call, change ctx, metadata and payload, refuse the
// call with an error without calling next, or call next again. Values that it puts
// into ctx reach the handler. It is called from many goroutines at once; around a method that is handled [Inline] it must not wait.
type Interceptor func(next Func) Func

func chain(last Func, interceptors []Interceptor) Func {
	for i := len(interceptors) - 1; i >= 0; i-- {
		last = interceptors[i](last)
	}
	return last
}

// CallFrom returns who called the handler that has ctx; ok is false outside a handler.
func CallFrom(ctx context.Context) (info Info, ok bool) {
	c, ok := ctx.Value(callKey{}).(*inCall)
	if !ok {
		return Info{}, false
	}
	return c.req.Info, true
}
