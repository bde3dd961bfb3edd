package transport

import (
	"context"
	"crypto/tls"
	"iter"
	"log/slog"
	"net/http"
	"time"
)

// Dialer opens one connection. [WebSocketDialer] is the usual one; [Server.Pipe] the one in memory.
type Dialer interface {
	// Dial opens a connection to url, or fails before ctx is done.
	Dial(ctx context.Context, url string) (Conn, error)
}

// Conn is one connection that carries whole messages: a WebSocket, an in-memory pipe.
type Conn interface{}

// ClientOptions configure a [Client]. The zero value and nil are good.
type ClientOptions struct {
	// Key is who the client is, across reconnects and restarts. Default: a new random key.
	Key Key
	// JSON chooses the JSON codec instead of msgpack.
	JSON bool
	// Credentials is asked before every connection; nil sends none.
	Credentials func(ctx context.Context) (map[string]map[string]any, error)
	// Header is sent with the upgrade request (cookies for instance). Ignored by the in-memory dialer.
	Header http.Header
	// TLS configures wss connections; nil uses the defaults.
	TLS *tls.Config
	// Dialer opens connections; default a WebSocketDialer made of Header and TLS.
	Dialer Dialer
	// MinBackoff and MaxBackoff bound the reconnect delay; defaults 100 ms and 30 s.
	MinBackoff, MaxBackoff time.Duration
	// MaxAttempts ends the client after so many failed connections in a row; 0 means never.
	MaxAttempts int
	// MaxMessage, MaxFrame, MaxPartial limit what the server may send, in bytes; defaults 1 MiB, 4 MiB, 8 MiB.
	MaxMessage, MaxFrame, MaxPartial int
	// Outbound bounds the bytes queued towards the server; default 1 MiB.
	Outbound int
	// Logger; default slog.Default().
	Logger *slog.Logger
}

// Client is one client's connection to a server, kept up over reconnects. All methods may be called from several goroutines.
type Client struct{}

// Dial connects to url ("ws://" or "wss://") and returns when the first session is open. It fails
// at once if the first attempt fails (a client that should wait for its server calls [Connect]).
func Dial(ctx context.Context, url string, opts *ClientOptions, patterns ...Pattern) (*Client, error) {
	panic("todo")
}

// Connect is Dial that does not wait: the client connects in the background and keeps trying.
func Connect(url string, opts *ClientOptions, patterns ...Pattern) *Client { panic("todo") }

// ID is the client's id.
func (c *Client) ID() ID { panic("todo") }

// State is the state of the connection now.
func (c *Client) State() State { panic("todo") }

// States yields the present state and then every change until ctx is done or the client is closed for good (that state is the last one).
// A slow consumer skips intermediate states but never misses the latest.
func (c *Client) States(ctx context.Context) iter.Seq[State] { panic("todo") }

// Session is the live session, nil while there is none.
func (c *Client) Session() *Session { panic("todo") }

// Close ends the client for good: its session closes as normal, nothing reconnects. It waits until its goroutines have ended. Idempotent.
func (c *Client) Close() error { panic("todo") }

// Phase is where a client's connection stands.
type Phase int

// The phases of a client's connection.
const (
	Connecting Phase = iota // trying, now or after a backoff
	Open                    // a session is live
	Closed                  // for good: by Close, by a close code that forbids coming back, or after MaxAttempts
)

// State is an observable state of a [Client].
type State struct {
	Phase Phase
	// Session is the id of the live session, zero unless Open.
	Session ID
	// Attempt counts failed connections in a row while Connecting.
	Attempt int
	// Retry is when the next attempt begins, zero unless one is scheduled.
	Retry time.Time
	// Err is why the last session or attempt ended; nil while Open.
	Err error
}
