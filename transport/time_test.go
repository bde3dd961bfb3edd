package transport

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/status"
)

// bubble runs fn in a synctest bubble over pipes, in both codecs.
func bubble(t *testing.T, opts *ServerOptions, fn func(t *testing.T, w *world)) {
	for _, json := range []bool{false, true} {
		name := "msgpack"
		if json {
			name = "json"
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fn(t, newWorld(t, false, json, opts, echo()))
			})
		})
	}
}

// A session that has nothing to say lives on, for hours.
func TestIdleLives(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		c := w.client(nil, &probe{name: "echo"})
		first := c.Session()
		time.Sleep(3 * time.Hour)
		if c.Session() != first {
			t.Fatalf("the session ended: %v", first.Err())
		}
	})
}

// A client that talks all the time and gets no answer still hears from its server.
func TestTalkerHearsServer(t *testing.T) {
	bubble(t, &ServerOptions{Heartbeat: time.Second}, func(t *testing.T, w *world) {
		c := w.client(nil, &probe{name: "echo"})
		first := c.Session()
		for range 300 {
			if err := first.TrySend(frameOf(16, 5, integer(0), integer(0))); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

// A link that is dead without an error is noticed by both ends within their limits.
func TestHalfOpen(t *testing.T) {
	bubble(t, &ServerOptions{Heartbeat: 10 * time.Second}, func(t *testing.T, w *world) {
		var gates []*gate
		opts := w.options()
		opts.Dialer = wrapped(w.dialer, func(c Conn) Conn {
			g := newGate(c)
			gates = append(gates, g)
			return g
		})
		c := w.client(opts, &probe{name: "echo"})
		atClient := c.Session()
		atServer := w.server.Client(c.ID())
		time.Sleep(time.Minute)
		dead := time.Now()
		gates[0].set(func(g *gate) { g.noReads, g.lost = true, true })
		<-atServer.Context().Done()
		if d := time.Since(dead); d < 10*time.Second || d > 23*time.Second {
			t.Errorf("the server noticed after %v", d)
		}
		<-atClient.Context().Done()
		if d := time.Since(dead); d < 10*time.Second || d > 26*time.Second {
			t.Errorf("the client noticed after %v", d)
		}
		for _, s := range []*Session{atServer, atClient} {
			if err := s.Err(); !errors.Is(err, status.Reason("transport.heartbeat")) || !errors.Is(err, status.Unavailable) {
				t.Errorf("ended with %v", err)
			}
		}
		for st := range c.States(context.Background()) {
			if st.Phase == Open {
				break
			}
		}
	})
}

// A write that hangs at the client ends by the same rule.
func TestHungWriteAtClient(t *testing.T) {
	bubble(t, &ServerOptions{Heartbeat: 10 * time.Second}, func(t *testing.T, w *world) {
		var g *gate
		opts := w.options()
		opts.Dialer = wrapped(w.dialer, func(c Conn) Conn { g = newGate(c); return g })
		c := w.client(opts, &probe{name: "echo"})
		s := c.Session()
		g.set(func(g *gate) { g.noWrites = true })
		stop := time.AfterFunc(time.Hour, func() { t.Error("not noticed within an hour"); c.Close() })
		defer stop.Stop()
		if err := s.TrySend(frameOf(16, 1, integer(0), integer(0))); err != nil {
			t.Fatal(err)
		}
		<-s.Context().Done()
	})
}

// A connection without hello is closed; so is one whose peer never says welcome.
func TestHandshakeTimeout(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		begin := time.Now()
		p := w.raw()
		msg, err := p.conn.Read()
		var c *CloseError
		if !errors.As(err, &c) || c.Code != CloseHandshakeTimeout {
			t.Fatalf("read %x, %v", msg, err)
		}
		if d := time.Since(begin); d != 10*time.Second {
			t.Fatalf("after %v", d)
		}
		p.conn.WriteClose(c.Code, "")
		p.conn.Close()
	})
	bubble(t, nil, func(t *testing.T, w *world) {
		opts := w.options()
		opts.ConnectTimeout = 3 * time.Second
		opts.Dialer = wrapped(w.dialer, func(c Conn) Conn {
			g := newGate(c)
			g.lost = true
			return g
		})
		begin := time.Now()
		_, err := Dial(context.Background(), "", opts)
		if !errors.Is(err, reasonOf(CloseHandshakeTimeout)) || time.Since(begin) < 3*time.Second {
			t.Fatalf("Dial = %v after %v", err, time.Since(begin))
		}
	})
}

// The delay of a goaway is kept: the client stays until then and comes back at once.
func TestGoaway(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		next := NewServer(&ServerOptions{Logger: quiet()}, echo())
		defer next.Close(context.Background())
		var drained atomic.Bool
		opts := w.options()
		opts.Dialer = dialerFunc(func(ctx context.Context, url, sub string) (Conn, error) {
			if drained.Load() {
				return next.Pipe().Dial(ctx, url, sub)
			}
			return w.dialer.Dial(ctx, url, sub)
		})
		c := w.client(opts, &probe{name: "echo"})
		first := c.Session()
		drained.Store(true)
		begin := time.Now()
		if err := w.server.Drain(context.Background(), time.Minute); err != nil {
			t.Fatal(err)
		}
		left := time.Since(begin)
		if left > time.Minute || left < time.Millisecond {
			t.Fatalf("left after %v", left)
		}
		synctest.Wait()
		if s := c.Session(); s == nil || s == first || time.Since(begin) > left {
			t.Fatalf("not back at once: %+v", c.State())
		}
		if _, err := w.dialer.Dial(context.Background(), "", SubprotocolMsgpack); !errors.Is(err, status.Unavailable) {
			t.Fatalf("a draining server let one in: %v", err)
		}
	})
}

