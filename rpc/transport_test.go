package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

type order struct {
	Item  string    `json:"item"`
	Count int64     `json:"count"`
	Price float64   `json:"price"`
	Data  []byte    `json:"data"`
	At    time.Time `json:"at"`
	Tags  []string  `json:"tags"`
}

var (
	hello = rpc.NewMethod[string, string]("hello")
	place = rpc.NewMethod[order, order]("shop:place")
	wait  = rpc.NewMethod[string, string]("wait")
	apply = rpc.NewMethod[int, int]("apply")
	blob  = rpc.NewMethod[[]byte, []byte]("blob")
)

func greet(_ context.Context, name string) (string, error) { return "hello " + name, nil }

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// world is a server and how to reach it.
type world struct {
	t      testing.TB
	calls  *rpc.Peer
	server *transport.Server
	url    string
	dialer transport.Dialer // nil: WebSocket
	json   bool

	mu    sync.Mutex
	conns []net.Conn
}

// Accept wraps the test server's listener, to cut what it accepted.
type cutting struct {
	net.Listener
	w *world
}

func (l cutting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.w.mu.Lock()
		l.w.conns = append(l.w.conns, c)
		l.w.mu.Unlock()
	}
	return c, err
}

func (w *world) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

func newWorld(t testing.TB, ws, json bool, calls *rpc.Peer) *world {
	w := &world{t: t, calls: calls, json: json}
	w.server = transport.NewServer(&transport.ServerOptions{
		Logger: quiet,
		Authenticate: func(_ context.Context, h *transport.Hello) (transport.Identity, error) {
			return transport.Identity{User: h.Agent + "anna"}, nil
		},
	}, calls)
	if ws {
		srv := httptest.NewUnstartedServer(w.server)
		srv.Listener = cutting{srv.Listener, w}
		srv.Start()
		t.Cleanup(srv.Close)
		w.url = "ws" + strings.TrimPrefix(srv.URL, "http")
	} else {
		w.url, w.dialer = "ws://pipe", w.server.Pipe()
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.server.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) dial(peer *rpc.Peer) *transport.Client {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := transport.Dial(ctx, w.url, &transport.ClientOptions{
		JSON: w.json, Dialer: w.dialer, Logger: quiet, MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond,
	}, peer)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// everywhere runs fn over both connections and both codecs.
func everywhere(t *testing.T, opts *rpc.PeerOptions, fn func(t *testing.T, w *world)) {
	for _, ws := range []bool{false, true} {
		for _, json := range []bool{false, true} {
			name := map[bool]string{false: "pipe", true: "websocket"}[ws] + "/" + map[bool]string{false: "msgpack", true: "json"}[json]
			t.Run(name, func(t *testing.T) { fn(t, newWorld(t, ws, json, rpc.NewPeer(opts))) })
		}
	}
}

func TestBothDirections(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		mine := rpc.NewPeer(nil)
		var info rpc.Info
		hello.Handle(w.calls, func(ctx context.Context, name string) (string, error) {
			info, _ = rpc.CallFrom(ctx)
			rpc.SetMetadata(ctx, "served", "by server")
			return "hello " + name, nil
		})
		for _, p := range []*rpc.Peer{w.calls, mine} {
			place.Handle(p, func(ctx context.Context, o order) (order, error) {
				if o.Count < 0 {
					return o, status.New(status.OutOfRange, "shop.count", "no such count").WithDetail("count", o.Count)
				}
				o.Count++
				return o, nil
			}, rpc.Inline)
		}
		client := w.dial(mine)
		var md rpc.Metadata
		out, err := hello.Call(t.Context(), mine, "world", rpc.WithMetadata(rpc.Metadata{"k": "v"}), rpc.ReplyMetadata(&md))
		if out != "hello world" || err != nil || md["served"] != "by server" {
			t.Fatalf("%q, %v, %v", out, err, md)
		}
		if info.Client != client.ID() || info.Session != client.Session().ID() || info.Metadata["k"] != "v" || !strings.HasSuffix(info.Identity.User, "anna") {
			t.Errorf("info %+v", info)
		}
		o := order{Item: "größe", Count: 1<<62 + 1, Price: 0.1, Data: []byte{0, 255}, At: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Tags: []string{"a", ""}}
		for _, to := range []rpc.Caller{mine, w.calls.Client(client.ID())} {
			got, err := place.Call(t.Context(), to, o)
			if err != nil || got.Item != o.Item || got.Count != o.Count+1 || got.Price != o.Price || !bytes.Equal(got.Data, o.Data) || !got.At.Equal(o.At) || len(got.Tags) != 2 {
				t.Errorf("%+v, %v", got, err)
			}
			_, err = place.Call(t.Context(), to, order{Count: -1})
			var e *status.Error
			if !errors.As(err, &e) || e.Reason != "shop.count" || e.Details["count"] != int64(-1) {
				t.Errorf("%+v", err)
			}
		}
		if _, err := hello.Call(t.Context(), w.calls.Client(client.ID()), "x"); !errors.Is(err, rpc.ErrUnknownMethod) {
			t.Error(err)
		}
		if _, err := wait.Call(t.Context(), mine, "x"); !errors.Is(err, rpc.ErrUnknownMethod) {
			t.Error(err)
		}
	})
}

