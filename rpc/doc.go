// Package rpc carries typed calls over a Trefoil connection, in both directions.
//
// A method is a value that both sides import:
//
//	var Hello = rpc.NewMethod[string, string]("hello")
//
// Either side handles it on its [Peer], and the other side calls it:
//
//	Hello.Handle(calls, func(ctx context.Context, name string) (string, error) { ... })
//	greeting, err := Hello.Call(ctx, calls, "world")
//
// On a client the [Peer] itself is the [Caller]: it calls the server. A server calls
// one of its clients through [Peer.Client].
//
// # What a call promises
//
// Every call settles exactly once at its caller: with a result, with a coded error of
// the handler, with the caller's own deadline or cancellation, or, when the
// connection ended first, with code unavailable and reason [ErrConnectionLost]. Of each error
// [github.com/trefoilgo/trefoil/status.OutcomeUnknown] tells whether the handler may have run
// all the same: an error with code unavailable without it means that it certainly did not. Calls are not sent again by
// themselves, but for those that are [Idempotent] and [Queued].
//
// Deadline and cancellation of the caller's context reach the handler's context. Metadata
// travels both ways. A handler that panics, is slow or returns too much spoils its own
// call, never the connection.
//
// docs/PROTOCOL.md, section 6, has the frames.
package rpc
