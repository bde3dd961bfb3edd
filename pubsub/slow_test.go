package pubsub

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/transport"
)

// gate is a connection whose reading side can be stopped, so that the server has nowhere to send to.
type gate struct {
	transport.Conn
	mu     sync.Mutex
	closed chan struct{} // nil while open
}

func (g *gate) Read() ([]byte, error) {
	g.mu.Lock()
	wait := g.closed
	g.mu.Unlock()
	if wait != nil {
		<-wait
	}
	return g.Conn.Read()
}

func (g *gate) stop() {
	g.mu.Lock()
	g.closed = make(chan struct{})
	g.mu.Unlock()
}

func (g *gate) start() {
	g.mu.Lock()
	close(g.closed)
	g.closed = nil
	g.mu.Unlock()
}

type gateDialer struct {
	inner transport.Dialer
	last  *gate
}

func (d *gateDialer) Dial(ctx context.Context, url, subprotocol string) (transport.Conn, error) {
	c, err := d.inner.Dial(ctx, url, subprotocol)
	if err != nil {
		return nil, err
	}
	d.last = &gate{Conn: c}
	return d.last, nil
}

func slowWorld(t *testing.T, r ...Rule) *world {
	return newWorld(t, &HubOptions{Rules: r}, &transport.ServerOptions{Outbound: 64 << 10})
}

func (w *world) gated(json bool) (*client, *gateDialer) {
	d := &gateDialer{inner: w.server.Pipe()}
	return w.client(func(o *transport.ClientOptions) { o.Dialer, o.JSON = d, json }), d
}

const slowMessages = 400

var filling = strings.Repeat("x", 2000) // slowMessages of it exceed the outbound budget many times

type filled struct {
	N    int64  `json:"n"`
	Fill string `json:"fill"`
}

// TestSlowWithHistory: a stopped reader costs publisher and others nothing, and gets everything in the end.
func TestSlowWithHistory(t *testing.T) {
	for _, json := range []bool{false, true} {
		w := slowWorld(t, open("a.*", -1))
		slow, d := w.gated(json)
		quick := w.client(nil)
		var subs []*Subscription[filled]
		for _, filter := range []string{"a.x", "a.*", "a.y"} {
			subs = append(subs, subscribe[filled](t, w.ctx, slow, filter, Buffer(10_000)))
		}
		other := subscribe[filled](t, w.ctx, quick, "a.*")
		d.last.stop()
		for i := range int64(slowMessages) {
			publish(t, w.ctx, quick, []string{"a.x", "a.y"}[i%2], filled{i, filling})
			if m, err := next(t, w.ctx, other); err != nil || m.Value.N != i {
				t.Fatalf("the quick one got %d, %v in place of %d", m.Value.N, err, i)
			}
		}
		d.last.start()
		for i, s := range subs {
			for n := int64(0); n < slowMessages; n++ {
				if i == 0 && n%2 == 1 || i == 2 && n%2 == 0 {
					continue
				}
				if m, err := next(t, w.ctx, s); err != nil || m.Value.N != n {
					t.Fatalf("%s: got %d, %v in place of %d", s.Filter(), m.Value.N, err, n)
				}
			}
		}
		// And they are live again.
		publish(t, w.ctx, quick, "a.x", filled{-1, ""})
		for _, s := range subs[:2] {
			if m, err := next(t, w.ctx, s); err != nil || m.Value.N != -1 {
				t.Fatalf("%s: got %d, %v", s.Filter(), m.Value.N, err)
			}
		}
	}
}

// TestSlowWithoutHistory: what was dropped is counted exactly, in its place.
func TestSlowWithoutHistory(t *testing.T) {
	w := slowWorld(t, open("a.*", 0))
	slow, d := w.gated(false)
	subs := []*Subscription[filled]{
		subscribe[filled](t, w.ctx, slow, "a.x", Buffer(10_000)), subscribe[filled](t, w.ctx, slow, "a.*", Buffer(10_000)),
	}
	for range 3 {
		d.last.stop()
		for i := range int64(slowMessages) {
			publish(t, w.ctx, w.hub, "a.x", filled{i, filling})
		}
		d.last.start()
		for _, s := range subs {
			n := int64(0)
			for n < slowMessages {
				m, err := next(t, w.ctx, s)
				var g *Gap
				switch {
				case errors.As(err, &g):
					if g.Cause != SlowConsumer || g.Count < 1 {
						t.Fatalf("gap %+v", g)
					}
					n += g.Count
				case err != nil || m.Value.N != n:
					t.Fatalf("%s: got %d, %v in place of %d", s.Filter(), m.Value.N, err, n)
				default:
					n++
				}
			}
			if n != slowMessages {
				t.Errorf("%s: messages and counts add up to %d of %d", s.Filter(), n, slowMessages)
			}
		}
	}
}

