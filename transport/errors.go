package transport

import (
	"github.com/trefoilgo/trefoil/status"
)

// Reasons of this package that travel nowhere but in errors.
const (
	reasonLost    = status.Reason("transport.connection_lost")
	reasonRefused = status.Reason("transport.refused")
)

var (
	errFull     = status.New(status.ResourceExhausted, ErrFull, "the outbound queue is full")
	errTooLarge = status.New(status.ResourceExhausted, ErrFrameTooLarge, "the frame is larger than the peer accepts")
	errBadFrame = status.New(status.Internal, "transport.bad_frame", "the frame is not well-formed")
	errClosed   = status.New(status.Unavailable, ErrClosed, "closed")
)

// ended is the cause of every error that tells of a session's end: it is
// ErrClosed, whatever the reason, and wraps what the network said.
type ended struct{ cause error }

// Error implements error.
func (e *ended) Error() string {
	if e.cause == nil {
		return "the session has ended"
	}
	return e.cause.Error()
}

// Is says so to [errors.Is].
func (e *ended) Is(target error) bool { return target == error(ErrClosed) }

// Unwrap is the cause.
func (e *ended) Unwrap() error { return e.cause }

// closeError is the error of a session that ended with code, on whichever side.
func closeError(code CloseCode, reason string, cause error) *status.Error {
	if reason == "" {
		reason = "the session was closed: " + code.String()
	}
	return status.New(status.Unavailable, reasonOf(code), "%s", reason).Because(&ended{cause})
}

// lostError is the error of a session whose connection broke.
func lostError(cause error) *status.Error {
	return status.New(status.Unavailable, reasonLost, "the connection was lost").Because(&ended{cause})
}

func reasonOf(code CloseCode) status.Reason {
	if name, ok := closeNames[code]; ok {
		return status.Reason("transport." + name)
	}
	if code >= 4000 && code <= 4199 {
		return status.Reason("transport.close_" + code.String())
	}
	return reasonLost
}

// refusal is a session's error as the one that asked for it should see it: a
// refused login by its own code.
func refusal(err *status.Error) *status.Error {
	code := err.Code
	switch err.Reason {
	case reasonOf(CloseUnauthenticated):
		code = status.Unauthenticated
	case reasonOf(CloseDenied):
		code = status.PermissionDenied
	case reasonOf(CloseOutdated):
		code = status.FailedPrecondition
	}
	c := *err
	c.Code = code
	return &c
}

// codeForRefusal is the close code that answers an error of Authenticate or Open.
func codeForRefusal(err error) (CloseCode, string) {
	e := status.From(err)
	switch e.Code {
	case status.Unauthenticated:
		return CloseUnauthenticated, e.Message
	case status.PermissionDenied:
		return CloseDenied, e.Message
	case status.Unavailable, status.ResourceExhausted, status.DeadlineExceeded, status.Canceled:
		return CloseOverloaded, e.Message
	}
	return CloseInternal, "internal error"
}

// codeForFrame is the close code that answers an error of Receive.
func codeForFrame(err error) (CloseCode, string) {
	e := status.From(err)
	if e.Code == status.InvalidArgument {
		return CloseMalformed, e.Message
	}
	return CloseProtocol, e.Message
}