// TestServerWaitsForAClient begins the call before the client has ever connected.
func TestServerWaitsForAClient(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		key := transport.NewKey()
		outcome := make(chan error, 1)
		go func() {
			_, err := hello.Call(t.Context(), w.calls.Client(key.Client()), "x", rpc.WaitReady())
			outcome <- err
		}()
		mine := rpc.NewPeer(nil)
		hello.Handle(mine, greet)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c, err := transport.Dial(ctx, w.url, &transport.ClientOptions{Key: key, JSON: w.json, Dialer: w.dialer, Logger: quiet}, mine)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := <-outcome; err != nil {
			t.Error(err)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	everywhere(t, &rpc.PeerOptions{MaxConcurrent: 100}, func(t *testing.T, w *world) {
		apply.Handle(w.calls, func(_ context.Context, in int) (int, error) { return -in, nil })
		blob.Handle(w.calls, func(_ context.Context, in []byte) ([]byte, error) { return in, nil })
		var callers sync.WaitGroup
		for c := range 3 {
			mine := rpc.NewPeer(nil)
			w.dial(mine)
			for g := range 20 {
				callers.Go(func() {
					for i := range 25 {
						if out, err := apply.Call(t.Context(), mine, g*100+i); out != -(g*100+i) || err != nil {
							t.Errorf("%d: %d, %v", g*100+i, out, err)
							return
						}
					}
				})
			}
			callers.Go(func() { // large ones among them
				for _, size := range [][]int{{64<<10 - 1, 64 << 10}, {100_000}, {600_000}}[c] {
					in := bytes.Repeat([]byte{byte(size), 1, 2}, size/3)
					if out, err := blob.Call(t.Context(), mine, in); !bytes.Equal(out, in) || err != nil {
						t.Errorf("%d bytes: %d, %v", len(in), len(out), err)
					}
				}
			})
		}
		callers.Wait()
	})
}

func TestTooLarge(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		var ran atomic.Int64
		blob.Handle(w.calls, func(_ context.Context, in []byte) ([]byte, error) {
			ran.Add(1)
			return make([]byte, 5<<20), nil
		})
		mine := rpc.NewPeer(nil)
		w.dial(mine)
		_, err := blob.Call(t.Context(), mine, make([]byte, 5<<20))
		if !errors.Is(err, transport.ErrFrameTooLarge) || status.OutcomeUnknown(err) || ran.Load() != 0 {
			t.Errorf("large input: %v, ran %d times", err, ran.Load())
		}
		_, err = blob.Call(t.Context(), mine, nil)
		if !errors.Is(err, transport.ErrFrameTooLarge) || !errors.Is(err, status.ResourceExhausted) || !status.OutcomeUnknown(err) {
			t.Errorf("large result: %v", err)
		}
	})
}

