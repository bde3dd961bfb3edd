package pubsub

import (
	"fmt"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/transport"
)

// Position is a place in a log. It is comparable, a plain value, and may be
// stored: [From] continues behind it. The zero Position is that of topics without history.
type Position struct {
	// Log is the name of the log.
	Log string `json:"log"`
	// Epoch names one life of the log; offsets of different epochs do not compare.
	Epoch string `json:"epoch"`
	// Offset is strictly increasing over all topics of the log within an epoch, from 1, and not dense.
	Offset int64 `json:"offset"`
}

// Message is one publication as a subscriber gets it.
type Message[T any] struct {
	// Value is what was published.
	Value T
	// Topic is where, without wildcards.
	Topic string
	// Position is where it stands in its log; zero if the topic keeps no history.
	Position Position
	// From is the client that published it, vouched for by the server; zero if the server did.
	From transport.ID
	// Metadata came with it; nil if none. Read-only: it is shared with other subscriptions.
	Metadata map[string]string
	// Key names what the publication is about (a cursor, a price), for conflation; usually "".
	Key string
}

// Gap says that publications are missing at this point of a subscription. It is
// an error, so that a loop which knows nothing of gaps does not overlook one; the
// sequence goes on behind it.
type Gap struct {
	// Filter is the subscription's filter.
	Filter string
	// Topic is the only topic concerned, "" if it may be any that the filter matches.
	Topic string
	// Epoch is the log's epoch from here on, "" without history.
	Epoch string
	// After and To bound what is missing: publications with After < offset <= To. Both are 0 where
	// it is not known (no history, or the epoch changed).
	After, To int64
	// Count is how many are missing, -1 if not known.
	Count int64
	// Cause says why.
	Cause Cause
}

// Error describes the gap.
func (g *Gap) Error() string {
	s := "gap in " + g.Filter
	if g.Count >= 0 {
		s += fmt.Sprintf(": %d missing", g.Count)
	}
	if g.To > 0 {
		s += fmt.Sprintf(" (offsets %d to %d)", g.After+1, g.To)
	}
	return "pubsub: " + s + ": " + g.Cause.String()
}

// Cause is why publications are missing.
type Cause int

// The causes of a [Gap], with their numbers on the wire.
const (
	// HistoryLost: history no longer reaches back to where the subscription stood.
	HistoryLost Cause = 1
	// EpochChanged: the log began a new life (a restart without storage, a restored backup); old offsets mean nothing.
	EpochChanged Cause = 2
	// SlowConsumer: the connection could not keep up and the topic keeps no history.
	SlowConsumer Cause = 3
	// TooLarge: a publication exceeds what this client accepts in a frame.
	TooLarge Cause = 4
	// FeedLost: the server lost touch with its broker, and the topic keeps no history.
	FeedLost Cause = 5
	// BufferFull: the program did not consume the subscription in time; the oldest were dropped.
	BufferFull Cause = 64
	// Reconnected: the connection was lost meanwhile, and the topic keeps no history.
	Reconnected Cause = 65
)

// String is the cause in words.
func (c Cause) String() string {
	switch c {
	case HistoryLost:
		return "history no longer reaches back"
	case EpochChanged:
		return "the log began a new epoch"
	case SlowConsumer:
		return "slow consumer"
	case TooLarge:
		return "publication too large for this client"
	case FeedLost:
		return "the server lost touch with its broker"
	case BufferFull:
		return "subscription buffer full"
	case Reconnected:
		return "the connection was lost"
	}
	return fmt.Sprintf("cause %d", int(c))
}

// message is a publication on a client: decoded once, shared by its subscriptions.
type message struct {
	topic    string
	position Position
	from     transport.ID
	metadata map[string]string
	payload  codec.Raw
	key      string
	size     int // in memory, roughly
}
