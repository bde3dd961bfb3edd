package pubsub

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// ledger is what was published, by offset.
type ledger struct {
	mu      sync.Mutex
	entries map[int64]ledgerEntry
}

type ledgerEntry struct {
	topic string
	n     int64
}

func (l *ledger) publish(t testing.TB, ctx context.Context, p Publisher, topic string, n int64) Position {
	at := publish(t, ctx, p, topic, n)
	l.mu.Lock()
	l.entries[at.Offset] = ledgerEntry{topic, n}
	l.mu.Unlock()
	return at
}

// witness consumes a subscription and holds it against the ledger.
type witness struct {
	filter string
	sub    *Subscription[int64]
	start  int64
	until  int64 // earlier final marks are none
	got    []Message[int64]
	gaps   []Gap
	order  []any // both, as they came
}

const finalMark = -1

// run consumes until the final mark.
func (w *witness) run(t *testing.T, ctx context.Context) {
	for m, err := range w.sub.All(ctx) {
		var g *Gap
		switch {
		case errors.As(err, &g):
			w.gaps = append(w.gaps, *g)
			w.order = append(w.order, *g)
		case err != nil:
			t.Errorf("%s: %v", w.filter, err)
			return
		case m.Value == finalMark && m.Position.Offset >= w.until:
			return
		default:
			w.got = append(w.got, m)
			w.order = append(w.order, m)
		}
	}
}

// check: ascending, nothing twice, nothing missing that no gap tells of, nothing foreign.
func (w *witness) check(t *testing.T, l *ledger, lossless bool) {
	last := w.start
	seen := map[int64]bool{}
	for _, m := range w.got {
		if m.Position.Offset <= last {
			t.Fatalf("%s: offset %d behind %d", w.filter, m.Position.Offset, last)
		}
		last = m.Position.Offset
		seen[last] = true
		if e := l.entries[last]; e.n != m.Value || e.topic != m.Topic {
			t.Fatalf("%s: offset %d is %s %d, was published as %+v", w.filter, last, m.Topic, m.Value, e)
		}
	}
	missing := 0
	for offset, e := range l.entries {
		if offset <= w.start || !Match(w.filter, e.topic) || seen[offset] || e.n == finalMark {
			continue
		}
		missing++
		told := false
		for _, g := range w.gaps {
			told = told || g.After < offset && offset <= g.To && (g.Topic == "" || g.Topic == e.topic)
		}
		if !told {
			t.Fatalf("%s: offset %d is missing, and none of %d gaps tells", w.filter, offset, len(w.gaps))
		}
	}
	if lossless && len(w.gaps) > 0 {
		t.Errorf("%s: %d gaps, though history holds everything: %+v", w.filter, len(w.gaps), w.gaps[0])
	}
	t.Logf("%s: %d messages, %d gaps over %d missing", w.filter, len(w.got), len(w.gaps), missing)
}

// TestResume cuts connections at random places many times: with enough history nothing is lost or doubled, with
// too little everything lost is told.
func TestResume(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	for _, c := range []struct {
		name    string
		history int
		json    bool
		socket  bool
	}{
		{"pipe", -1, false, false},
		{"pipe, short history", 3, true, false},
		{"socket", -1, true, true},
		{"socket, short history", 3, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Logf("seed %d", seed)
			rnd := rand.New(rand.NewPCG(seed, 1))
			w := rules(t, open("a.>", c.history))
			resume(t, w, rnd, c.json, c.socket, c.history < 0)
		})
	}
}

func resume(t *testing.T, w *world, rnd *rand.Rand, json, socket, lossless bool) {
	var cuts atomic.Int64
	var sockets *socketCutter
	if socket {
		w.listen()
	}
	cl := w.client(func(o *transport.ClientOptions) {
		o.JSON = json
		if socket {
			sockets = &socketCutter{rnd: rand.New(rand.NewPCG(rnd.Uint64(), 2)), cuts: &cuts}
			o.Dialer = &transport.WebSocketDialer{DialContext: sockets.dial}
			o.MinBackoff, o.MaxBackoff = time.Microsecond, 100*time.Microsecond
		}
	})
	l := &ledger{entries: map[int64]ledgerEntry{}}
	l.publish(t, w.ctx, w.hub, "a.x", 0)
	var all []*witness
	for _, filter := range []string{"a.x", "a.*", "a.>", "a.y.z", "a.x"} {
		sub := subscribe[int64](t, w.ctx, cl, filter, Buffer(100_000))
		start := sub.wire.at.Offset
		all = append(all, &witness{filter: filter, sub: sub, start: start})
	}
	all = append(all, &witness{filter: "a.*", sub: subscribe[int64](t, w.ctx, cl, "a.*", Buffer(100_000), From(Position{}))})
	var done sync.WaitGroup
	for _, s := range all {
		done.Go(func() { s.run(t, w.ctx) })
	}
	topics := []string{"a.x", "a.y", "a.y.z"}
	for n := int64(1); n <= 3000; n++ {
		l.publish(t, w.ctx, w.hub, topics[rnd.IntN(len(topics))], n)
		if cl.dialer != nil && rnd.IntN(8) == 0 {
			cuts.Add(1)
			if rnd.IntN(2) == 0 {
				cl.dialer.cut()
			} else {
				cl.dialer.cutAfter(rnd.IntN(4))
			}
		}
		if sockets != nil && rnd.IntN(8) == 0 {
			for cl.conn.Session() == nil && rnd.IntN(100) > 0 { // mostly, a session is cut and not its handshake
				time.Sleep(50 * time.Microsecond)
			}
			sockets.cut()
		}
		if rnd.IntN(12) == 0 {
			time.Sleep(time.Duration(rnd.IntN(2_000)) * time.Microsecond) // so that it is connected at times
		}
	}
	// With a short history a mark may be removed by another one: wait until each witness has one.
	for _, topic := range topics {
		l.publish(t, w.ctx, w.hub, topic, finalMark)
	}
	done.Wait()
	for _, s := range all {
		s.check(t, l, lossless)
	}
	t.Logf("%d cuts", cuts.Load())
}

