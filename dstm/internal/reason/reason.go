// Package reason is the one place of the reasons that dstm gives for refusing something
// (docs/PROTOCOL.md, section 8). Package dstm exports them, and says what each means to its user.
package reason

import "github.com/trefoilgo/trefoil/status"

// Reasons that travel.
const (
	Conflict       = status.Reason("dstm.conflict")
	Depends        = status.Reason("dstm.depends")
	Denied         = status.Reason("dstm.denied")
	Invalid        = status.Reason("dstm.invalid")
	Invariant      = status.Reason("dstm.invariant")
	TooLarge       = status.Reason("dstm.too_large")
	Busy           = status.Reason("dstm.busy")
	SequenceReused = status.Reason("dstm.sequence_reused")
	StaleSequence  = status.Reason("dstm.stale_sequence")
	OutcomeUnknown = status.Reason("dstm.outcome_unknown")
	History        = status.Reason("dstm.history")
	Closed         = status.Reason("dstm.closed")
)

// Reasons that stay where they arise.
const (
	Bounds = status.Reason("dstm.bounds")
	Type   = status.Reason("dstm.type")
	// FormatNewer and Damaged are of entries and pieces of a log that cannot be used.
	FormatNewer = status.Reason("dstm.format_newer")
	Damaged     = status.Reason("dstm.damaged")
)
