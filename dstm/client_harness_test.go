package dstm_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/transport"
)

// hall is a store with a server, and clients whose connections a test can hold and cut.
type hall struct {
	t      *testing.T
	ctx    context.Context
	store  *dstm.Store
	server *transport.Server
	http   *httptest.Server // nil: pipes
	json   bool

	// Whatever is opened through the hall is judged in the end.
	log      *dstm.MemoryLog
	recorder dstmtest.Recorder
}

func newHall(t *testing.T, webSocket, json bool) *hall {
	t.Helper()
	return newHallOf(t, webSocket, json, dstm.Rule{Object: "secret/*"}, dstm.Rule{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll})
}

// newHallOf is newHall with other rules.
func newHallOf(t *testing.T, webSocket, json bool, rules ...dstm.Rule) *hall {
	t.Helper()
	return newHallWith(t, webSocket, json, &dstm.StoreOptions{Rules: rules})
}

// newHallWith is newHall with a store of one's own options.
func newHallWith(t *testing.T, webSocket, json bool, opts *dstm.StoreOptions) *hall {
	t.Helper()
	leak.Check(t)
	log := dstm.NewMemoryLog()
	store, err := dstm.NewStore(log, opts)
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{t: t, ctx: testContext(t), store: store, json: json, log: log}
	h.server = transport.NewServer(&transport.ServerOptions{Logger: quiet()}, store)
	if webSocket {
		h.http = httptest.NewServer(h.server)
	}
	t.Cleanup(func() {
		h.server.Close(context.Background())
		store.Close(context.Background())
		if h.http != nil {
			h.http.Close()
		}
		if err := h.recorder.Check(context.Background(), log); err != nil {
			t.Error(err)
		}
	})
	return h
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// guest is one client.
type guest struct {
	*dstm.Client
	conn *transport.Client
	line *line
	open []dstm.Object
}

func (h *hall) guest() *guest { return h.guestWith(nil) }

func (h *hall) guestWith(opts *dstm.ClientOptions) *guest { return h.guestBudget(opts, 0) }

func (h *hall) guestBudget(opts *dstm.ClientOptions, outbound int) *guest {
	h.t.Helper()
	g := &guest{Client: dstm.NewClient(opts), line: &line{dialer: h.server.Pipe()}}
	url := "pipe:"
	if h.http != nil {
		url = "ws" + strings.TrimPrefix(h.http.URL, "http")
		g.line.dialer = &transport.WebSocketDialer{}
	}
	conn, err := transport.Dial(h.ctx, url, &transport.ClientOptions{
		Dialer: g.line, JSON: h.json, Outbound: outbound, MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond, Logger: quiet(),
	}, g.Client)
	if err != nil {
		h.t.Fatal(err)
	}
	g.conn = conn
	h.t.Cleanup(func() {
		h.compare(g)
		g.Client.Close()
		g.line.let()
		conn.Close()
	})
	return g
}

// compare has the recorder see what a client's replicas hold in the end, if it can come up to the store.
func (h *hall) compare(g *guest) {
	h.t.Helper()
	g.line.mu.Lock()
	cut := g.line.held != nil || g.line.down || g.line.lost > 0
	g.line.mu.Unlock()
	if cut || h.t.Failed() || g.conn.State().Phase == transport.Closed {
		return
	}
	for _, o := range g.open {
		mine, err := h.store.Open(h.ctx, o.Name())
		if err != nil {
			return // the store is closed
		}
		if err := o.Wait(h.ctx, mine.Head().Version); errors.Is(err, dstm.ErrClosed) {
			continue
		} else if err != nil {
			h.t.Errorf("%s does not come up to the store: %v", o.Name(), err)
		} else if err := h.recorder.See(o); err != nil && !errors.Is(err, dstm.ErrClosed) {
			h.t.Error(err)
		}
		mine.Close()
	}
}

func (h *hall) open(g *guest, name string) dstm.Object {
	h.t.Helper()
	o, err := g.Open(h.ctx, name)
	if err != nil {
		h.t.Fatal(err)
	}
	o = h.recorder.Watch(o)
	g.open = append(g.open, o)
	return o
}

// until polls for what nothing tells of.
func (h *hall) until(reached func() bool) {
	h.t.Helper()
	for !reached() {
		if h.ctx.Err() != nil {
			h.t.Fatal("it does not come to that")
		}
		time.Sleep(time.Millisecond)
	}
}

// line is a Dialer whose connections can be cut, held, and kept from coming up again.
type line struct {
	dialer transport.Dialer

	mu    sync.Mutex
	conns []*lineConn
	down  bool
	lost  int           // messages to lose
	held  chan struct{} // not nil: nothing arrives until it is closed
	while []func()      // called when it goes down
}

type lineConn struct {
	transport.Conn
	line *line
	cut  chan struct{}
	once sync.Once
}

func (l *line) Dial(ctx context.Context, url, subprotocol string) (transport.Conn, error) {
	l.mu.Lock()
	down, dialer := l.down, l.dialer
	l.mu.Unlock()
	if down {
		return nil, errors.New("no network")
	}
	conn, err := dialer.Dial(ctx, url, subprotocol)
	if err != nil {
		return nil, err
	}
	c := &lineConn{Conn: conn, line: l, cut: make(chan struct{})}
	l.mu.Lock()
	if l.down { // meanwhile
		l.mu.Unlock()
		conn.Close()
		return nil, errors.New("no network")
	}
	l.conns = append(l.conns, c)
	l.mu.Unlock()
	return c, nil
}

func (c *lineConn) Read() ([]byte, error) {
	b, err := c.Conn.Read()
	c.line.mu.Lock()
	for err == nil && c.line.lost > 0 {
		c.line.lost--
		c.line.mu.Unlock()
		b, err = c.Conn.Read()
		c.line.mu.Lock()
	}
	held := c.line.held
	select {
	case <-c.cut: // what arrived too late is lost
		b, err = nil, io.ErrUnexpectedEOF
	default:
	}
	c.line.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-c.cut:
			return nil, io.ErrUnexpectedEOF
		}
	}
	return b, err
}

