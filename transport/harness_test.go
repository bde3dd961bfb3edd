package transport

import (
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/internal/leak"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// probe is a pattern that records what happens to it.
type probe struct {
	name    string
	opened  func(s *Session) error
	receive func(s *Session, f Frame) error
	closed  func(s *Session, err error)

	features []string
	refuses  bool // Open fails

	mu    sync.Mutex
	lives []*probeLife
}

type probeLife struct {
	p      *probe
	s      *Session
	closes int
	after  bool // received after Close
	err    error
}

func (p *probe) Name() string       { return p.name }
func (p *probe) Features() []string { return p.features }

func (p *probe) Attach(s *Session) (Receiver, error) {
	l := &probeLife{p: p, s: s}
	p.mu.Lock()
	if !p.refuses {
		p.lives = append(p.lives, l)
	}
	opened := p.opened
	p.mu.Unlock()
	if opened != nil {
		if err := opened(s); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *probeLife) Receive(f Frame) error {
	l.p.mu.Lock()
	l.after = l.after || l.closes > 0
	l.p.mu.Unlock()
	if l.p.receive == nil {
		return nil
	}
	return l.p.receive(l.s, f)
}

func (l *probeLife) Close(err error) {
	l.p.mu.Lock()
	l.closes++
	l.err = err
	l.p.mu.Unlock()
	if l.p.closed != nil {
		l.p.closed(l.s, err)
	}
}

// settled checks that each receiver was closed exactly once, with an error, and
// got nothing afterwards.
func (p *probe) settled(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, l := range p.lives {
		if l.closes != 1 || l.err == nil || l.after {
			t.Errorf("session %d of %s: closed %d times with %v, received after Close: %v", i, p.name, l.closes, l.err, l.after)
		}
	}
}

// echo answers each frame of kind 1 with one of kind 2 that is otherwise the same.
func echo() *probe {
	return &probe{name: "echo", receive: func(s *Session, f Frame) error {
		if f.Kind != 1 {
			return nil
		}
		n, _ := s.Number("echo")
		return s.TrySend(frameOf(n, 2, f.Stream, f.Body.Rest()))
	}}
}

// frameOf is a frame of four elements: stream and body are encoded.
func frameOf(pattern, kind int, stream, body []byte) []byte {
	b := AppendHeader(nil, 4, pattern, kind)
	b = append(b, stream...)
	return append(b, body...)
}

func text(s string) []byte   { return codec.AppendString(nil, s) }
func integer(n int64) []byte { return codec.AppendInt(nil, n) }

// world is a server and how to reach it.
type world struct {
	t      testing.TB
	server *Server
	url    string
	dialer Dialer
	json   bool
}

// worlds are what most tests run in.
var worlds = []struct {
	name     string
	ws, json bool
}{
	{name: "pipe-msgpack"},
	{name: "pipe-json", json: true},
	{name: "ws-msgpack", ws: true},
	{name: "ws-json", ws: true, json: true},
}

// everywhere runs fn over pipe and WebSocket in both codecs.
func everywhere(t *testing.T, opts *ServerOptions, fn func(t *testing.T, w *world), patterns ...func() *probe) {
	for _, kind := range worlds {
		t.Run(kind.name, func(t *testing.T) {
			var list []Pattern
			for _, p := range patterns {
				list = append(list, p())
			}
			fn(t, newWorld(t, kind.ws, kind.json, opts, list...))
		})
	}
}

func newWorld(t testing.TB, ws, json bool, opts *ServerOptions, patterns ...Pattern) *world {
	o := ServerOptions{}
	if opts != nil {
		o = *opts
	}
	if o.Logger == nil {
		o.Logger = quiet()
	}
	w := &world{t: t, server: NewServer(&o, patterns...), json: json}
	w.dialer = w.server.Pipe()
	if ws {
		hs := httptest.NewServer(w.server)
		t.Cleanup(hs.Close)
		w.url = "ws" + strings.TrimPrefix(hs.URL, "http")
		w.dialer = &WebSocketDialer{}
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.server.Close(ctx); err != nil {
			t.Errorf("server did not close: %v", err)
		}
		for _, p := range patterns {
			if p, ok := p.(*probe); ok {
				p.settled(t)
			}
		}
	})
	return w
}

// halfWithRace skips two of the four worlds where the race detector makes a test long: each codec and each
// kind of connection stays.
func (w *world) halfWithRace(t *testing.T) {
	if slow > 1 && w.json == (w.url == "") {
		t.Skip("enough with the race detector")
	}
}

func (w *world) options() *ClientOptions {
	return &ClientOptions{JSON: w.json, Dialer: w.dialer, Logger: quiet()}
}

// client connects with patterns; opts may be nil.
func (w *world) client(opts *ClientOptions, patterns ...Pattern) *Client {
	w.t.Helper()
	if opts == nil {
		opts = w.options()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := Dial(ctx, w.url, opts, patterns...)
	if err != nil {
		w.t.Fatalf("Dial: %v", err)
	}
	w.t.Cleanup(func() {
		c.Close()
		for _, p := range patterns {
			if p, ok := p.(*probe); ok {
				p.settled(w.t)
			}
		}
	})
	return c
}

// collector is a pattern on a client that passes on what arrives.
func collector(name string, size int) (*probe, chan got) {
	ch := make(chan got, size)
	return &probe{name: name, receive: func(_ *Session, f Frame) error {
		ch <- got{f.Kind, string(f.Stream), string(f.Body.Rest())}
		return nil
	}}, ch
}

type got struct {
	kind         int
	stream, body string
}

// within fails the test if nothing comes for long: it is no measure of speed.
func within[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-ch:
		if !ok {
			t.Fatal("channel closed")
		}
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
	}
	panic("unreachable")
}