// socketCutter dials connections that break when they are cut, and after some random bytes were read: in the middle of a message,
// of the handshake, wherever that is.
type socketCutter struct {
	cuts *atomic.Int64

	mu    sync.Mutex
	rnd   *rand.Rand
	dials int
	live  []net.Conn
}

func (d *socketCutter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	left := 1500 + d.rnd.IntN(6_000)
	if d.dials++; d.dials%20 == 0 {
		left = 200_000 // a message of the transport counts only as a whole: let some large one pass
	}
	d.live = append(d.live, conn)
	return &fragileConn{Conn: conn, left: left, cuts: d.cuts}, nil
}

// cut breaks every connection now.
func (d *socketCutter) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.live {
		if c.Close() == nil { // it was not cut already
			d.cuts.Add(1)
		}
	}
	d.live = nil
}

type fragileConn struct {
	net.Conn
	left int
	cuts *atomic.Int64
}

func (c *fragileConn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		c.cuts.Add(1)
		c.Close()
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// TestWithoutHistory: whoever was away is told of a gap of unknown size, once for each absence.
func TestWithoutHistory(t *testing.T) {
	w := rules(t, open("a", 0))
	c := w.client(nil)
	s := subscribe[int](t, w.ctx, c, "a")
	publish(t, w.ctx, w.hub, "a", 1)
	want(t, w.ctx, s, 1)
	c.dialer.setDown(true)
	c.dialer.cut()
	for c.conn.Session() != nil {
		time.Sleep(time.Millisecond)
	}
	publish(t, w.ctx, w.hub, "a", 2)
	c.dialer.setDown(false)
	if g := wantGap(t, w.ctx, s, Reconnected); g.Count != -1 || g.To != 0 {
		t.Errorf("gap %+v", g)
	}
	publish(t, w.ctx, w.hub, "a", 3)
	want(t, w.ctx, s, 3)
}

// TestPublishSettles: a publish that was in flight when the connection was lost settles once, and only what
// may have happened is called unknown.
func TestPublishSettles(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 3))
	w := rules(t, open("a.*", -1))
	c := w.client(nil)
	var mu sync.Mutex
	acked, unknown := map[int64]bool{}, 0
	var again atomic.Int64 // publishes that certainly did not happen, and were repeated
	var wg sync.WaitGroup
	for p := range int64(4) {
		wg.Go(func() {
			for n := p; n < 800; n += 4 {
				_, err := c.Publish(w.ctx, "a.b", n)
				for err != nil && !status.OutcomeUnknown(err) && errors.Is(err, status.Unavailable) {
					again.Add(1)
					time.Sleep(20 * time.Microsecond)
					_, err = c.Publish(w.ctx, "a.b", n)
				}
				mu.Lock()
				switch {
				case err == nil:
					acked[n] = true
				case status.OutcomeUnknown(err):
					unknown++
				default:
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	stop := make(chan struct{})
	var cutting sync.WaitGroup
	cutting.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(100+rnd.IntN(400)) * time.Microsecond):
				c.dialer.cut()
			}
		}
	})
	wg.Wait()
	close(stop)
	cutting.Wait()
	count := map[int64]int{}
	s := subscribe[int64](t, w.ctx, w.client(nil), "a.b", From(Position{}), Buffer(10_000))
	publish(t, w.ctx, w.hub, "a.b", finalMark)
	for m, err := range s.All(w.ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Value == finalMark {
			break
		}
		count[m.Value]++
	}
	for n := range int64(800) {
		if acked[n] && count[n] != 1 || count[n] > 1 {
			t.Errorf("publish %d: acknowledged %v, is there %d times", n, acked[n], count[n])
		}
	}
	t.Logf("%d acknowledged, %d repeated, %d unknown", len(acked), again.Load(), unknown)
}

func TestNotConnected(t *testing.T) {
	c := NewClient(nil)
	if _, err := c.Publish(t.Context(), "a", 1); !errors.Is(err, ErrNotConnected) || status.OutcomeUnknown(err) {
		t.Errorf("publish: %v", err)
	}
	if _, err := c.Members(t.Context(), "a"); !errors.Is(err, ErrNotConnected) {
		t.Errorf("members: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := Subscribe[int](ctx, c, "a"); !errors.Is(err, status.DeadlineExceeded) {
		t.Errorf("subscribe: %v", err)
	}
	if len(c.wires) != 0 {
		t.Error("the subscription that was given up is still there")
	}
}

// TestClosedForGood: feeds end when the connection does not come back.
func TestClosedForGood(t *testing.T) {
	w := rules(t, Rule{Topic: "a", Subscribe: AllowAll, Members: true})
	c := w.client(nil)
	s := subscribe[int](t, w.ctx, c, "a")
	f, err := c.WatchMembers(w.ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	c.conn.Close()
	for _, err := range s.All(w.ctx) {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("the subscription ended with %v", err)
		}
	}
	var last error
	for _, err := range f.All(w.ctx) {
		last = err
	}
	if !errors.Is(last, ErrClosed) {
		t.Errorf("the member feed ended with %v", last)
	}
	if _, err := Subscribe[int](w.ctx, c.Client, "a"); !errors.Is(err, ErrClosed) {
		t.Errorf("subscribe: %v", err)
	}
}