// A server that closes before the goaway's delay is over: the client waits what is left.
func TestGoawayThenClose(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		c := w.client(nil, &probe{name: "echo"})
		s := w.server.Client(c.ID())
		s.queueControl(appendGoaway(nil, 30_000, "restart"))
		synctest.Wait()
		s.Close(CloseGoingAway, "restart")
		synctest.Wait()
		st := c.State()
		if wait := time.Until(st.Retry); st.Phase != Connecting || wait < 29*time.Second || wait > 31*time.Second {
			t.Fatalf("state %+v, retry in %v", st, wait)
		}
		if !errors.Is(st.Err, status.Reason("transport.going_away")) {
			t.Fatalf("Err = %v", st.Err)
		}
		time.Sleep(31 * time.Second)
		if c.Session() == nil {
			t.Fatal("not back")
		}
	})
}

// Delays grow to the cap, are drawn below it, and MaxAttempts is the end.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := status.New(status.Unavailable, "test.refused", "no")
		begin := time.Now()
		c := Connect("", &ClientOptions{
			MinBackoff: time.Second, MaxBackoff: 8 * time.Second, MaxAttempts: 50, Logger: quiet(),
			Dialer: dialerFunc(func(context.Context, string, string) (Conn, error) { return nil, refused }),
		})
		longest := time.Duration(0)
		last := State{}
		for st := range c.States(context.Background()) {
			last = st
			if !st.Retry.IsZero() {
				wait := time.Until(st.Retry)
				top := min(8*time.Second, time.Second<<min(10, st.Attempt-1))
				if wait < 0 || wait >= top {
					t.Errorf("attempt %d waits %v", st.Attempt, wait)
				}
				longest = max(longest, wait)
			}
		}
		if last.Phase != Closed || last.Attempt != 50 || !errors.Is(last.Err, status.Reason("test.refused")) {
			t.Errorf("last state %+v", last)
		}
		// 49 delays of 4 s on average: far outside of this only if they are not drawn so.
		if d := time.Since(begin); d < 60*time.Second || d > 8*49*time.Second || longest < 4*time.Second {
			t.Errorf("%v in all, %v the longest", d, longest)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A session that lived starts the count again; one that did not live does not.
func TestAttemptsStartAgain(t *testing.T) {
	bubble(t, &ServerOptions{Heartbeat: 10 * time.Second}, func(t *testing.T, w *world) {
		var conns []Conn
		opts := w.options()
		opts.Dialer = wrapped(w.dialer, func(c Conn) Conn { conns = append(conns, c); return c })
		c := w.client(opts, &probe{name: "echo"})
		for n := 1; n <= 3; n++ {
			conns[len(conns)-1].Close()
			synctest.Wait()
			if st := c.State(); st.Attempt != n || !errors.Is(st.Err, reasonLost) {
				t.Fatalf("after %d short sessions: %+v", n, st)
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		conns[len(conns)-1].Close()
		synctest.Wait()
		if st := c.State(); st.Attempt != 0 || time.Until(st.Retry) > 100*time.Millisecond {
			t.Fatalf("after a long one: %+v", st)
		}
	})
}

// Credentials that have expired end the session, which comes back with fresh ones.
func TestExpiry(t *testing.T) {
	opts := &ServerOptions{Authenticate: func(_ context.Context, h *Hello) (Identity, error) {
		token, _ := h.Credentials[""]["token"].(int64)
		return Identity{User: "u", Expires: time.Now().Add(time.Duration(token) * time.Minute)}, nil
	}}
	bubble(t, opts, func(t *testing.T, w *world) {
		asked := int64(0)
		o := w.options()
		o.Credentials = func(context.Context) (map[string]map[string]any, error) {
			asked++
			return map[string]map[string]any{"": {"token": asked}}, nil
		}
		c := w.client(o, &probe{name: "echo"})
		if c.Session().Identity().User != "u" {
			t.Fatal("no user")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if asked != 2 || c.Session() == nil {
			t.Fatalf("asked %d times, state %+v", asked, c.State())
		}
	})
}

// A client that waits for its server gets it, and Close ends the waiting.
func TestConnectWaits(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		up := atomic.Bool{}
		opts := w.options()
		opts.Dialer = dialerFunc(func(ctx context.Context, url, sub string) (Conn, error) {
			if !up.Load() {
				return nil, io.EOF
			}
			return w.dialer.Dial(ctx, url, sub)
		})
		c := Connect("", opts, &probe{name: "echo"})
		time.Sleep(10 * time.Minute)
		if st := c.State(); st.Phase != Connecting || st.Attempt < 10 || st.Err == nil {
			t.Fatalf("%+v", st)
		}
		up.Store(true)
		time.Sleep(30 * time.Second)
		if c.Session() == nil {
			t.Fatalf("%+v", c.State())
		}
		c.Close()
		c.Close()
		if st := c.State(); st.Phase != Closed || !errors.Is(st.Err, ErrClosed) {
			t.Fatalf("%+v", st)
		}
		opts.Dialer = dialerFunc(func(ctx context.Context, _, _ string) (Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		hanging := Connect("", opts)
		time.Sleep(time.Second)
		hanging.Close()
	})
}
