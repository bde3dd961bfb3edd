package transport

import (
	"context"

	"github.com/trefoilgo/trefoil/codec"
)

// Session is one connection from welcome to close, on either side. All its
// methods may be called from several goroutines at once.
type Session struct{}

// ID is the session's id, unique in the cluster.
func (s *Session) ID() ID { panic("todo") }

// Client is the id of the client at the far end on a server, the own id on a client.
func (s *Session) Client() ID { panic("todo") }

// Identity is who the session acts for, as Authenticate returned it; on a client
// only User is known.
func (s *Session) Identity() Identity { panic("todo") }

// Server reports whether this is the server's end.
func (s *Session) Server() bool { panic("todo") }

// Context is cancelled when the session ends; its cause is the session's error.
func (s *Session) Context() context.Context { panic("todo") }

// Feature reports whether the peer listed name among its features.
func (s *Session) Feature(name string) bool { panic("todo") }

// Number is the number of the pattern called name in this session's frames; ok
// is false if one of the sides does not speak it.
func (s *Session) Number(name string) (n int, ok bool) { panic("todo") }

// MaxFrame is the largest frame in bytes that the peer accepts.
func (s *Session) MaxFrame() int { panic("todo") }

// TrySend queues one msgpack frame and never waits. It copies frame, which stays
// the caller's. Errors: [ErrFull] if the outbound budget has no room now (nothing
// was queued; see [Session.AfterDrain]), [ErrFrameTooLarge] if the peer would not accept it, or
// the session's error if it has ended.
func (s *Session) TrySend(frame []byte) error { panic("todo") }

// Send is TrySend that waits for room until ctx is done or the session ends.
// Never call it from [Receiver.Receive].
func (s *Session) Send(ctx context.Context, frame []byte) error { panic("todo") }

// TrySendShared is TrySend of a frame that many sessions share; it is not copied.
func (s *Session) TrySendShared(f *Shared) error { panic("todo") }

// AfterDrain calls fn once, on a goroutine of the transport, when the outbound queue has
// fallen to half of its budget; at once (but not before AfterDrain returns) if it is already there. fn must not
// wait. It is not called after the session has ended.
func (s *Session) AfterDrain(fn func()) { panic("todo") }

// Close ends the session with a close code of docs/PROTOCOL.md, section 4. It does not wait
// for the peer. Only the first call counts.
func (s *Session) Close(code CloseCode, reason string) { panic("todo") }

// Err is nil while the session lives, and why it ended afterwards.
func (s *Session) Err() error { panic("todo") }

// Shared is one frame for many sessions: encoded once for each codec, whoever
// asks first. Immutable and safe for concurrent use.
type Shared struct{ frame codec.Raw }

// NewShared makes a Shared of one msgpack frame, which it owns from now on.
func NewShared(frame []byte) *Shared { return &Shared{frame: frame} }

// Broadcast queues f for each session and never waits. For each session that
// refused it, refused is called with TrySend's error before Broadcast goes on; it must not wait.
func Broadcast(sessions []*Session, f *Shared, refused func(*Session, error)) { panic("todo") }
