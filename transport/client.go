package transport

import (
	"context"
	"crypto/tls"
	"iter"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// ClientOptions configure a [Client]. The zero value and nil are good.
type ClientOptions struct {
	// Key is who the client is, across reconnects and restarts. Default: a new random key. Somebody else may have a Key that is given here, so
	// one who is superseded does not come back.
	Key Key
	// Storage is where the client's key is kept, over restarts; the patterns that are to keep something get it too. Key
	// must be zero then. Its key is this client's alone, so that what supersedes it is a predecessor of its own that was late: it comes back.
	Storage Storage
	// JSON chooses the JSON codec instead of msgpack.
	JSON bool
	// Credentials is asked before every connection; nil sends none. An error fails that attempt, and the client tries again after a
	// backoff; but invalid_argument, unauthenticated and permission_denied end it: no further attempt would find any.
	Credentials func(ctx context.Context) (map[string]map[string]any, error)
	// Header is sent with the upgrade request (cookies for instance). Ignored if Dialer is set.
	Header http.Header
	// TLS configures wss connections; nil uses the defaults. Ignored if Dialer is set.
	TLS *tls.Config
	// Dialer opens connections; default a WebSocketDialer made of Header and TLS.
	Dialer Dialer
	// Agent names the program and its version, for the server's logs; default "trefoil-go".
	Agent string
	// MinBackoff and MaxBackoff bound the reconnect delay; defaults 100 ms and 30 s.
	MinBackoff, MaxBackoff time.Duration
	// MaxAttempts ends the client after so many failed connections in a row; 0 means never.
	MaxAttempts int
	// ConnectTimeout bounds one attempt, from dialling to welcome; default 20 s.
	ConnectTimeout time.Duration
	// MaxMessage, MaxFrame, MaxPartial limit what the server may send, in bytes; defaults 1 MiB, 4 MiB, 8 MiB.
	MaxMessage, MaxFrame, MaxPartial int
	// Outbound bounds the bytes queued towards the server; default 1 MiB.
	Outbound int
	// Logger; default slog.Default().
	Logger *slog.Logger
}

// Client is one client's connection to a server, kept up over reconnects. All methods may be called from several goroutines.
type Client struct {
	url      string
	opts     ClientOptions
	limits   limits
	backoff  backoff
	alone    bool // nobody else that lives has the key
	patterns []Pattern
	features []string
	log      *slog.Logger

	ctx     context.Context // done when Close was called
	cancel  context.CancelFunc
	done    chan struct{} // the client's goroutine has ended
	failed  atomic.Bool   // Dial has failed: its patterns may be used again
	state   stateCell
	live    atomic.Pointer[Session] // open
	mu      sync.Mutex
	current *Session  // the last one that was made
	until   time.Time // a goaway asked to come back then
}

// Dial connects to url ("ws://" or "wss://") and returns when the first session is open. It fails
// at once if the first attempt fails (a client that should wait for its server calls [Connect]).
// ctx bounds the first attempt only. It panics on options that contradict each
// other and on patterns of the same name, as [NewServer] does.
func Dial(ctx context.Context, url string, opts *ClientOptions, patterns ...Pattern) (*Client, error) {
	c := newClient(url, opts, patterns)
	first := make(chan error, 1)
	go c.run(ctx, first)
	select {
	case err := <-first:
		if err != nil {
			<-c.done
			return nil, err
		}
		return c, nil
	case <-ctx.Done():
		c.failed.Store(true) // even if a session opens just now
		c.Close()
		return nil, context.Cause(ctx)
	}
}

// Connect is Dial that does not wait: the client connects in the background and keeps trying.
func Connect(url string, opts *ClientOptions, patterns ...Pattern) *Client {
	c := newClient(url, opts, patterns)
	go c.run(context.Background(), nil)
	return c
}

func newClient(url string, opts *ClientOptions, patterns []Pattern) *Client {
	c := &Client{url: url, patterns: patterns, done: make(chan struct{})}
	if opts != nil {
		c.opts = *opts
	}
	o := &c.opts
	c.alone = o.Key == (Key{})
	switch {
	case o.Storage != nil && o.Key != (Key{}):
		panic("transport: ClientOptions has a Key and a Storage, which has one of its own")
	case o.Storage != nil:
		o.Key = o.Storage.Key()
	case o.Key == (Key{}):
		o.Key = NewKey()
	}
	if o.Agent == "" {
		o.Agent = "trefoil-go"
	}
	if o.Dialer == nil {
		o.Dialer = &WebSocketDialer{Header: o.Header, TLS: o.TLS}
	}
	c.limits = own(o.MaxMessage, o.MaxFrame, o.MaxPartial)
	o.Outbound = checked("Outbound", o.Outbound, defaultOutbound)
	o.MaxAttempts = checked("MaxAttempts", o.MaxAttempts, 0)
	o.ConnectTimeout = checked("ConnectTimeout", o.ConnectTimeout, 20*time.Second)
	c.backoff = backoff{
		checked("MinBackoff", o.MinBackoff, 100*time.Millisecond),
		checked("MaxBackoff", o.MaxBackoff, 30*time.Second),
	}
	if c.log = o.Logger; c.log == nil {
		c.log = slog.Default()
	}
	_, c.features = number(patterns)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// ID is the client's id.
func (c *Client) ID() ID { return c.opts.Key.Client() }

// State is the state of the connection now.
func (c *Client) State() State {
	s, _ := c.state.get()
	return s
}

// States yields the present state and then every change until ctx is done or the client is closed for good (that state is the last one).
// A slow consumer skips intermediate states but never misses the latest.
func (c *Client) States(ctx context.Context) iter.Seq[State] { return c.state.watch(ctx) }

// Session is the live session, nil while there is none.
func (c *Client) Session() *Session {
	s := c.live.Load()
	if s == nil || s.Err() != nil {
		return nil
	}
	return s
}

// Close ends the client for good: its session closes as normal, nothing reconnects. It waits until its goroutines have ended. Idempotent.
// It must not be called from a pattern's Attach, Receive, Close or Finish, which would wait for themselves. It always returns nil.
func (c *Client) Close() error {
	c.cancel()
	c.mu.Lock()
	s := c.current
	c.mu.Unlock()
	if s != nil {
		s.Close(CloseNormal, "")
	}
	<-c.done
	return nil
}
