package transport

import "context"

// The subprotocols of docs/PROTOCOL.md, section 1: what a connection's messages
// are written in.
const (
	SubprotocolMsgpack = "trefoil.1.msgpack"
	SubprotocolJSON    = "trefoil.1.json"
)

// Dialer opens connections. [WebSocketDialer] is the usual one, [Server.Pipe]
// the one in memory. A Dialer may be used by several goroutines at once.
type Dialer interface {
	// Dial opens a connection to url that speaks subprotocol, or fails. It gives
	// up when ctx is done; afterwards ctx has no bearing on the connection.
	Dial(ctx context.Context, url, subprotocol string) (Conn, error)
}

// Conn is one connection that carries whole messages: a WebSocket, a pipe in
// memory. One goroutine reads, one at a time writes; Close may be called by any.
type Conn interface {
	// Subprotocol is what the two ends agreed on.
	Subprotocol() string

	// Observe is called once, before the first Read. From then on the connection
	// calls before on the reading goroutine whenever Read has used up all
	// that has arrived and is about to wait (now and then also when it is not), and after when bytes have arrived.
	Observe(before, after func())

	// SetReadLimit bounds the messages that Read accepts, in bytes. It is called on
	// the reading goroutine, between Reads.
	SetReadLimit(n int)

	// Read returns the next message, valid until the next Read. [ErrMessageTooLarge]
	// means that one message was beyond the limit and is skipped; any other error
	// is final. When the peer sent a close frame that is a *[CloseError].
	Read() ([]byte, error)

	// Write sends msg as one message and returns when msg may be reused. It waits as long as the
	// peer does not read. An error is final.
	Write(msg []byte) error

	// WriteClose sends a close frame, the last that is written. It may wait as Write does.
	WriteClose(code CloseCode, reason string) error

	// Close cuts the connection at once and makes a waiting Read or Write fail.
	// More than one call does no harm.
	Close() error
}
