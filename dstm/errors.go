package dstm

import (
	"errors"

	"github.com/trefoilgo/trefoil/status"
)

// Errors of transactions and of opening; compare with errors.Is. Unless the
// *status.Error says Unknown, nothing was changed.
const (
	// ErrConflict (aborted): something that the transaction read has changed. Update runs it
	// again by itself; this is what remains after the last attempt. See [ConflictPaths].
	ErrConflict = status.Reason("dstm.conflict")
	// ErrDepends (aborted): an own earlier transaction that this one presumed was refused.
	ErrDepends = status.Reason("dstm.depends")
	// ErrDenied (permission_denied): a rule of the server forbids it.
	ErrDenied = status.Reason("dstm.denied")
	// ErrInvalid (invalid_argument): the transaction, a path or a value is malformed.
	ErrInvalid = status.Reason("dstm.invalid")
	// ErrInvariant (failed_precondition): a rule over the state after the transaction would be broken.
	ErrInvariant = status.Reason("dstm.invariant")
	// ErrTooLarge (resource_exhausted): beyond the limits of a transaction or an object.
	ErrTooLarge = status.Reason("dstm.too_large")
	// ErrBusy (resource_exhausted): the queue of the log, or of this client, is full; it was not tried.
	ErrBusy = status.Reason("dstm.busy")
	// ErrSequenceReused (invalid_argument): the sequence number was used with other content.
	ErrSequenceReused = status.Reason("dstm.sequence_reused")
	// ErrStaleSequence (failed_precondition): the sequence number is neither new nor remembered.
	ErrStaleSequence = status.Reason("dstm.stale_sequence")
	// ErrOutcomeUnknown (unavailable, unknown): the server can no longer tell what became of a
	// transaction that was sent before; it was not run again.
	ErrOutcomeUnknown = status.Reason("dstm.outcome_unknown")
	// ErrClosed (unavailable): the object, client or store is closed.
	ErrClosed = status.Reason("dstm.closed")
	// ErrBounds (failed_precondition): an Add would leave its bounds already by what the
	// transaction sees.
	ErrBounds = status.Reason("dstm.bounds")
	// ErrType (invalid_argument): a value does not fit the Go type that it was read into. The transaction ends.
	ErrType = status.Reason("dstm.type")
)

// conflictPaths is the local cause of a conflict error.
type conflictPaths []Path

func (conflictPaths) Error() string { return "conflict" }

// newConflict is the error of a transaction refused because of paths.
func newConflict(paths []Path) *status.Error {
	e := status.New(status.Aborted, ErrConflict, "what the transaction read has changed")
	if len(paths) > 0 {
		e.Message = "conflict at " + paths[0].String()
	}
	return e.Because(conflictPaths(paths))
}

// ConflictPaths lists the paths because of which a transaction was refused, if
// err is such a refusal. The slice is read-only.
func ConflictPaths(err error) []Path {
	var paths conflictPaths
	if errors.As(err, &paths) {
		return paths
	}
	return nil
}
