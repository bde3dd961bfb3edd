package dstm

import (
	"context"
	"iter"
	"unicode/utf8"

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

// Piece is a part of the state that a [Log] keeps beside its entries, so that replaying need not begin at the first.
type Piece struct {
	// Key has 1 to [MaxPieceKey] bytes of valid UTF-8; 0x00 is a byte as any other.
	Key string
	// Position is that of the last entry that the value includes. The log compares it with the one stored, nothing else.
	Position Position
	// Value is opaque to the log and has at most [MaxPieceValue] bytes. Nil means that there is none: to Save, that the
	// key is removed. An empty one is a value.
	Value []byte
}

// Limits of a [Piece], in bytes.
const (
	MaxPieceKey   = 1024
	MaxPieceValue = 64 << 20
)

// RestoredKey is the key of the piece by which a backend says that its log came back from a backup, so that later entries
// may be missing which clients have seen. The next store on the log begins a new epoch and removes it.
const RestoredKey = "restored"

// Check returns an error with the code invalid_argument if p breaks a limit. Save of every [Log] begins with it.
func (p *Piece) Check() error {
	switch {
	case p.Key == "" || len(p.Key) > MaxPieceKey:
		return status.New(status.InvalidArgument, "", "the key of a piece has 1 to %d bytes, not %d", MaxPieceKey, len(p.Key))
	case !utf8.ValidString(p.Key):
		return status.New(status.InvalidArgument, "", "the key of a piece is not valid UTF-8: %q", p.Key)
	case len(p.Value) > MaxPieceValue:
		return status.New(status.InvalidArgument, "", "the piece %q has %d bytes; %d are the most", p.Key, len(p.Value), MaxPieceValue)
	}
	return nil
}

// Errors of a [Log]; compare with errors.Is.
const (
	// ErrMoved (aborted): Append found the head elsewhere than expected and added nothing. Read the tail and try again.
	ErrMoved = status.Reason("dstm.log_moved")
	// ErrUncertain (unavailable, unknown): the batch may or may not be in the log, or may yet appear. Read the tail to
	// learn it. The same of the pieces of a Save, all or none of them; saving them again settles it.
	ErrUncertain = status.Reason("dstm.log_uncertain")
	// ErrTruncated (out_of_range): Read was asked for entries that a truncation removed. Load the pieces.
	ErrTruncated = status.Reason("dstm.log_truncated")
	// ErrLogClosed (unavailable): the log was closed, or closed itself after an error of a commit. Nothing was added
	// by this call, unless the error also says that its outcome is unknown.
	ErrLogClosed = status.Reason("dstm.log_closed")
)

// Log is all that a backend implements for dstm: a sequence of entries that grows by
// compare-and-append, pieces of the state that replace its beginning, and nothing else. Every
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

	// Save stores pieces, all of them or none, and returns once they are as durable as the backend promises. A piece
	// replaces the one of its key unless that has a higher position: then it is skipped without an error. One without
	// a value removes its key, under the same condition, and leaves no trace: any position can be saved there again. Of several
	// pieces with one key in one call, each meets what the one before left.
	//
	// The log does not keep the slices after Save has returned. invalid_argument says that a piece breaks its limits;
	// ErrUncertain that all of them may be stored or none, as for Append. With any other error nothing was stored.
	Save(ctx context.Context, pieces []Piece) error

	// Load returns the piece stored under key, with a nil value if there is none. The value is read-only and
	// stays valid.
	Load(ctx context.Context, key string) (Piece, error)

	// List yields the pieces whose keys begin with prefix and are greater than after, ascending by the bytes of their keys. Every
	// key that stays is yielded exactly once, one that comes or goes meanwhile once or not at all, and of a piece that is replaced
	// meanwhile the older or the newer. It ends behind the last one, or with an error as the last thing it yields: the context's too, or an end would look like the last one.
	// The consumer may take its time and call every method meanwhile. Values are read-only and stay valid.
	List(ctx context.Context, prefix, after string) iter.Seq2[Piece, error]

	// Keys is List without positions and values, and cheaper.
	Keys(ctx context.Context, prefix, after string) iter.Seq2[string, error]

	// Truncate removes entries up to and including upto, which must not be beyond the head (failed_precondition
	// otherwise). It may remove fewer. It knows nothing of pieces: the caller has saved before what the entries say.
	Truncate(ctx context.Context, upto Position) error

	// Close releases the log. Running calls end with ErrLogClosed. Closing twice is no error.
	Close() error
}
