package rpc

import (
	"context"
	"errors"
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

var (
	hello  = NewMethod[string, string]("hello")
	block  = NewMethod[string, string]("block")
	number = NewMethod[string, int]("hello") // the same procedure, other types
)

func greet(_ context.Context, name string) (string, error) { return "hello " + name, nil }

func TestNames(t *testing.T) {
	for name, good := range map[string]bool{
		"a": true, "shop:order.place": true, "größe": true, strings.Repeat("x", 255): true,
		"": false, strings.Repeat("x", 256): false, "a\nb": false, "\x7f": false, "a\u0085": false, "\xff": false,
	} {
		func() {
			defer func() {
				if panicked := recover() != nil; panicked == good {
					t.Errorf("NewMethod(%q): panicked %v", name, panicked)
				}
			}()
			if m := NewMethod[int, int](name); m.Name() != name {
				t.Errorf("Name() = %q", m.Name())
			}
		}()
	}
}

func TestHandleTwicePanics(t *testing.T) {
	p := newPeer(PeerOptions{})
	hello.Handle(p, greet)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	number.Handle(p, func(context.Context, string) (int, error) { return 0, nil })
}

func TestErrorsOfOneCall(t *testing.T) {
	secret := errors.New("password 123")
	server, client := newPeer(PeerOptions{}), newPeer(PeerOptions{})
	var ran atomic.Int64
	fail := map[string]func() error{
		"coded": func() error {
			return status.New(status.NotFound, "shop.no_item", "no such item").WithDetail("item", "x")
		},
		"wrapped":  func() error { return errors.Join(secret, status.New(status.Aborted, "a.b", "lost").MaybeDone()) },
		"plain":    func() error { return secret },
		"panic":    func() error { panic(secret) },
		"canceled": func() error { return context.Canceled },
	}
	hello.Handle(server, func(ctx context.Context, in string) (string, error) {
		ran.Add(1)
		if f := fail[in]; f != nil {
			return "", f()
		}
		return in, nil
	})
	bad := NewMethod[int, chan int]("bad")
	bad.Handle(server, func(context.Context, int) (chan int, error) { return nil, nil })
	pair := connect(t, server, client, nil)
	pair.server.maxFrame = 4096
	pair.client.maxFrame = 4096
	ctx := t.Context()
	for _, test := range []struct {
		name    string
		call    func() error
		code    status.Code
		reason  status.Reason
		unknown bool
		runs    int64
	}{
		{"coded", func() error { _, err := hello.Call(ctx, client, "coded"); return err }, status.NotFound, "shop.no_item", false, 1},
		{"wrapped", func() error { _, err := hello.Call(ctx, client, "wrapped"); return err }, status.Aborted, "a.b", true, 1},
		{"plain", func() error { _, err := hello.Call(ctx, client, "plain"); return err }, status.Unknown, "", false, 1},
		{"panic", func() error { _, err := hello.Call(ctx, client, "panic"); return err }, status.Internal, ErrPanic, true, 1},
		{"canceled", func() error { _, err := hello.Call(ctx, client, "canceled"); return err }, status.Canceled, "", true, 1},
		{"unknown", func() error { _, err := block.Call(ctx, client, ""); return err }, status.Unimplemented, ErrUnknownMethod, false, 0},
		{"bad request", func() error {
			_, err := NewMethod[int, string]("hello").Call(ctx, client, 1)
			return err
		}, status.InvalidArgument, ErrBadRequest, false, 0},
		{"input no value", func() error {
			_, err := NewMethod[chan int, string]("hello").Call(ctx, client, nil)
			return err
		}, status.InvalidArgument, ErrBadRequest, false, 0},
		{"result no value", func() error { _, err := bad.Call(ctx, client, 1); return err }, status.Internal, ErrBadResult, true, 0},
		{"other result", func() error { _, err := number.Call(ctx, client, "x"); return err }, status.Internal, ErrBadResult, true, 1},
		{"metadata", func() error {
			_, err := hello.Call(ctx, client, "x", WithMetadata(Metadata{"k": strings.Repeat("x", 4097)}))
			return err
		}, status.InvalidArgument, ErrBadRequest, false, 0},
		{"large call", func() error { _, err := hello.Call(ctx, client, strings.Repeat("x", 5000)); return err },
			status.ResourceExhausted, transport.ErrFrameTooLarge, false, 0},
		{"own result too large", func() error { _, err := hello.Call(ctx, client, "large"); return err },
			status.ResourceExhausted, transport.ErrFrameTooLarge, true, 1},
		{"error too large", func() error { _, err := hello.Call(ctx, client, "large error"); return err }, status.NotFound, "x.y", false, 1},
		{"server as caller", func() error { _, err := hello.Call(ctx, server, "x"); return err }, status.FailedPrecondition, "", false, 0},
		{"client of client", func() error { _, err := hello.Call(ctx, client.Client(transport.NewID()), "x"); return err }, status.FailedPrecondition, "", false, 0},
		{"absent client", func() error { _, err := hello.Call(ctx, server.Client(transport.NewID()), "x"); return err }, status.Unavailable, ErrNotConnected, false, 0},
	} {
		fail["large error"] = func() error { return status.New(status.NotFound, "x.y", "%s", strings.Repeat("m", 5000)) }
		before := ran.Load()
		if test.name == "own result too large" {
			fail["large"] = nil
			large := NewMethod[string, string]("large")
			large.Handle(server, func(context.Context, string) (string, error) { ran.Add(1); return strings.Repeat("x", 5000), nil })
			test.call = func() error { _, err := large.Call(ctx, client, ""); return err }
		}
		err := test.call()
		if err == nil {
			t.Fatalf("%s: no error", test.name)
		}
		t.Run(test.name, func(t *testing.T) { wantStatus(t, err, test.code, test.reason, test.unknown) })
		if strings.Contains(err.Error(), "password") {
			t.Errorf("%s: leaks %v", test.name, err)
		}
		if got := ran.Load() - before; got != test.runs {
			t.Errorf("%s: the handler ran %d times, want %d", test.name, got, test.runs)
		}
	}
	_, err := hello.Call(ctx, client, "coded")
	var e *status.Error
	if !errors.As(err, &e) || e.Details["item"] != "x" || e.Message != "no such item" {
		t.Errorf("details got lost: %+v", e)
	}
	// After all that the connection lives.
	if out, err := hello.Call(ctx, client, "x"); out != "x" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}

func TestDeadlineTravels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newPeer(PeerOptions{}), newPeer(PeerOptions{})
		causes := make(chan error, 1)
		left := make(chan time.Duration, 1)
		block.Handle(server, func(ctx context.Context, _ string) (string, error) {
			d, _ := ctx.Deadline()
			left <- time.Until(d)
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return "", ctx.Err()
		})
		pair := connect(t, server, client, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Microsecond)
		defer cancel()
		begin := time.Now()
		_, err := block.Call(ctx, client, "")
		wantStatus(t, err, status.DeadlineExceeded, "", true)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error("the context's own error is not to be found")
		}
		if took := time.Since(begin); took != 1500*time.Microsecond {
			t.Errorf("took %v", took)
		}
		if d := <-left; d != 2*time.Millisecond { // rounded up
			t.Errorf("the handler had %v", d)
		}
		if cause := <-causes; cause != context.DeadlineExceeded {
			t.Errorf("cause %v", cause)
		}
		synctest.Wait()
		pair.client.mu.Lock()
		defer pair.client.mu.Unlock()
		if pair.client.sent != 1 {
			t.Errorf("%d frames sent, want the call alone: the callee has the deadline itself", pair.client.sent)
		}
	})
}

