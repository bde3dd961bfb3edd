package transport

import (
	"context"
	"iter"
	"time"

	"github.com/trefoilgo/trefoil/status"
)

// Cluster lets the nodes of one server know each other's sessions and send to them. An implementation stands on what
// nodes share: a message system, a store with leases, or, for [MemoryCluster], one process. clustertest holds its contract as tests.
type Cluster interface {
	// Join makes node a member and returns its membership, which renews the node's lease by itself until [Membership.Leave], or
	// until the lease lapses all the same. handler receives what other members send. A node id that
	// is a member already is refused with already_exists, [ErrNodeExists]. ctx bounds joining, not the membership.
	Join(ctx context.Context, node ID, handler ClusterHandler) (Membership, error)
}

// ClusterHandler receives what other nodes send to the sessions of this one. Its methods are called one at a
// time, never with a lock held: they may call the [Membership], except for Leave. While one runs, the
// next message waits, so they should hand on what takes long. A session that has just ended may still be named: they pass over
// what they do not know.
type ClusterHandler interface {
	// Deliver hands over bytes for session, which are the handler's to keep.
	Deliver(from, session ID, msg []byte)
	// Close asks for the end of session.
	Close(from, session ID, code CloseCode, reason string)
}

// Membership is one node's place in a [Cluster]. All its methods may be called from several goroutines at once. They fail with unavailable,
// [ErrNotMember], once the membership has ended; unavailable with outcome unknown if the cluster did not answer.
//
// A node that stops renewing its lease, because it crashed or was cut off, is gone with all its sessions within one lease, as each
// observer's monotonic clock measures it from the last renewal that it saw. The node itself is told by Done.
type Membership interface {
	// Register makes a session of this node known, or replaces its record. A [Membership.Sessions] that begins on any node after Register
	// has returned nil yields it. So of two nodes that register sessions of one client and then look, at least one
	// sees the other's. The record's Node is set to this node. A session that another node has registered is refused with already_exists.
	Register(ctx context.Context, r SessionRecord) error

	// Unregister removes a session of this node. One that is not registered is no error. Once it has returned nil no
	// Sessions that begins afterwards yields it.
	Unregister(ctx context.Context, session ID) error

	// Sessions yields the sessions of all nodes that f selects, in no order, each once. One that comes or goes meanwhile may be
	// among them or not. An error is the last thing yielded.
	Sessions(ctx context.Context, f SessionFilter) iter.Seq2[SessionRecord, error]

	// SendTo sends bytes to the node that holds session (which may be this one), for its handler. It delivers at most once: nil means that the
	// message is on its way, not that it arrives; it is lost with the receiving node. What one node sends to
	// another, by SendTo and CloseSession, arrives in the order of the calls. msg stays the caller's. Messages of up to 512 KiB are accepted
	// by every implementation; a larger one may be refused with [ErrFrameTooLarge]. [ErrNoSession] (not_found) and [ErrFull] (resource_exhausted: the receiver is behind) mean
	// that nothing was sent.
	SendTo(ctx context.Context, session ID, msg []byte) error

	// CloseSession asks the node that holds session to end it. It is delivered as by SendTo.
	CloseSession(ctx context.Context, session ID, code CloseCode, reason string) error

	// Done is closed when the membership has ended: by Leave, or because the lease lapsed. After a lapse the node's sessions
	// are no longer known to the others: it joins again, with the same id if it likes, and registers them again.
	Done() <-chan struct{}

	// Leave ends the membership and removes the node's sessions at once. When it returns nil, the handler does not run and will
	// not be called again. Leaving twice is no error.
	Leave(ctx context.Context) error
}

// SessionRecord is what a cluster knows of a session.
type SessionRecord struct {
	// Session, Client and Node are ids; the session's is the record's key.
	Session, Client, Node ID
	// User is the user's name, "" for anonymous.
	User string
	// Since is when the session opened, by its node's clock. For display.
	Since time.Time
}

// SessionFilter selects sessions: those that match all its fields that are not zero. The zero filter selects all.
type SessionFilter struct {
	Session, Client, Node ID
	User                  string
}

// Match reports whether f selects r.
func (f SessionFilter) Match(r SessionRecord) bool {
	return (f.Session.IsZero() || f.Session == r.Session) &&
		(f.Client.IsZero() || f.Client == r.Client) &&
		(f.Node.IsZero() || f.Node == r.Node) &&
		(f.User == "" || f.User == r.User)
}

// Errors of a [Cluster]; compare with errors.Is.
const (
	// ErrNodeExists: a node of that id is a member, or was until less than a lease ago.
	ErrNodeExists = status.Reason("transport.node_exists")
	// ErrNotMember: the membership has ended; nothing was done.
	ErrNotMember = status.Reason("transport.not_member")
	// ErrNoSession: no member holds the session; nothing was sent.
	ErrNoSession = status.Reason("transport.no_session")
	// ErrSessionExists: another node holds the session; nothing was registered.
	ErrSessionExists = status.Reason("transport.session_exists")
)