func TestDeadlineAndCancelReachTheHandler(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		ended := make(chan error, 1)
		entered := make(chan struct{}, 1)
		wait.Handle(w.calls, func(ctx context.Context, _ string) (string, error) {
			entered <- struct{}{}
			<-ctx.Done()
			ended <- ctx.Err()
			return "", ctx.Err()
		})
		mine := rpc.NewPeer(nil)
		client := w.dial(mine)
		for patience, sent := 20*time.Millisecond, false; !sent; patience *= 2 { // a busy machine may not come to send it
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			_, err := wait.Call(ctx, mine, "")
			cancel()
			if !errors.Is(err, status.DeadlineExceeded) {
				t.Fatal(err)
			}
			sent = status.OutcomeUnknown(err)
		}
		<-entered
		if err := <-ended; err != context.DeadlineExceeded {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-entered; cancel() }()
		if _, err := wait.Call(ctx, mine, ""); !errors.Is(err, status.Canceled) || !status.OutcomeUnknown(err) {
			t.Error(err)
		}
		if err := <-ended; err != context.Canceled {
			t.Error(err)
		}
		go func() { <-entered; client.Close() }()
		if _, err := wait.Call(t.Context(), mine, ""); !errors.Is(err, rpc.ErrConnectionLost) || !status.OutcomeUnknown(err) {
			t.Error(err)
		}
		<-ended
		if _, err := wait.Call(t.Context(), mine, ""); !errors.Is(err, status.Unavailable) || status.OutcomeUnknown(err) {
			t.Error(err)
		}
	})
}

// TestCutsOverTCP closes the sockets under running calls, again and again.
func TestCutsOverTCP(t *testing.T) {
	for _, json := range []bool{false, true} {
		t.Run(fmt.Sprint("json ", json), func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 0))
			w := newWorld(t, true, json, rpc.NewPeer(nil))
			var mu sync.Mutex
			ran := map[int]int{}
			served := make(chan struct{}, 1)
			serve := func(_ context.Context, in int) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				ran[in]++
				select {
				case served <- struct{}{}:
				default:
				}
				return -in, nil
			}
			mine := rpc.NewPeer(nil)
			apply.Handle(w.calls, serve)
			apply.Handle(mine, serve)
			client := w.dial(mine)
			ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
			defer stop()
			var started, settled, lost atomic.Int64
			outcomes := sync.Map{}
			var callers sync.WaitGroup
			var done atomic.Bool
			for g := range 8 {
				to := rpc.Caller(mine)
				if g%2 == 1 {
					to = w.calls.Client(client.ID())
				}
				callers.Go(func() {
					for !done.Load() {
						n := int(started.Add(1))
						out, err := apply.Call(ctx, to, n, rpc.WaitReady())
						settled.Add(1)
						if err == nil && out != -n {
							t.Errorf("call %d: %d", n, out)
						}
						if err != nil {
							lost.Add(1)
						}
						if _, twice := outcomes.Swap(n, err); twice {
							t.Errorf("call %d settled twice", n)
						}
					}
				})
			}
			for range 40 {
				for range rng.IntN(60) {
					<-served
				}
				w.cut()
			}
			done.Store(true)
			callers.Wait()
			client.Close()
			mu.Lock()
			defer mu.Unlock()
			outcomes.Range(func(n, err any) bool {
				times := ran[n.(int)]
				switch err, _ := err.(error); {
				case err == nil && times != 1:
					t.Errorf("call %v has a result and ran %d times", n, times)
				case err != nil && !status.OutcomeUnknown(err) && times != 0:
					t.Errorf("call %v ran, although: %v", n, err)
				case times > 1:
					t.Errorf("call %v ran %d times", n, times)
				case err != nil && !errors.Is(err, rpc.ErrConnectionLost):
					t.Errorf("call %v: %v", n, err)
				}
				return true
			})
			if started.Load() != settled.Load() || lost.Load() == 0 {
				t.Errorf("%d started, %d settled, %d lost", started.Load(), settled.Load(), lost.Load())
			}
			t.Logf("%d calls, %d lost", started.Load(), lost.Load())
		})
	}
}
