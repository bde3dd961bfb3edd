package pubsub

import (
	"fmt"
	"time"

	"github.com/trefoilgo/trefoil/transport"
)

// Rule says what holds for the topics that a pattern matches. The first rule that matches counts, and what no
// rule matches is denied to clients.
type Rule struct {
	// Topic is a topic or filter; "*" is one segment, ">" at the end one or more. Namespaces are named: ">" is
	// every topic without one, "shop:>" every one of that namespace.
	Topic string
	// Publish and Subscribe decide who may; nil denies everyone. They must not wait: they run on the session's reader.
	// Whether a client may subscribe to a wildcard is decided once, on the filter itself: the first rule that has any topic in common with the filter must
	// cover all of it. Subscribe also decides about [Client.Members].
	Publish, Subscribe Allow
	// Log names the log of these topics; default the value of Topic. Rules may share a log if they keep the same. Ignored without history.
	Log string
	// History is how many publications of each topic are kept; default 0, none: then there are
	// no offsets, and whoever was away is told of an unknown gap. -1 keeps them all, as far as HistoryAge and HistoryBytes allow.
	History int
	// HistoryAge is for how long they are kept; default 0, for ever.
	HistoryAge time.Duration
	// HistoryBytes bounds what all topics of the log keep together; default is the broker's (64 MiB in memory).
	HistoryBytes int64
	// Members keeps, for each topic, who is subscribed to it (not through a wildcard): see [Client.Members].
	Members bool
	// Slow says what happens to a session that does not read fast enough; default Keep.
	Slow Slow
}

// Slow is what happens to a subscriber whose connection cannot keep up. Nothing of it ever slows down the publisher or others.
type Slow int

const (
	// Keep holds the connection. With history the subscription catches up from there as soon as there is room; without it publications are
	// dropped and counted, and the subscriber is told by a [Gap].
	Keep Slow = iota
	// Disconnect ends the session with slow_consumer; the client comes back and resumes.
	Disconnect
)

// Allow decides whether a client may. It must not wait.
type Allow func(Access) bool

// Access is what a rule decides about.
type Access struct {
	// Identity is who the session acts for.
	Identity transport.Identity
	// Client is the session's client.
	Client transport.ID
	// Topic is the topic to publish to, or the filter to subscribe to.
	Topic string
}

// AllowAll lets everybody. Write it where everybody is meant.
func AllowAll(Access) bool { return true }

func (a Allow) allows(s *transport.Session, name string) bool {
	return a != nil && a(Access{Identity: s.Identity(), Client: s.Client(), Topic: name})
}

// check panics on a rule that makes no sense: it is part of the program.
func (r *Rule) check() {
	if err := checkFilter(r.Topic); err != nil {
		panic(fmt.Sprintf("pubsub: rule %q: %v", r.Topic, err))
	}
	if r.History < -1 || r.HistoryAge < 0 || r.HistoryBytes < 0 || r.Slow < Keep || r.Slow > Disconnect || len(r.Log) > maxName {
		panic(fmt.Sprintf("pubsub: rule %q: value out of range", r.Topic))
	}
	if r.History == 0 && (r.HistoryAge != 0 || r.HistoryBytes != 0) {
		panic(fmt.Sprintf("pubsub: rule %q: bounds on a history that is not kept", r.Topic))
	}
}

func (r *Rule) retention() Retention {
	return Retention{Count: max(r.History, 0), Age: r.HistoryAge, Bytes: r.HistoryBytes}
}
