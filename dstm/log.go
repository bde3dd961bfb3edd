package dstm

import (
	"context"
	"io"
	"iter"

	"github.com/trefoilgo/trefoil/status"
)

// Position numbers the entries of a [Log], from 1 without holes. 0 is before the first.
type Position uint64

// Entry is one entry of a [Log].
type Entry struct {
	Position Position
	// Data is opaque to the log. It is read-only and stays valid.
	Data []byte
}

// Batch is what one Append adds: all of it or nothing.
type Batch struct {
	// ID is random for every batch; who must find out what became of an
	// uncertain append compares it (see [Log.Append]).
	ID [16]byte
	// Entries are the data of the entries, at least one; the log does not keep the
	// slices after Append has returned.
	Entries [][]byte
}

// Errors of a [Log]; compare with errors.Is.
const (
	// ErrMoved (aborted): Append found the head elsewhere than expected and added nothing. Read the tail and try again.
	ErrMoved = status.Reason("dstm.log_moved")
	// ErrUncertain (unavailable, unknown): the batch may or may not be in the log, or may yet appear. Read the tail to learn it.
	ErrUncertain = status.Reason("dstm.log_uncertain")
	// ErrTruncated (out_of_range): Read was asked for entries that a truncation removed. Load the snapshot.
	ErrTruncated = status.Reason("dstm.log_truncated")
	// ErrLogClosed (unavailable): the log was closed, or closed itself after an error of a commit. Nothing was added
	// by this call, unless the error also says that its outcome is unknown.
	ErrLogClosed = status.Reason("dstm.log_closed")
)

// Log is all that a backend implements for dstm: a sequence of entries that grows by
// compare-and-append, a snapshot that replaces its beginning, and nothing else. Every
// implementation passes the contract kit dstm/logtest unchanged.
//
// All methods may be called from several goroutines and, on a shared backend, from several
// nodes at once. Errors are *status.Error with one of the reasons above, the context's error, or
// unavailable with what the backend said.
type Log interface {
	// Head is the position of the last entry, 0 for an empty log. It is linearizable: an entry whose Append
	// returned before Head was called is counted.
	Head(ctx context.Context) (Position, error)

	// Append adds batch behind after if after is the head, and returns the new head once the
	// batch is as durable as the backend promises. Entries get the positions after+1, after+2, ...
	// If the head is elsewhere: ErrMoved. If the outcome cannot be known, ErrUncertain; on a backend with a
	// single writer that error also closes the log for good, since nothing may be acknowledged that may not be on disk.
	Append(ctx context.Context, after Position, batch Batch) (Position, error)

	// Read yields the entries behind after in order and then follows the head, waiting for
	// more, until ctx is done (it then ends without an error), the consumer stops, or an error, which is the last
	// thing it yields: ErrTruncated if after is before the reach of the log, ErrLogClosed when it closes.
	// Only entries whose append is durable are yielded. An after beyond the head waits until the log gets there.
	Read(ctx context.Context, after Position) iter.Seq2[Entry, error]

	// SaveSnapshot stores what r yields as the state at position at (at most the head), replacing an older
	// snapshot once it is stored completely; a failure leaves the older one. A snapshot not newer than the stored one is
	// ignored without an error.
	SaveSnapshot(ctx context.Context, at Position, r io.Reader) error

	// LoadSnapshot opens the newest snapshot. Without one it returns position 0 and a nil reader. The
	// caller closes the reader, which ctx covers too, and which stays good when a newer snapshot is saved meanwhile.
	LoadSnapshot(ctx context.Context) (at Position, r io.ReadCloser, err error)

	// Truncate removes entries up to and including upto, which must not be beyond the snapshot's position
	// (failed_precondition otherwise). It may remove fewer.
	Truncate(ctx context.Context, upto Position) error

	// Close releases the log. Running calls end with ErrLogClosed. Closing twice is no error.
	Close() error
}