// TestSlowShortHistory: messages and gaps together cover everything.
func TestSlowShortHistory(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 4))
	w := slowWorld(t, open("a.*", 5))
	slow, d := w.gated(false)
	l := &ledger{entries: map[int64]ledgerEntry{}}
	var all []*witness
	var wg sync.WaitGroup
	for _, filter := range []string{"a.x", "a.y", "a.*"} {
		s := &witness{filter: filter, sub: subscribe[int64](t, w.ctx, slow, filter, Buffer(100_000))}
		all = append(all, s)
		wg.Go(func() { s.run(t, w.ctx) })
	}
	topics := []string{"a.x", "a.y", "a.z"}
	for n := range int64(8000) {
		if n%1000 == 0 {
			d.last.stop()
		}
		l.publish(t, w.ctx, w.hub, topics[rnd.IntN(3)], n)
		if n%1000 == 900 {
			d.last.start()
		}
	}
	for _, topic := range topics[:2] {
		l.publish(t, w.ctx, w.hub, topic, finalMark)
	}
	wg.Wait()
	for _, s := range all {
		s.check(t, l, false)
	}
}

func TestSlowDisconnect(t *testing.T) {
	r := open("a", -1)
	r.Slow = Disconnect
	w := slowWorld(t, r)
	slow, d := w.gated(false)
	s := subscribe[filled](t, w.ctx, slow, "a", Buffer(10_000))
	first, session := d.last, slow.conn.Session()
	first.stop()
	for i := range int64(slowMessages) {
		publish(t, w.ctx, w.hub, "a", filled{i, filling})
	}
	first.start()
	for n := range int64(slowMessages) { // after coming back
		if m, err := next(t, w.ctx, s); err != nil || m.Value.N != n {
			t.Fatalf("got %d, %v in place of %d", m.Value.N, err, n)
		}
	}
	if slow.conn.Session() == session {
		t.Error("the session was not ended")
	}
}

// TestTooLarge: a publication that does not fit into a subscriber's frames is told, live and out of history.
func TestTooLarge(t *testing.T) {
	for _, history := range []int{0, 10} {
		for _, json := range []bool{false, true} {
			w := rules(t, open("a", history))
			c := w.client(func(o *transport.ClientOptions) {
				o.JSON, o.MaxFrame, o.MaxMessage = json, 8<<10, 8<<10
			})
			s := subscribe[filled](t, w.ctx, c, "a")
			for i := range int64(3) {
				fill := ""
				if i == 1 {
					fill = strings.Repeat("\x01", 5000) // in JSON six times as long
					if !json {
						fill += fill
					}
				}
				publish(t, w.ctx, w.hub, "a", filled{i, fill})
			}
			check := func(s *Subscription[filled]) {
				t.Helper()
				if m, err := next(t, w.ctx, s); err != nil || m.Value.N != 0 {
					t.Fatalf("got %d, %v", m.Value.N, err)
				}
				if g := wantGap(t, w.ctx, s, TooLarge); g.Count != 1 {
					t.Errorf("gap %+v", g)
				}
				if m, err := next(t, w.ctx, s); err != nil || m.Value.N != 2 {
					t.Fatalf("got %d, %v", m.Value.N, err)
				}
			}
			check(s)
			if history > 0 {
				check(subscribe[filled](t, w.ctx, c, "a", Last(10)))
			}
		}
	}
}

// TestFullBuffer: a program that does not look loses the oldest, and is told how many.
func TestFullBuffer(t *testing.T) {
	for _, history := range []int{0, 100} {
		w := rules(t, open("a", history))
		c := w.client(nil)
		s, all := subscribe[int](t, w.ctx, c, "a", Buffer(4)), subscribe[int](t, w.ctx, c, "a")
		for i := range 10 {
			publish(t, w.ctx, w.hub, "a", i)
		}
		want(t, w.ctx, all, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
		g := wantGap(t, w.ctx, s, BufferFull)
		if g.Count != 6 || history > 0 && (g.After != 0 || g.To != 6) || history == 0 && g.To != 0 {
			t.Errorf("gap %+v", g)
		}
		want(t, w.ctx, s, 6, 7, 8, 9)
	}
}
