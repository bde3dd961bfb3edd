package transport

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// ServerOptions configure a [Server]. The zero value and nil are good.
type ServerOptions struct {
	// Authenticate decides who a connecting client is. nil lets everyone in as
	// anonymous; the patterns' rules deny what is not allowed to them.
	Authenticate func(ctx context.Context, h *Hello) (Identity, error)
	// AllowedOrigins lists origins ("https://example.org") that browsers may connect from besides
	// the server's own; "*" allows all. Default: same origin only. A request without Origin header is no browser's and passes.
	AllowedOrigins []string
	// MaxMessage, MaxFrame, MaxPartial limit what a client may send, in bytes; defaults 1 MiB, 4 MiB, 8 MiB.
	MaxMessage, MaxFrame, MaxPartial int
	// Outbound bounds the bytes queued for one session; default 1 MiB.
	Outbound int
	// Heartbeat is the interval after which a silent session is asked for a sign of life; default 15 s.
	Heartbeat time.Duration
	// HandshakeTimeout bounds the time from upgrade to hello; default 10 s.
	HandshakeTimeout time.Duration
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
	// Request is the HTTP request of the upgrade (cookies, TLS, remote address); nil on an in-memory connection. Its body must not be read.
	Request *http.Request
}

// Server accepts connections and hands their frames to its patterns. It is an http.Handler.
type Server struct{}

// NewServer makes a server for patterns. It panics on options that contradict each other or
// patterns of the same name: both are mistakes of the program.
func NewServer(opts *ServerOptions, patterns ...Pattern) *Server { panic("todo") }

// ServeHTTP upgrades r to a WebSocket and returns; the session lives on its own goroutine.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { panic("todo") }

// Pipe returns a Dialer of in-memory connections to s, for tests and clients in the same process.
func (s *Server) Pipe() Dialer { panic("todo") }

// Node is the id of this process, random at each start.
func (s *Server) Node() ID { panic("todo") }

// Close ends all sessions with going_away, waits until their goroutines have ended (or ctx is done), and refuses new ones.
func (s *Server) Close(ctx context.Context) error { panic("todo") }
