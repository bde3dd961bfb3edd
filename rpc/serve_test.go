package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

func TestSlowHandlersDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newPeer(PeerOptions{MaxConcurrent: 5}), newPeer(PeerOptions{})
		release := make(chan struct{})
		block.Handle(server, func(context.Context, string) (string, error) { <-release; return "", nil })
		hello.Handle(server, greet)
		pair := connect(t, server, client, nil)
		var slow sync.WaitGroup
		for range 4 {
			slow.Go(func() {
				if _, err := block.Call(t.Context(), client, ""); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		for range 10 {
			if _, err := hello.Call(t.Context(), client, "x"); err != nil {
				t.Fatal(err)
			}
		}
		// The fifth place goes too: now the session is busy, and another is not.
		slow.Go(func() { block.Call(t.Context(), client, "") })
		synctest.Wait()
		_, err := hello.Call(t.Context(), client, "x")
		wantStatus(t, err, status.ResourceExhausted, ErrBusy, false)
		other := newPeer(PeerOptions{})
		connect(t, server, other, nil)
		if _, err := hello.Call(t.Context(), other, "x"); err != nil {
			t.Fatal(err)
		}
		if n := pair.links[0].inbound.calls.n; n != 5 {
			t.Errorf("%d calls are held, want 5", n)
		}
		close(release)
		slow.Wait()
		if _, err := hello.Call(t.Context(), client, "x"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if in := &pair.links[0].inbound; in.calls.n != 0 || in.head != len(in.queue) || in.starting || in.sending != 0 {
			t.Errorf("left over: %d calls, %d queued, starting %v", in.calls.n, len(in.queue), in.starting)
		}
	})
}

// TestFullWidth keeps exactly as many calls in flight as may run: none of them may be refused.
func TestFullWidth(t *testing.T) {
	server, client := newPeer(PeerOptions{MaxConcurrent: 4}), newPeer(PeerOptions{})
	hello.Handle(server, greet)
	connect(t, server, client, nil)
	var calls sync.WaitGroup
	for range 4 {
		calls.Go(func() {
			for range 500 {
				if _, err := hello.Call(t.Context(), client, "x"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	calls.Wait()
}

// TestConcurrency has both sides call each other at once. Each result must be its own call's.
func TestConcurrency(t *testing.T) {
	left, right := newPeer(PeerOptions{}), newPeer(PeerOptions{})
	echo := NewMethod[int, int]("echo")
	fast := NewMethod[[]byte, []byte]("fast")
	for _, p := range []*Peer{left, right} {
		echo.Handle(p, func(_ context.Context, in int) (int, error) {
			if in%7 == 0 {
				runtime.Gosched()
			}
			return in, nil
		})
		fast.Handle(p, func(_ context.Context, in []byte) ([]byte, error) { return in, nil }, Inline)
	}
	pair := connect(t, left, right, nil)
	var calls sync.WaitGroup
	for _, to := range []Caller{right, left.Client(pair.server.client)} {
		for g := range 16 {
			calls.Go(func() {
				for i := range 100 {
					in := g*1000 + i
					if out, err := echo.Call(t.Context(), to, in); out != in || err != nil {
						t.Errorf("%d: %d, %v", in, out, err)
						return
					}
					data := []byte(strings.Repeat(fmt.Sprint(in), 1+i*4))
					if out, err := fast.Call(t.Context(), to, data); string(out) != string(data) || err != nil {
						t.Errorf("%d bytes: %d, %v", len(data), len(out), err)
						return
					}
				}
			})
		}
	}
	calls.Wait()
	if pair.err != nil {
		t.Error(pair.err)
	}
}

func TestPanicsAreLogged(t *testing.T) {
	var log strings.Builder
	server := newPeer(PeerOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	client := newPeer(PeerOptions{})
	hello.Handle(server, func(context.Context, string) (string, error) { panic("the inner secret") })
	block.Handle(server, func(context.Context, string) (string, error) { panic(errors.New("inline")) }, Inline)
	exit := NewMethod[string, string]("exit")
	exit.Handle(server, func(context.Context, string) (string, error) { runtime.Goexit(); return "", nil })
	pair := connect(t, server, client, nil)
	for _, m := range []Method[string, string]{hello, block, exit} {
		_, err := m.Call(t.Context(), client, "x")
		wantStatus(t, err, status.Internal, ErrPanic, true)
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("leaks %v", err)
		}
	}
	pair.end()
	for _, part := range []string{"the inner secret", "TestPanicsAreLogged", "method=hello", "method=block", "method=exit"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %q:\n%s", part, log.String())
		}
	}
}

func TestInterceptors(t *testing.T) {
	var steps []string
	trace := func(name string) Interceptor {
		return func(next Func) Func {
			return func(ctx context.Context, req *Request) (Response, error) {
				steps = append(steps, name+" "+req.Metadata["step"])
				md := Metadata{"step": req.Metadata["step"] + name}
				req.Metadata = md
				resp, err := next(ctx, req)
				if resp.Metadata == nil {
					resp.Metadata = Metadata{}
				}
				resp.Metadata["back"] += name
				return resp, err
			}
		}
	}
	type key struct{}
	deny := func(next Func) Func {
		return func(ctx context.Context, req *Request) (Response, error) {
			switch {
			case req.Procedure == "block":
				return Response{}, status.New(status.Unauthenticated, "shop.login", "log in first")
			case req.Metadata["mode"] == "replace":
				return Response{Payload: raw("replaced")}, nil
			case req.Metadata["mode"] == "garbage":
				return Response{Payload: codec.Raw{0xc1}}, nil
			case req.Metadata["mode"] == "echo":
				return Response{Payload: req.Payload}, nil
			case req.Metadata["mode"] == "twice":
				if _, err := next(ctx, req); err != nil {
					return Response{}, err
				}
			case req.Metadata["mode"] == "foreign":
				return next(ctx, &Request{Info: req.Info, Payload: req.Payload})
			}
			return next(context.WithValue(ctx, key{}, "v"), req)
		}
	}
	server := newPeer(PeerOptions{Serving: []Interceptor{trace("c"), trace("d")}})
	client := newPeer(PeerOptions{Calling: []Interceptor{trace("a"), trace("b")}})
	denying := newPeer(PeerOptions{Serving: []Interceptor{deny}})
	plain := newPeer(PeerOptions{})
	ran := 0
	handler := func(ctx context.Context, in string) (string, error) {
		ran++
		info, _ := CallFrom(ctx)
		value, _ := ctx.Value(key{}).(string)
		return in + info.Metadata["step"] + value, nil
	}
	for _, p := range []*Peer{server, denying} {
		hello.Handle(p, handler)
		block.Handle(p, handler)
	}
	connect(t, server, client, nil)
	var md Metadata
	out, err := hello.Call(t.Context(), client, "x", ReplyMetadata(&md))
	if out != "xabcd" || err != nil || md["back"] != "dcba" {
		t.Errorf("%q, %v, %v", out, err, md)
	}
	if got := strings.Join(steps, ","); got != "a ,b a,c ab,d abc" {
		t.Errorf("steps %s", got)
	}

	connect(t, denying, plain, nil)
	ran = 0
	_, err = block.Call(t.Context(), plain, "x")
	wantStatus(t, err, status.Unauthenticated, "shop.login", false)
	if ran != 0 {
		t.Error("a denied handler ran")
	}
	for mode, want := range map[string]string{"": "xv", "replace": "replaced", "echo": "x", "twice": "xv"} {
		if out, err := hello.Call(t.Context(), plain, "x", WithMetadata(Metadata{"mode": mode})); out != want || err != nil {
			t.Errorf("%s: %q, %v", mode, out, err)
		}
	}
	for mode, unknown := range map[string]bool{"garbage": true, "foreign": false} {
		_, err := hello.Call(t.Context(), plain, "x", WithMetadata(Metadata{"mode": mode}))
		if !errors.Is(err, status.Internal) || status.OutcomeUnknown(err) != unknown {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

func TestCallingInterceptorReplacesPayload(t *testing.T) {
	payload := raw("changed")
	client := newPeer(PeerOptions{Calling: []Interceptor{func(next Func) Func {
		return func(ctx context.Context, req *Request) (Response, error) {
			req.Payload = payload
			return next(ctx, req)
		}
	}}})
	server := newPeer(PeerOptions{})
	hello.Handle(server, greet)
	connect(t, server, client, nil)
	if out, err := hello.Call(t.Context(), client, "x"); out != "hello changed" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	payload = codec.Raw{0x91}
	_, err := hello.Call(t.Context(), client, "x")
	wantStatus(t, err, status.InvalidArgument, ErrBadRequest, false)
}

func TestAuthorize(t *testing.T) {
	server, client := newPeer(PeerOptions{}), newPeer(PeerOptions{})
	var ran atomic.Int64
	allow := func(_ context.Context, info Info) error {
		switch {
		case info.Identity.User != "anna":
			t.Errorf("user %q", info.Identity.User)
		case info.Metadata["mode"] == "plain":
			return errors.New("secret rule")
		case info.Metadata["mode"] == "coded":
			return status.New(status.NotFound, "", "no such thing")
		}
		return nil
	}
	hello.Handle(server, func(_ context.Context, in string) (string, error) { ran.Add(1); return in, nil }, Authorize(allow), Inline)
	connect(t, server, client, nil)
	try := func(mode string) error {
		_, err := hello.Call(t.Context(), client, "x", WithMetadata(Metadata{"mode": mode}))
		return err
	}
	wantStatus(t, try("plain"), status.PermissionDenied, ErrDenied, false)
	wantStatus(t, try("coded"), status.NotFound, "", false)
	if n := ran.Load(); n != 0 {
		t.Errorf("denied, and yet it ran %d times", n)
	}
	if err := try(""); err != nil || ran.Load() != 1 {
		t.Error(err)
	}
}

// TestResultsWaitForRoom holds back what the server sends: results wait in their handlers, an inline
// handler's hands over, and refusals pile up in the backlog; all arrive in the end.
func TestResultsWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newPeer(PeerOptions{MaxConcurrent: 8}), newPeer(PeerOptions{})
		hello.Handle(server, greet)
		quick := NewMethod[string, string]("quick")
		quick.Handle(server, greet, Inline)
		pair := connect(t, server, client, nil)
		pair.server.room = 2
		pair.server.hold(true)
		var calls sync.WaitGroup
		var greeted, busy, unknown atomic.Int64
		start := func(m Method[string, string], n int) {
			for range n {
				calls.Go(func() {
					out, err := m.Call(t.Context(), client, "x")
					switch {
					case out == "hello x":
						greeted.Add(1)
					case errors.Is(err, ErrBusy):
						busy.Add(1)
					case errors.Is(err, ErrUnknownMethod):
						unknown.Add(1)
					default:
						t.Errorf("%q, %v", out, err)
					}
				})
				synctest.Wait()
			}
		}
		start(hello, 5) // two fill the queue, three wait
		start(quick, 11)
		start(hello, 2) // now 16 answers wait, twice MaxConcurrent
		start(quick, 3)
		start(hello, 2)
		start(block, 50) // has no handler
		in := &pair.links[0].inbound
		if in.sending != 16 || in.calls.n != 0 {
			t.Errorf("%d answers wait, want 16; %d calls run", in.sending, in.calls.n)
		}
		pair.server.hold(false)
		calls.Wait()
		if greeted.Load() != 18 || busy.Load() != 5 || unknown.Load() != 50 {
			t.Errorf("%d greeted, %d busy, %d unknown", greeted.Load(), busy.Load(), unknown.Load())
		}
		synctest.Wait()
		if in.sending != 0 {
			t.Errorf("%d answers wait at the end", in.sending)
		}
	})
}

func TestPeerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newPeer(PeerOptions{MaxConcurrent: 4})
		hello.Handle(server, greet)
		e := newEnd(true, transport.NewID())
		e.room = 0
		l := server.open(e)
		for id := range int64(2*maxBacklog + 100) { // a batch is in the hands of the drain
			if err := receive(l, call(id+1, "nobody", 0, raw("x"))); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if e.code != transport.CloseSlowConsumer {
			t.Errorf("closed with %v", e.code)
		}
		l.Close(e.closed)
	})
}

func TestCancelsWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newPeer(PeerOptions{}), newPeer(PeerOptions{})
		var canceled atomic.Int64
		block.Handle(server, func(ctx context.Context, _ string) (string, error) {
			<-ctx.Done()
			canceled.Add(1)
			return "", ctx.Err()
		})
		pair := connect(t, server, client, nil)
		pair.client.room = 1
		ctx, cancel := context.WithCancel(t.Context())
		for range 10 {
			go block.Call(ctx, client, "")
		}
		synctest.Wait()
		pair.client.hold(true)
		if err := block.Notify(t.Context(), client, ""); err != nil { // fills the queue
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		if n := pair.links[1].outbound.calls.n; n != 0 {
			t.Errorf("%d calls are open", n)
		}
		pair.client.hold(false)
		synctest.Wait()
		if n := canceled.Load(); n != 10 {
			t.Errorf("%d handlers were cancelled, want 10", n)
		}
	})
}

// TestQueuedCallsOfAnEndedSession: what no handler has begun when the session ends never runs, nor what was cancelled or is late.
func TestQueuedCallsNeverRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newPeer(PeerOptions{})
		ran := 0
		hello.Handle(server, func(context.Context, string) (string, error) { ran++; return "", nil })
		e := newEnd(true, transport.NewID())
		l := server.open(e)
		m := (*server.methods.Load())["hello"]
		queue := func(id int64, timeout int64) {
			c := newInCall(l, id, m, &callFrame{timeout: timeout})
			c.hold(raw("x"))
			l.inbound.add(c)
		}
		queue(1, 0)
		l.receiveCancel(1)
		queue(2, 1)
		time.Sleep(time.Millisecond)
		l.work()
		synctest.Wait() // for the second worker, which the first one started
		if ran != 0 || len(e.queue) != 2 {
			t.Errorf("%d ran, %d answers", ran, len(e.queue))
		}
		queue(3, 0)
		l.Close(errors.New("gone"))
		l.work()
		synctest.Wait()
		if ran != 0 {
			t.Error("a call of an ended session ran")
		}
	})
}

func TestSlowInlineHandlerIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		server := newPeer(PeerOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		client := newPeer(PeerOptions{})
		hello.Handle(server, func(context.Context, string) (string, error) { time.Sleep(2 * time.Millisecond); return "", nil }, Inline)
		pair := connect(t, server, client, nil)
		for range 2 * slowCalls {
			hello.Call(t.Context(), client, "x")
		}
		pair.end()
		if n := strings.Count(log.String(), "method=hello"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, log.String())
		}
	})
}

// One that becomes slow later, when not all calls are timed any more, is logged too.
func TestInlineHandlerThatBecomesSlowIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		server := newPeer(PeerOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		client := newPeer(PeerOptions{})
		var slow atomic.Bool
		hello.Handle(server, func(context.Context, string) (string, error) {
			if slow.Load() {
				time.Sleep(2 * time.Millisecond)
			}
			return "", nil
		}, Inline)
		pair := connect(t, server, client, nil)
		for n := range 100 * slowCalls * timedShare {
			slow.Store(n >= 2*timedCalls)
			hello.Call(t.Context(), client, "x")
		}
		pair.end()
		if n := strings.Count(log.String(), "method=hello"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, log.String())
		}
	})
}
