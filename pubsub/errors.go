package pubsub

import (
	"errors"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// Reasons of this package's errors; compare with errors.Is.
const (
	// ErrDenied (permission_denied): no rule allows it.
	ErrDenied = status.Reason("pubsub.denied")
	// ErrBadTopic (invalid_argument): not a topic, or not a filter.
	ErrBadTopic = status.Reason("pubsub.bad_topic")
	// ErrBadRequest (invalid_argument): options, metadata or key out of their limits, or a value that cannot be encoded.
	ErrBadRequest = status.Reason("pubsub.bad_request")
	// ErrTooMany (resource_exhausted): too many subscriptions or unanswered publishes of one session. Nothing was done.
	ErrTooMany = status.Reason("pubsub.too_many")
	// ErrTooLarge (resource_exhausted): it exceeds what the other side accepts in a frame. Nothing was done.
	ErrTooLarge = status.Reason("pubsub.too_large")
	// ErrNotConnected (unavailable): there is no session now. Nothing was sent.
	ErrNotConnected = status.Reason("pubsub.not_connected")
	// ErrConnectionLost (unavailable, outcome unknown): the session ended before the answer came.
	ErrConnectionLost = status.Reason("pubsub.connection_lost")
	// ErrNoMembers (failed_precondition): the topic's rule does not keep members.
	ErrNoMembers = status.Reason("pubsub.no_members")
	// ErrNoRule (failed_precondition): the server published to a topic that no rule matches.
	ErrNoRule = status.Reason("pubsub.no_rule")
	// ErrClosed (unavailable): the hub, client or subscription was closed.
	ErrClosed = status.Reason("pubsub.closed")
)

func errClosed() *status.Error { return status.New(status.Unavailable, ErrClosed, "closed") }

func errNotConnected() *status.Error {
	return status.New(status.Unavailable, ErrNotConnected, "not connected")
}

func errDenied(name string) *status.Error {
	return status.New(status.PermissionDenied, ErrDenied, "no rule allows this on %s", name)
}

func errBadValue(err error) *status.Error {
	return status.New(status.InvalidArgument, ErrBadRequest, "the value cannot be encoded").Because(err)
}

func errMetadata() *status.Error {
	return status.New(status.InvalidArgument, ErrBadRequest, "metadata is at most 32 strings of 4 KiB under keys of 255 bytes")
}

// errMalformed ends a session: its peer sent a frame that is none of this pattern's.
func errMalformed(what string) error {
	return status.New(status.InvalidArgument, "pubsub.malformed", "malformed %s frame", what)
}

// errProtocol ends a session: a well-formed frame out of place.
func errProtocol(format string, args ...any) error {
	return status.New(status.FailedPrecondition, "pubsub.protocol", format, args...)
}

// sendError translates what a session's Send returned when nothing was queued.
func sendError(err error) error {
	switch {
	case errors.Is(err, transport.ErrFrameTooLarge):
		return status.New(status.ResourceExhausted, ErrTooLarge, "larger than the other side accepts").Because(err)
	case errors.Is(err, transport.ErrClosed):
		return errNotConnected().Because(err)
	}
	if code := status.CodeOf(err); code == status.Canceled || code == status.DeadlineExceeded {
		return status.From(err)
	}
	return errNotConnected().Because(err)
}
