package rpc

import (
	"errors"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// Why a call failed, where this package and not the handler decided it; compare with
// errors.Is. A call that is too large either way fails with
// [transport.ErrFrameTooLarge] (resource_exhausted; with outcome unknown if it was the result).
const (
	// ErrUnknownMethod (unimplemented): the other side has no handler of that name.
	ErrUnknownMethod = status.Reason("rpc.unknown_method")
	// ErrBadRequest (invalid_argument): the input does not fit the method's type, or the metadata exceed
	// their limits. The handler did not run.
	ErrBadRequest = status.Reason("rpc.bad_request")
	// ErrBadResult (internal, outcome unknown): the handler ran, but its result cannot be encoded, or
	// does not fit the type that the caller expects.
	ErrBadResult = status.Reason("rpc.bad_result")
	// ErrBusy (resource_exhausted): too many calls of this session are being handled, or too many are [Queued]. The handler did not run.
	ErrBusy = status.Reason("rpc.busy")
	// ErrDenied (permission_denied): what [Authorize] was given refused the call. The handler did not run.
	ErrDenied = status.Reason("rpc.denied")
	// ErrPanic (internal, outcome unknown): the handler panicked.
	ErrPanic = status.Reason("rpc.panic")
	// ErrNotConnected (unavailable): there was no session to send the call on.
	ErrNotConnected = status.Reason("rpc.not_connected")
	// ErrConnectionLost (unavailable): the session ended before the answer came. Outcome unknown if the
	// call had been handed to the connection; otherwise the handler certainly did not run.
	ErrConnectionLost = status.Reason("rpc.connection_lost")
)

// What does not depend on the call is made once: under a flood of bad calls an answer costs no allocation.
var (
	errUnknownMethod = status.New(status.Unimplemented, ErrUnknownMethod, "no such method")
	errBusy          = status.New(status.ResourceExhausted, ErrBusy, "too many calls of this session are being handled")
	errPanic         = status.New(status.Internal, ErrPanic, "the handler panicked").MaybeDone()
	errMetadata      = status.New(status.InvalidArgument, ErrBadRequest, "the metadata exceed their limits")
	errReplyMetadata = status.New(status.Internal, ErrBadResult, "the answer's metadata exceed their limits").MaybeDone()
	errNotConnected  = status.New(status.Unavailable, ErrNotConnected, "not connected")
	errLost          = status.New(status.Unavailable, ErrConnectionLost, "the connection was lost")
	errServerPeer    = status.New(status.FailedPrecondition, "", "a server has no one to call by itself: name a client with Peer.Client")
	errClientPeer    = status.New(status.FailedPrecondition, "", "a client can call its server only")
	errCallTooLarge  = status.New(status.ResourceExhausted, transport.ErrFrameTooLarge, "the call is larger than the other side accepts")
	errReplyTooLarge = status.New(status.ResourceExhausted, transport.ErrFrameTooLarge, "the result is larger than the caller accepts").MaybeDone()
	errForeign       = status.New(status.Internal, "", "an interceptor passed on a request that it was not given")
	errQueueFull     = status.New(status.ResourceExhausted, ErrBusy, "too many calls, or too large ones, are queued")
	errNotQueued     = status.New(status.InvalidArgument, ErrBadRequest, "only an idempotent call of a client, one that wants an answer, can be queued")
	errCanceled      = status.New(status.Canceled, "", "the caller canceled the call")
)

// badRequest answers a payload that does not decode. The codec's message names kinds and Go
// types, never the input.
func badRequest(err error) *status.Error {
	return status.New(status.InvalidArgument, ErrBadRequest, "the input does not fit: %s", codecMessage(err)).Because(err)
}

// badResult is for a result that cannot be encoded, or decoded. The handler did run.
func badResult(err error) *status.Error {
	return status.New(status.Internal, ErrBadResult, "the result does not fit: %s", codecMessage(err)).Because(err).MaybeDone()
}

func codecMessage(err error) string {
	var e *codec.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "no value"
}