func (c *lineConn) sever() { c.once.Do(func() { close(c.cut) }) }

func (c *lineConn) Close() error {
	c.sever()
	return c.Conn.Close()
}

// hold keeps everything that the server sends from arriving.
func (l *line) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = make(chan struct{})
}

// let lets it go on.
func (l *line) let() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != nil {
		close(l.held)
		l.held = nil
	}
}

// drop cuts the connection; what was held is lost. Unless up, none comes up again.
func (l *line) drop(up bool) {
	l.mu.Lock()
	if l.down = !up; l.down {
		for _, stop := range l.while {
			stop()
		}
		l.while = nil
	}
	conns := l.conns
	for _, c := range conns {
		c.sever()
	}
	l.conns, l.held = nil, nil
	l.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// whileUp is ctx until the line goes down; it is over at once where nothing can arrive now.
func (l *line) whileUp(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down || l.held != nil {
		stop()
	} else {
		l.while = append(l.while, stop)
	}
	return ctx, stop
}

// lose drops the next n messages of the server.
func (l *line) lose(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = n
}

func (l *line) up() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

// offline waits until the client has noticed that its connection is gone.
func (g *guest) offline(ctx context.Context) {
	for s := range g.conn.States(ctx) {
		if s.Phase != transport.Open {
			return
		}
	}
}

var (
	count = dstm.NewVar[int64]("count").At()
	word  = dstm.NewVar[string]("word").At()
)

func valueOf(t *testing.T, o dstm.Object) (n int64) {
	t.Helper()
	if err := o.View(func(tx *dstm.Tx) error { n = count.Get(tx); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func increase(tx *dstm.Tx) error { count.Set(tx, count.Get(tx)+1); return nil }
