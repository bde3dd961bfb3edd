package status

import (
	"context"
	"errors"
	"fmt"
)

// Reason names the exact cause within a code, such as "dstm.conflict": the
// room, a dot, the cause in snake case. Programs branch on it; it never
// changes its meaning. Like a [Code] it is itself an error, so packages declare
//
//	const ErrConflict = status.Reason("dstm.conflict")
//
// and callers ask errors.Is(err, dstm.ErrConflict).
type Reason string

// Error makes a Reason usable as the target of errors.Is.
func (r Reason) Error() string { return string(r) }

// Error is the one error that crosses the wire. Code, Reason, Message, Details
// and Unknown travel; a cause added with [Error.Because] stays local.
//
// An Error is immutable once it was returned; its methods may be called from
// several goroutines at once.
type Error struct {
	// Code is one of the 16 codes.
	Code Code
	// Reason is the exact cause, or "".
	Reason Reason
	// Message is one authored sentence for a person who debugs; never secret.
	Message string
	// Details holds plain values (codec's value types) for programs; nil if none.
	Details map[string]any
	// Unknown is true if the effect may have happened although the operation
	// failed. Unavailable with Unknown false means: it certainly did not.
	Unknown bool

	cause error
}

// New makes an Error with a formatted message.
func New(code Code, reason Reason, format string, args ...any) *Error {
	return &Error{Code: code, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Error is "code: message (reason)", with ", outcome unknown" where it is.
func (e *Error) Error() string {
	s := e.Code.String()
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Reason != "" {
		s += " (" + string(e.Reason) + ")"
	}
	if e.Unknown {
		s += ", outcome unknown"
	}
	return s
}

// Is reports whether target is e's code or e's reason.
func (e *Error) Is(target error) bool {
	switch t := target.(type) {
	case Code:
		return e.Code == t
	case Reason:
		return e.Reason != "" && e.Reason == t
	}
	return false
}

// Unwrap returns the local cause, if any.
func (e *Error) Unwrap() error { return e.cause }

// Because returns a copy of e that wraps cause. The cause is for logs on this
// side; it does not travel.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// WithDetail returns a copy of e with one more detail.
func (e *Error) WithDetail(key string, value any) *Error {
	c := *e
	c.Details = make(map[string]any, len(e.Details)+1)
	for k, v := range e.Details {
		c.Details[k] = v
	}
	c.Details[key] = value
	return &c
}

// MaybeDone returns a copy of e that says that the effect may have happened.
func (e *Error) MaybeDone() *Error {
	c := *e
	c.Unknown = true
	return &c
}

// From translates any error into an Error at the boundary to the wire. An Error
// in err's chain is returned as it is; context errors become canceled and
// deadline_exceeded; anything else becomes code unknown with a message that
// does not repeat err's text, which may hold what the peer must not see. The
// result's code is always one of the 16. From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	var code Code
	var reason Reason
	switch {
	case errors.As(err, &e):
		return valid(e)
	case errors.As(err, &code) && code.Valid():
		return New(code, "", "%s", code).Because(err)
	case errors.As(err, &reason):
		return New(Unknown, reason, "%s", reason).Because(err)
	case errors.Is(err, context.DeadlineExceeded):
		return New(DeadlineExceeded, "", "deadline exceeded").Because(err)
	case errors.Is(err, context.Canceled):
		return New(Canceled, "", "canceled").Because(err)
	}
	return New(Unknown, "", "the operation failed").Because(err)
}

// valid is e, or what stands for an Error that was made by hand without a code,
// or returned as a nil pointer in an error.
func valid(e *Error) *Error {
	switch {
	case e == nil:
		return New(Unknown, "", "the operation failed")
	case e.Code.Valid():
		return e
	}
	fixed := *e
	fixed.Code = Unknown
	return &fixed
}

// CodeOf is the code of the Error that err wraps, Unknown if there is none, and
// 0 for a nil err.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	return From(err).Code
}

// OutcomeUnknown reports whether err says that the effect may have happened.
func OutcomeUnknown(err error) bool {
	var e *Error
	return errors.As(err, &e) && e != nil && e.Unknown
}
