package dstm

import (
	"errors"

	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/status"
)

// Errors of transactions and of opening; compare with errors.Is. Unless the
// *status.Error says Unknown, nothing was changed.
const (
	// ErrConflict (dstm.conflict, aborted): something that the transaction read has changed. Update runs it
	// again by itself; this is what remains after the last attempt. See [ConflictPaths].
	ErrConflict = reason.Conflict
	// ErrDepends (dstm.depends, aborted): an own earlier transaction that this one presumed was refused.
	ErrDepends = reason.Depends
	// ErrDenied (dstm.denied, permission_denied): a rule of the server forbids it.
	ErrDenied = reason.Denied
	// ErrInvalid (dstm.invalid, invalid_argument): the transaction, a path or a value is malformed.
	ErrInvalid = reason.Invalid
	// ErrInvariant (dstm.invariant, failed_precondition): a rule over the state after the transaction would be broken.
	ErrInvariant = reason.Invariant
	// ErrTooLarge (dstm.too_large, resource_exhausted): beyond the limits of a transaction or an object.
	ErrTooLarge = reason.TooLarge
	// ErrBusy (dstm.busy, resource_exhausted): the queue of the log, or of this client, is full; it was not tried.
	ErrBusy = reason.Busy
	// ErrSequenceReused (dstm.sequence_reused, invalid_argument): the sequence number was used with other content.
	ErrSequenceReused = reason.SequenceReused
	// ErrStaleSequence (dstm.stale_sequence, failed_precondition): the sequence number is neither new nor remembered.
	ErrStaleSequence = reason.StaleSequence
	// ErrOutcomeUnknown (dstm.outcome_unknown, unavailable, unknown): the server can no longer tell what became of a
	// transaction that was sent before; it was not run again.
	ErrOutcomeUnknown = reason.OutcomeUnknown
	// ErrClosed (dstm.closed, unavailable): the object, client or store is closed.
	ErrClosed = reason.Closed
	// ErrBounds (dstm.bounds, failed_precondition): an Add would leave its bounds already by what the
	// transaction sees.
	ErrBounds = reason.Bounds
	// ErrHistory (dstm.history, out_of_range): what is asked for is too long ago: neither the log nor this process's memory reaches there.
	ErrHistory = reason.History
	// ErrType (dstm.type, invalid_argument): a value does not fit the Go type that it was read into. The transaction ends.
	ErrType = reason.Type
	// ErrDamaged (dstm.damaged, data_loss): a record of a client's Storage cannot be used; see [Client.StorageErr].
	ErrDamaged = reason.Damaged
)

// conflictPaths is the local cause of a conflict error.
type conflictPaths []Path

// Error implements error.
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
