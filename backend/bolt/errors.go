package bolt

import (
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// Errors of a [Store]; compare with errors.Is. Those of its logs are in package dstm.
const (
	// ErrLocked: another process, or another Store of this one, has the file open. Code unavailable.
	ErrLocked = status.Reason("bolt.locked")
	// ErrDamaged: the file does not hold what was written to it. Nothing was changed. Code data_loss.
	ErrDamaged = status.Reason("bolt.damaged")
	// ErrForeign: the file belongs to another program. Nothing was changed. Code failed_precondition.
	ErrForeign = status.Reason("bolt.foreign")
	// ErrFormatOlder: a version from before the first release wrote the file. Nothing was changed. Code failed_precondition.
	ErrFormatOlder = status.Reason("bolt.format_older")
	// ErrFormatNewer: a later version wrote the file. Nothing was changed. Code failed_precondition.
	ErrFormatNewer = status.Reason("dstm.format_newer")
)

func damaged(format string, args ...any) *status.Error {
	return status.New(status.DataLoss, ErrDamaged, format, args...)
}

func closedError(cause error) error {
	if cause == nil {
		return status.New(status.Unavailable, dstm.ErrLogClosed, "the log is closed")
	}
	return status.New(status.Unavailable, dstm.ErrLogClosed, "the log closed itself after an error").Because(cause)
}

func uncertain(cause error) error {
	return status.New(status.Unavailable, dstm.ErrUncertain,
		"the commit failed; the store is closed and opening it again tells what it holds").Because(cause).MaybeDone()
}
