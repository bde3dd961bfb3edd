package transport

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trefoilgo/trefoil/status"
)

// Session is one connection from welcome to close, on either side. All its
// methods may be called from several goroutines at once.
//
// What a broadcast looks at comes first and close together: with thousands of sessions each line of the cache that it needs is fetched from far memory. And whatever
// is only there for a while is behind a pointer: most sessions of a server are idle.
type Session struct {
	pool      *writerPool  // nil on a client, and where writing cannot be tried
	try       trier        // of conn, if writing to it can be tried
	lastWrite atomic.Int64 // see now
	born      time.Time
	server    bool
	json      bool
	greeting  bool // a server's: it counts as in its handshake; needs the server's mutex
	open      atomic.Bool
	out       outbound

	conn  Conn
	own   *limits // what this side accepts
	log   *slog.Logger
	greet func(s *Session, h header) // takes the first frame: hello or welcome

	// Written while opening, before open is set.
	id       ID
	client   ID
	identity Identity
	bound    []bound
	features []string
	goaway   func(delay time.Duration, reason string) // a client's; nil on a server
	agent    string
	since    int64 // a server's: when it was admitted, in ms since 1970

	listed   atomic.Bool // the cluster may know it; since and what stands above no longer change
	unlisted atomic.Bool // it has ended: the cluster shall not know it

	in inbound

	// delivery is held while frames are handed to receivers, and to detach them.
	delivery sync.Mutex
	detached latch // the receivers are closed
	readDone latch // the reading goroutine has ended
	done     latch // all goroutines have ended
	work     sync.WaitGroup
	writeFn  func()

	ctx    context.Context
	cancel context.CancelCauseFunc
	giveUp context.CancelCauseFunc // ends the context of the handshake, while that goes on; needs out.mu
	ending atomic.Pointer[ending]

	lastRead  atomic.Int64
	writeFrom atomic.Int64 // when the write that is under way began, 0 if none is
	pinged    int64        // the lastRead after which a ping was sent; the sweeper's
	handshake *time.Timer  // until welcome
	watcher   *time.Timer  // a client's, after welcome
	host      *Server      // nil on a client
}

// ending is why a session ended. Only the first counts.
type ending struct {
	code   CloseCode
	reason string
	err    *status.Error
	remote bool // the peer said so
	cut    bool // nothing can be sent any more
}

// bound is a pattern of this session.
type bound struct {
	name     string
	number   int
	receiver Receiver
}

// now is the time since the session was made, at least 1: monotonic, and a
// single word to store.
func (s *Session) now() int64 { return 1 + int64(time.Since(s.born)) }

func newSession(conn Conn, server bool, accepts *limits, budget int, log *slog.Logger) *Session {
	s := &Session{
		conn: conn, server: server, own: accepts, log: log,
		json: conn.Subprotocol() == SubprotocolJSON,
		born: time.Now(),
	}
	s.out.init(s.json, budget)
	s.try, s.out.masks = triesWriting(conn)
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.writeFn = s.write
	s.lastRead.Store(s.now())
	s.lastWrite.Store(s.now())
	return s
}

// ID is the session's id, unique in the cluster.
func (s *Session) ID() ID { return s.id }

// Client is the id of the client at the far end on a server, the own id on a client.
func (s *Session) Client() ID { return s.client }

// Identity is who the session acts for, as Authenticate returned it; on a client
// only User is known.
func (s *Session) Identity() Identity { return s.identity }

// record is the session as a cluster knows it.
func (s *Session) record() SessionRecord {
	return SessionRecord{Session: s.id, Client: s.client, User: s.identity.User, Since: time.UnixMilli(s.since).UTC()}
}

// Server reports whether this is the server's end.
func (s *Session) Server() bool { return s.server }

// Agent is how the peer's software names itself, "" if it does not; always "" on a
// client. It is what the peer says: for logs only.
func (s *Session) Agent() string { return s.agent }

// JSON reports whether the connection speaks JSON. Patterns need not care:
// frames are msgpack on both sides of them.
func (s *Session) JSON() bool { return s.json }

// Context is cancelled when the session ends; its cause is the session's error.
func (s *Session) Context() context.Context { return s.ctx }

// Feature reports whether the peer listed name among its features.
func (s *Session) Feature(name string) bool {
	for _, f := range s.features {
		if f == name {
			return true
		}
	}
	return false
}

// Number is the number of the pattern called name in this session's frames; ok
// is false if one of the sides does not speak it.
func (s *Session) Number(name string) (n int, ok bool) {
	for _, b := range s.bound {
		if b.name == name {
			return b.number, true
		}
	}
	return 0, false
}

// MaxFrame is the largest frame in bytes that the peer accepts, in the
// connection's codec: JSON may be several times as long as the same frame in msgpack.
func (s *Session) MaxFrame() int {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return min(s.out.peer.frame, s.out.peer.partial)
}

// handshakeContext is a context for the handshake that ends with the session, too. It is no child of the session's: that
// would keep a map for children as long as it lives.
func (s *Session) handshakeContext(timeout time.Duration) (context.Context, context.CancelFunc) {
	parent, giveUp := context.WithCancelCause(context.Background())
	ctx, cancel := context.WithTimeout(parent, timeout)
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if e := s.ending.Load(); e != nil {
		giveUp(e.err)
	}
	s.giveUp = giveUp
	return ctx, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		s.giveUp = nil
		cancel()
		giveUp(nil)
	}
}

// Err is nil while the session lives, and why it ended afterwards: a
// *status.Error of code unavailable whose reason is "transport.connection_lost"
// or "transport." and the name of the close code. errors.Is(err, ErrClosed) holds.
func (s *Session) Err() error {
	if e := s.ending.Load(); e != nil {
		return e.err
	}
	return nil
}

// Close ends the session with a close code of docs/PROTOCOL.md, section 4. What was
// queued before is still sent if the peer takes it soon, unless the code is
// [CloseSlowConsumer] or [CloseHeartbeat]. It does not wait for the peer. Only the first
// call counts.
func (s *Session) Close(code CloseCode, reason string) {
	s.end(&ending{code: code, reason: reason, err: closeError(code, reason, nil)})
}

// Done is closed when everything about the session has ended: its receivers are
// closed and its goroutines gone. Context is done earlier.
func (s *Session) Done() <-chan struct{} { return s.done.channel() }
