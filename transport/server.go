package transport

import (
	"context"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// ServerOptions configure a [Server]. The zero value and nil are good.
type ServerOptions struct {
	// Authenticate decides who a connecting client is. nil lets everyone in as
	// anonymous; the patterns' rules deny what is not allowed to them. It runs on the connection's goroutine and may wait, as long as ctx
	// lives: for HandshakeTimeout, or until the connection is closed. Its error chooses the close code: unauthenticated (4101) and permission_denied
	// (4102) are final for the client; unavailable, resource_exhausted, deadline_exceeded and canceled make it come
	// back (4004), any other error too (4003), and is logged. Only a *status.Error's message is told to the client.
	Authenticate func(ctx context.Context, h *Hello) (Identity, error)
	// AllowedOrigins lists origins ("https://example.org") that browsers may connect from besides
	// the server's own; "*" allows all, "null" those of sandboxed pages and files. Default: same host and port only, as the Host header
	// has them (a proxy must pass that on; X-Forwarded-Host is not believed). A request without Origin header is no browser's and passes.
	AllowedOrigins []string
	// MaxMessage, MaxFrame, MaxPartial limit what a client may send, in bytes; defaults 1 MiB, 4 MiB, 8 MiB.
	MaxMessage, MaxFrame, MaxPartial int
	// Outbound bounds the bytes queued for one session; default 1 MiB.
	Outbound int
	// Heartbeat is the interval after which a silent session is asked for a sign of life; default 15 s.
	Heartbeat time.Duration
	// HandshakeTimeout bounds the time from upgrade to hello, and then that from hello to welcome; default 10 s.
	HandshakeTimeout time.Duration
	// MaxSessions bounds the sessions of this server; 0 means no limit. A client beyond it is
	// refused as overloaded (4004) when it has logged in, and comes back later; one that takes the place of its own older session is not beyond it.
	MaxSessions int
	// MaxHandshakes bounds the connections that are no sessions: those that have not logged in yet, and those that were
	// refused and are not gone; default 4,096. One beyond it is answered 503 before the upgrade. Each may hold a message of 64 KiB.
	MaxHandshakes int
	// Cluster is where this server meets the others of its kind, so that a client has one session among all of them, and for
	// [Server.Everywhere] and [Server.Kick]. The server joins at once, leaves in [Server.Close] (which must be
	// called then), and joins again by itself when its membership lapses. While it is no member its sessions live on, and nobody
	// new is let in: a client is refused as overloaded (4004) and comes back. nil: the server is alone.
	Cluster Cluster
	// Logger receives what only an operator can act on; default slog.Default().
	Logger *slog.Logger
}

// Hello is what Authenticate sees of a connecting client.
type Hello struct {
	// Client is the client's id.
	Client ID
	// Agent names the client's software.
	Agent string
	// Credentials by namespace, "" the default one; values are codec's value types.
	Credentials map[string]map[string]any
	// Request is the HTTP request of the upgrade (cookies, TLS, remote address); nil on an in-memory connection. Its body must not be read, and its context is done.
	Request *http.Request
}

// Server accepts connections and hands their frames to its patterns. It is an
// http.Handler. Its methods may be called from several goroutines at once.
type Server struct {
	opts     ServerOptions
	node     ID
	limits   limits
	patterns []Pattern
	numbers  []int
	features []string
	upgrade  upgrader
	log      *slog.Logger
	writers  *writerPool

	mu       sync.Mutex
	refusing string // why nobody is let in any more, "" while they are
	sessions map[*Session]struct{}
	greeting int // those of sessions that are in their handshake
	clients  map[ID]*Session
	sweeping bool
	ended    chan struct{} // closed when refusing and the last session has ended

	member *member // nil without a cluster
}

// NewServer makes a server for patterns. It panics on options that contradict each other or
// patterns of the same name: both are mistakes of the program.
func NewServer(opts *ServerOptions, patterns ...Pattern) *Server {
	s := &Server{
		node: NewID(), patterns: patterns,
		sessions: make(map[*Session]struct{}), clients: make(map[ID]*Session),
		ended: make(chan struct{}), writers: newWriterPool(),
	}
	if opts != nil {
		s.opts = *opts
	}
	o := &s.opts
	s.limits = own(o.MaxMessage, o.MaxFrame, o.MaxPartial)
	o.Outbound = checked("Outbound", o.Outbound, defaultOutbound)
	o.Heartbeat = checked("Heartbeat", o.Heartbeat, 15*time.Second)
	o.HandshakeTimeout = checked("HandshakeTimeout", o.HandshakeTimeout, 10*time.Second)
	o.MaxSessions = checked("MaxSessions", o.MaxSessions, 0)
	o.MaxHandshakes = checked("MaxHandshakes", o.MaxHandshakes, 4096)
	if s.log = o.Logger; s.log == nil {
		s.log = slog.Default()
	}
	s.numbers, s.features = number(patterns)
	s.upgrade = newUpgrader(checkedOrigins(o.AllowedOrigins))
	if o.Cluster != nil {
		s.member = newMember(s, o.Cluster)
	}
	return s
}

// checked is value, or byDefault for zero. It panics if value is negative.
func checked[T int | time.Duration](name string, value, byDefault T) T {
	switch {
	case value < 0:
		panic("transport: " + name + " is negative")
	case value == 0:
		return byDefault
	}
	return value
}

// number gives each pattern its number in frames and collects their features.
func number(patterns []Pattern) (numbers []int, features []string) {
	seen := make(map[string]bool)
	free := NumberFirstFree
	for _, p := range patterns {
		name := p.Name()
		if name == "" || len(name) > 255 || seen[name] {
			panic("transport: pattern name " + strconv.Quote(name) + " is empty, too long or used twice")
		}
		seen[name] = true
		n, fixed := fixedNumbers[name]
		if !fixed {
			n = free
			free++
		}
		numbers = append(numbers, n)
		features = append(features, featuresOf(p)...)
	}
	return numbers, features
}

var fixedNumbers = map[string]int{"rpc": NumberRPC, "pubsub": NumberPubSub, "dstm": NumberDSTM}

// featuresOf are the names of optional kinds that p understands: those of its
// method Features() []string, if it has one.
func featuresOf(p Pattern) []string {
	if f, ok := p.(interface{ Features() []string }); ok {
		return f.Features()
	}
	return nil
}

// Node is the id of this process, random at each start.
func (s *Server) Node() ID { return s.node }

// Close ends all sessions with going_away, waits until their goroutines have ended (or ctx is
// done: then it cuts their connections and returns ctx's error), and refuses new ones. Then it leaves the cluster.
func (s *Server) Close(ctx context.Context) error {
	if s.member != nil {
		defer s.member.cancel()
	}
	s.refuse("the server is closed")
	for _, one := range s.all() {
		one.Close(CloseGoingAway, "the server is closed")
	}
	select {
	case <-s.ended:
	case <-ctx.Done():
		for _, one := range s.all() {
			one.conn.Close()
		}
		return context.Cause(ctx)
	}
	if s.member == nil {
		return nil
	}
	s.member.cancel()
	select {
	case <-s.member.left:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// refuse lets nobody in any more.
func (s *Server) refuse(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.refusing == ""
	s.refusing = why
	if first && len(s.sessions) == 0 {
		close(s.ended)
	}
}

// all are the sessions that have not ended altogether, those in handshake included.
func (s *Server) all() []*Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.sessions))
}

// find is the session of that id, nil if there is none.
func (s *Server) find(id ID) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.sessions {
		if one.id == id {
			return one
		}
	}
	return nil
}

// Sessions yields the sessions that are open now, in no order. Sessions that come
// or go meanwhile may be missed.
func (s *Server) Sessions() iter.Seq[*Session] {
	return func(yield func(*Session) bool) {
		for _, one := range s.all() {
			if one.open.Load() && one.Err() == nil && !yield(one) {
				return
			}
		}
	}
}

// Client is the live session of the client, nil if it has none here.
func (s *Server) Client(id ID) *Session {
	s.mu.Lock()
	one := s.clients[id]
	s.mu.Unlock()
	if one == nil || !one.open.Load() || one.Err() != nil {
		return nil
	}
	return one
}