func TestCancelTravels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newPeer(PeerOptions{}), newPeer(PeerOptions{})
		causes := make(chan error, 1)
		block.Handle(server, func(ctx context.Context, _ string) (string, error) {
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return "", ctx.Err()
		})
		pair := connect(t, server, client, nil)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := block.Call(ctx, client, "")
		wantStatus(t, err, status.Canceled, "", true)
		if cause := <-causes; !errors.Is(cause, status.Canceled) {
			t.Errorf("cause %v", cause)
		}
		// Nothing is left open on either side.
		synctest.Wait()
		if n := pair.links[0].inbound.calls.n + pair.links[1].outbound.calls.n; n != 0 {
			t.Errorf("%d calls are open", n)
		}
		// Before it began: not sent.
		_, err = block.Call(ctx, client, "")
		wantStatus(t, err, status.Canceled, "", false)
	})
}

func TestHandlerContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newPeer(PeerOptions{}), newPeer(PeerOptions{})
		kept := make(chan context.Context, 1)
		hello.Handle(server, func(ctx context.Context, _ string) (string, error) {
			if ctx.Err() != nil || ctx.Value("x") != nil || context.Cause(ctx) != nil {
				t.Error("the context is not fresh")
			}
			child, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			if info, ok := CallFrom(child); !ok || info.Identity.User != "anna" || info.Procedure != "hello" {
				t.Errorf("CallFrom: %+v %v", info, ok)
			}
			kept <- ctx
			return "", nil
		})
		block.Handle(server, func(ctx context.Context, _ string) (string, error) {
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			kept <- child
			<-child.Done()
			return "", child.Err()
		})
		pair := connect(t, server, client, nil)
		if _, err := hello.Call(t.Context(), client, ""); err != nil {
			t.Fatal(err)
		}
		if ctx := <-kept; ctx.Err() != context.Canceled {
			t.Error("the context outlives the handler")
		}
		// The session's end is the cause.
		go block.Call(t.Context(), client, "")
		ctx := <-kept
		gone := errors.New("gone")
		pair.cut(gone)
		<-ctx.Done()
		if context.Cause(ctx) != gone {
			t.Errorf("cause %v", context.Cause(ctx))
		}
		if _, ok := CallFrom(t.Context()); ok {
			t.Error("CallFrom outside a handler")
		}
	})
}

func TestNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newPeer(PeerOptions{}), newPeer(PeerOptions{})
		var got []string
		var mu sync.Mutex
		hello.Handle(server, func(ctx context.Context, in string) (string, error) {
			info, _ := CallFrom(ctx)
			mu.Lock()
			defer mu.Unlock()
			if info.Notify {
				got = append(got, in)
			}
			return "", errors.New("nobody hears this")
		})
		pair := connect(t, server, client, nil)
		for _, in := range []string{"a", "b"} {
			if err := hello.Notify(t.Context(), client, in); err != nil {
				t.Fatal(err)
			}
		}
		if err := block.Notify(t.Context(), client, "unknown method"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(got) != 2 || pair.server.sent != 0 {
			t.Errorf("handled %q, %d frames answered", got, pair.server.sent)
		}
		pair.cut(errors.New("gone"))
		synctest.Wait()
		wantStatus(t, hello.Notify(t.Context(), client, "c"), status.Unavailable, ErrNotConnected, false)
	})
}

func TestMetadataTravel(t *testing.T) {
	server, client := newPeer(PeerOptions{}), newPeer(PeerOptions{})
	hello.Handle(server, func(ctx context.Context, in string) (string, error) {
		info, _ := CallFrom(ctx)
		if err := SetMetadata(ctx, "trace", info.Metadata["trace"]+"!"); err != nil {
			t.Error(err)
		}
		if err := SetMetadata(ctx, strings.Repeat("k", 256), ""); !errors.Is(err, status.InvalidArgument) {
			t.Errorf("long key: %v", err)
		}
		if in == "many" {
			for i := range 31 {
				if err := SetMetadata(ctx, string(rune('a'+i)), ""); err != nil {
					t.Error(err)
				}
			}
			if err := SetMetadata(ctx, "onemore", ""); !errors.Is(err, status.InvalidArgument) {
				t.Errorf("33rd entry: %v", err)
			}
		}
		if in == "fail" {
			return "", status.New(status.NotFound, "", "")
		}
		return in, nil
	})
	connect(t, server, client, nil)
	for in, n := range map[string]int{"x": 1, "many": 32, "fail": 1} {
		var md Metadata
		_, err := hello.Call(t.Context(), client, in, WithMetadata(Metadata{"trace": "7"}), ReplyMetadata(&md))
		if (err != nil) != (in == "fail") || len(md) != n || md["trace"] != "7!" {
			t.Errorf("%s: %v, %v", in, md, err)
		}
	}
	if err := SetMetadata(t.Context(), "a", "b"); !errors.Is(err, status.FailedPrecondition) {
		t.Errorf("outside a handler: %v", err)
	}
}

func TestWaitReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newPeer(PeerOptions{}), newPeer(PeerOptions{})
		hello.Handle(server, greet)
		hello.Handle(client, greet)
		_, err := hello.Call(t.Context(), client, "x")
		wantStatus(t, err, status.Unavailable, ErrNotConnected, false)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = hello.Call(ctx, client, "x", WaitReady())
		wantStatus(t, err, status.DeadlineExceeded, "", false)
		if len(client.waiting) != 0 {
			t.Error("a waiter is left behind")
		}

		id := transport.NewID()
		var calls sync.WaitGroup
		for _, c := range []Caller{client, client, server.Client(id)} {
			calls.Go(func() {
				if out, err := hello.Call(t.Context(), c, "x", WaitReady()); err != nil || out != "hello x" {
					t.Errorf("%q, %v", out, err)
				}
			})
		}
		synctest.Wait()
		p := &pair{server: newEnd(true, id), client: newEnd(false, id)}
		p.start(t, server, client, nil)
		calls.Wait()
		if n := len(client.waiting) + len(server.waiting); n != 0 {
			t.Errorf("%d waiters are left", n)
		}

		// A session that takes no more but is not closed yet is not tried for ever.
		p.end()
		dead := newEnd(false, id)
		l := client.open(dead)
		dead.cut(errors.New("dead"))
		calls.Go(func() {
			if _, err := hello.Call(t.Context(), client, "x", WaitReady()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		l.Close(dead.closed)
		connect(t, server, client, nil)
		calls.Wait()
	})
}

// TestAnswerMeetsCancellation: whoever takes the call out of the table decides; here the answer does, just before the
// caller gives up.
func TestAnswerMeetsCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newPeer(PeerOptions{})
		l := client.open(newEnd(false, transport.NewID()))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			out, err := hello.Call(ctx, client, "x")
			if out != "in time" {
				t.Errorf("%q", out)
			}
			done <- err
		}()
		synctest.Wait()
		c := l.outbound.take(1)
		cancel()
		synctest.Wait()
		c.payload = copyBuffer(raw("in time"))
		c.done <- struct{}{}
		if err := <-done; err != nil {
			t.Error(err)
		}
		l.Close(errors.New("the end"))
	})
}

func TestServerCallsTheNewestSession(t *testing.T) {
	server, first, second := newPeer(PeerOptions{}), newPeer(PeerOptions{}), newPeer(PeerOptions{})
	who := NewMethod[codec.Raw, string]("who")
	who.Handle(first, func(context.Context, codec.Raw) (string, error) { return "first", nil })
	who.Handle(second, func(context.Context, codec.Raw) (string, error) { return "second", nil })
	id := transport.NewID()
	open := func(p *Peer) *pair {
		c := &pair{server: newEnd(true, id), client: newEnd(false, id)}
		c.start(t, server, p, nil)
		return c
	}
	older := open(first)
	newer := open(second)
	older.end() // the older one's end must not hide the newer
	if out, err := who.Call(t.Context(), server.Client(id), nil); out != "second" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	newer.end()
	_, err := who.Call(t.Context(), server.Client(id), nil)
	wantStatus(t, err, status.Unavailable, ErrNotConnected, false)
}
