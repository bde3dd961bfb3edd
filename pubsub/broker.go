package pubsub

import (
	"context"
	"iter"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/transport"
)

// Broker carries publications between hubs and keeps their history. All its methods may
// be called from several goroutines at once. Package brokertest holds the contract as a test.
//
// A log is an ordered list of records over many topics. The broker alone assigns offsets:
// strictly increasing within (log, epoch), from 1, not necessarily dense. A record is readable
// before it is delivered to any [Feed].
type Broker interface {
	// Open prepares log, makes it if it does not exist, and sets what it keeps. It is called before anything else
	// is done with log, and may be called again.
	Open(ctx context.Context, log string, keep Retention) (Head, error)

	// Head is where log stands: at least as far as any record that was delivered or
	// acknowledged anywhere before the call. Its Floor is for the topics that filter matches.
	Head(ctx context.Context, log, filter string) (Head, error)

	// Publish appends r to log, or only delivers it if log is "". It fills in a copy: Position, Prev and Time are the
	// broker's; r's Metadata and Payload are kept and must not be changed afterwards. Records of one caller to one log (or, without
	// a log, to one topic) are delivered in the order of the calls. An error whose Unknown is false (see package
	// status) means that nothing was appended; any other may have appended it.
	Publish(ctx context.Context, log string, r Record) (Position, error)

	// Read yields the records of log that q selects, in order of offset. The caller may stop early;
	// the broker fetches in bounded batches. Records are shared and read-only.
	Read(ctx context.Context, log string, q Query) iter.Seq2[*Record, error]

	// Renew begins a new epoch if epoch is still the present one, and tells every feed by Reset. Otherwise
	// it does nothing. Records and offsets stay, but older positions no longer count.
	Renew(ctx context.Context, log, epoch string) (Head, error)

	// Attach starts delivering every record that is published from now on, through whatever hub, to feed. After
	// detach has returned feed is not called any more.
	Attach(feed Feed) (detach func())
}

// Feed is what a hub gives to its broker. Its methods do not wait and do not call the broker.
type Feed interface {
	// Deliver is called with the next records of log, in order; calls for one log do not overlap. log is "" for records without one, which
	// come in order for each topic. Records are shared and read-only, the slice is the broker's again on return.
	Deliver(log string, records []*Record)
	// Reset says that records of log may have been left out, or that it has a new epoch: the hub reads on from history.
	Reset(log string)
}

// Head is where a log stands.
type Head struct {
	// Epoch is the present epoch, 1 to 32 bytes.
	Epoch string
	// Offset is that of the newest record, 0 if there never was one.
	Offset int64
	// Floor is the highest offset of a record that was removed and whose topic the filter matches, 0 if none was: a reader behind
	// Floor has missed nothing. A broker that cannot tell exactly says more, never less, and never more than Offset.
	Floor int64
}

// Record is one publication.
type Record struct {
	// Topic is where it was published.
	Topic string
	// Position is where it stands, zero without a log.
	Position Position
	// Prev is the offset of the topic's previous record in the log; 0 if there is none or it is long gone.
	Prev int64
	// From is the client that published it, zero for the server.
	From transport.ID
	// NotToFrom keeps it from the client From.
	NotToFrom bool
	// Key is for conflation, usually "".
	Key string
	// Metadata is an encoded map from string to string, or nil.
	Metadata codec.Raw
	// Payload is the encoded value.
	Payload codec.Raw
	// Time is when the broker accepted it.
	Time time.Time
}

// Query selects records of a log.
type Query struct {
	// Filter selects topics.
	Filter string
	// After and UpTo bound the offsets: After < offset <= UpTo.
	After, UpTo int64
	// Last selects only the newest so many of them; 0 all.
	Last int
}

// Retention is what a log keeps. What exceeds any bound is removed, oldest first. A broker may keep more.
type Retention struct {
	// Count is how many records of each topic; 0 no bound.
	Count int
	// Age is for how long; 0 no bound.
	Age time.Duration
	// Bytes is how much in all topics together; 0 is the broker's default.
	Bytes int64
}
