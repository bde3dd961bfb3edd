// Package status holds the errors that cross the wire: a canonical code, a
// stable reason, an authored message, details, and whether the effect of the
// failed operation may have happened all the same.
//
// It imports nothing of the project, so every room can speak it.
package status

import "strconv"

// Code is one of the 16 canonical error codes, with their usual numbers
// (google.rpc.Code). A Code is itself an error, so that
//
//	errors.Is(err, status.NotFound)
//
// asks for the code of whatever [Error] err wraps.
type Code uint8

// The canonical codes. Zero is no error and never stands in an [Error].
const (
	Canceled           Code = 1  // the caller gave up
	Unknown            Code = 2  // an error without a code of its own
	InvalidArgument    Code = 3  // malformed, whatever the state
	DeadlineExceeded   Code = 4  // time ran out
	NotFound           Code = 5  // what was named does not exist
	AlreadyExists      Code = 6  // what was to be made exists
	PermissionDenied   Code = 7  // the caller is known and may not
	ResourceExhausted  Code = 8  // a budget, limit or queue is full
	FailedPrecondition Code = 9  // well-formed, but breaks a rule of the present state
	Aborted            Code = 10 // lost against a concurrent operation; trying again may succeed
	OutOfRange         Code = 11 // beyond the end of what there is
	Unimplemented      Code = 12 // no such operation
	Internal           Code = 13 // a defect on the answering side
	Unavailable        Code = 14 // not reachable now; see [Error.Unknown]
	DataLoss           Code = 15 // stored data is damaged
	Unauthenticated    Code = 16 // the caller is not known
)

var names = [...]string{
	0: "ok", Canceled: "canceled", Unknown: "unknown", InvalidArgument: "invalid_argument",
	DeadlineExceeded: "deadline_exceeded", NotFound: "not_found", AlreadyExists: "already_exists",
	PermissionDenied: "permission_denied", ResourceExhausted: "resource_exhausted",
	FailedPrecondition: "failed_precondition", Aborted: "aborted", OutOfRange: "out_of_range",
	Unimplemented: "unimplemented", Internal: "internal", Unavailable: "unavailable",
	DataLoss: "data_loss", Unauthenticated: "unauthenticated",
}

// String is the code in lower case with underscores, "code_77" outside the
// canonical range.
func (c Code) String() string {
	if int(c) < len(names) {
		return names[c]
	}
	return "code_" + strconv.Itoa(int(c))
}

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return c.String() }

// Valid reports whether c is one of the 16 codes.
func (c Code) Valid() bool { return c >= Canceled && c <= Unauthenticated }
