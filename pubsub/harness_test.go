package pubsub

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/transport"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// open is a rule that lets everybody do everything on topic.
func open(topic string, history int) Rule {
	return Rule{Topic: topic, Publish: AllowAll, Subscribe: AllowAll, History: history}
}

// world is a server with a hub.
type world struct {
	t      testing.TB
	ctx    context.Context
	hub    *Hub
	server *transport.Server
	url    string // of a real socket, if asked for
}

func newWorld(t testing.TB, opts *HubOptions, server *transport.ServerOptions) *world {
	t.Helper()
	if server == nil {
		server = &transport.ServerOptions{}
	}
	server.Logger = quiet()
	hub := NewHub(opts)
	w := &world{t: t, hub: hub, server: transport.NewServer(server, hub)}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	w.ctx = ctx
	t.Cleanup(func() {
		w.server.Close(context.Background())
		hub.Close()
		cancel()
	})
	return w
}

// listen makes clients of w use real sockets.
func (w *world) listen() *world {
	s := httptest.NewServer(w.server)
	w.url = "ws" + strings.TrimPrefix(s.URL, "http")
	w.t.Cleanup(s.Close)
	return w
}

// rules is a world with these rules.
func rules(t testing.TB, r ...Rule) *world { return newWorld(t, &HubOptions{Rules: r}, nil) }

// client is a connected client of w.
type client struct {
	*Client
	conn   *transport.Client
	dialer *cutter
}

func (w *world) client(change func(*transport.ClientOptions)) *client {
	w.t.Helper()
	c := &client{Client: NewClient(nil)}
	opts := &transport.ClientOptions{Logger: quiet(), MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond}
	if w.url == "" {
		c.dialer = &cutter{inner: w.server.Pipe()}
		opts.Dialer = c.dialer
	}
	if change != nil {
		change(opts)
	}
	var err error
	if c.conn, err = transport.Dial(w.ctx, w.url, opts, c.Client); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.conn.Close() })
	return c
}

func asJSON(o *transport.ClientOptions) { o.JSON = true }

// cutter is a dialer whose connections can be cut, and which can refuse to make new ones.
type cutter struct {
	inner transport.Dialer

	mu   sync.Mutex
	down bool
	live []*cutConn
}

func (d *cutter) Dial(ctx context.Context, url, subprotocol string) (transport.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return nil, errors.New("down")
	}
	c, err := d.inner.Dial(ctx, url, subprotocol)
	if err != nil {
		return nil, err
	}
	cut := &cutConn{Conn: c, after: -1}
	d.live = append(d.live, cut)
	return cut, nil
}

// cut breaks every connection now.
func (d *cutter) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.live {
		c.Conn.Close()
	}
	d.live = nil
}

// setDown forbids or allows new connections.
func (d *cutter) setDown(down bool) {
	d.mu.Lock()
	d.down = down
	d.mu.Unlock()
}

// cutAfter breaks the present connections after n more messages from the server.
func (d *cutter) cutAfter(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.live {
		c.mu.Lock()
		c.after = n
		c.mu.Unlock()
	}
}

type cutConn struct {
	transport.Conn
	mu    sync.Mutex
	after int
}

func (c *cutConn) Read() ([]byte, error) {
	c.mu.Lock()
	n := c.after
	if n > 0 {
		c.after--
	}
	c.mu.Unlock()
	if n == 0 {
		c.Conn.Close()
		return nil, io.ErrUnexpectedEOF
	}
	return c.Conn.Read()
}

// next takes one element of a feed, and fails the test if it ends.
func next[T any](t testing.TB, ctx context.Context, s *Subscription[T]) (Message[T], error) {
	t.Helper()
	for m, err := range s.All(ctx) {
		return m, err
	}
	t.Fatalf("%s ended", s.Filter())
	panic("unreachable")
}

// want takes the next elements, which must be these values without gap.
func want[T comparable](t testing.TB, ctx context.Context, s *Subscription[T], values ...T) (last Message[T]) {
	t.Helper()
	for i, v := range values {
		m, err := next(t, ctx, s)
		if err != nil || m.Value != v {
			t.Fatalf("%s: element %d is %v, %v; want %v", s.Filter(), i, m.Value, err, v)
		}
		last = m
	}
	return last
}

// wantGap takes the next element, which must be a gap.
func wantGap[T any](t testing.TB, ctx context.Context, s *Subscription[T], cause Cause) *Gap {
	t.Helper()
	m, err := next(t, ctx, s)
	var g *Gap
	if !errors.As(err, &g) || g.Cause != cause {
		t.Fatalf("%s: %+v, %v; want a gap: %v", s.Filter(), m, err, cause)
	}
	return g
}

func subscribe[T any](t testing.TB, ctx context.Context, c *client, filter string, opts ...SubscribeOption) *Subscription[T] {
	t.Helper()
	s, err := Subscribe[T](ctx, c.Client, filter, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func publish(t testing.TB, ctx context.Context, p Publisher, topic string, v any, opts ...PublishOption) Position {
	t.Helper()
	at, err := p.Publish(ctx, topic, v, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
