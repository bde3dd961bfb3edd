package transport

import "github.com/trefoilgo/trefoil/codec"

// Pattern is what plugs into a connection: rpc, pubsub, dstm, or one of the
// user's own. One Pattern value serves all sessions of a [Server], or the
// successive sessions of one [Client].
type Pattern interface {
	// Name is the pattern's name in the handshake. "rpc", "pubsub" and "dstm"
	// have the fixed numbers 1 to 3; a server numbers other names from 16, in the order
	// in which it was given them, and the welcome frame tells the client.
	Name() string

	// Attach is called once when a session opens, before any of its frames is
	// received, and returns what receives them. It must not wait. An error ends
	// the session.
	Attach(s *Session) (Receiver, error)
}

// Receiver takes the frames of one session that belong to one pattern.
type Receiver interface {
	// Receive is called for one frame at a time, in the order of arrival, on the
	// session's reading goroutine. It must not wait: use [Session.TrySend], never
	// [Session.Send]. The frame's bytes are the transport's again when it returns.
	// An error ends the session; a *status.Error chooses the close code
	// (invalid_argument closes as malformed, others as protocol).
	Receive(f Frame) error

	// Close is called exactly once, after the last Receive, when the session has
	// ended; err says why and is never nil. It must not wait.
	Close(err error)
}

// Finisher is a [Pattern] that wants to know when a [Client] has ended for good, so
// that nothing in it waits for a session that will not open.
type Finisher interface {
	// Finish is called once, after the last [Receiver.Close], when the client was closed,
	// or the server or the options forbid another attempt; err is what [State].Err says. It must not wait.
	// It is not called when [Dial] fails: the pattern may be used again then.
	Finish(err error)
}

// Numbers of the patterns in a frame (docs/PROTOCOL.md, section 3).
const (
	NumberControl = 0
	NumberRPC     = 1
	NumberPubSub  = 2
	NumberDSTM    = 3
	// NumberFirstFree is the first number that a server gives to a pattern of the user's own.
	NumberFirstFree = 16
)

// Frame is one inbound frame, already walked and found well-formed, always in
// msgpack whatever the connection's codec. Its bytes are valid until Receive
// returns.
type Frame struct {
	// Kind is the pattern's own number for the frame's meaning.
	Kind int
	// Stream is the key of the frame's stream: an integer or a string, still encoded.
	Stream codec.Raw
	// Body is a cursor over the elements behind the stream key.
	Body codec.Reader
}

// StreamText is the stream key as a string; ok is false if it is none.
func (f *Frame) StreamText() (key string, ok bool) {
	r := codec.NewReader(f.Stream, 1)
	if r.Kind() != codec.String {
		return "", false
	}
	key = r.String()
	return key, r.Err() == nil
}

// StreamNumber is the stream key as an integer; ok is false if it is none.
func (f *Frame) StreamNumber() (key int64, ok bool) {
	r := codec.NewReader(f.Stream, 1)
	if r.Kind() != codec.Int {
		return 0, false
	}
	key = r.Int()
	return key, r.Err() == nil
}

// AppendHeader appends the beginning of a frame of n elements in all: the array
// header, pattern and kind. The stream key and the rest follow by codec's append functions.
func AppendHeader(b []byte, n, pattern, kind int) []byte {
	b = codec.AppendArray(b, n)
	b = codec.AppendInt(b, int64(pattern))
	return codec.AppendInt(b, int64(kind))
}
