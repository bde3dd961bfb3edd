package pubsub

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/trefoilgo/trefoil/status"
)

// TestTwoHubs: hubs that share a broker see each other's publications, in one order, and a client resumes on either.
func TestTwoHubs(t *testing.T) {
	broker := NewMemoryBroker(nil)
	opts := &HubOptions{Rules: []Rule{open("a.*", 100), open("b.*", 0)}, Broker: broker}
	one, two := newWorld(t, opts, nil), newWorld(t, opts, nil)
	x, y := one.client(nil), two.client(asJSON)
	sx, sy := subscribe[int](t, one.ctx, x, "a.*"), subscribe[int](t, one.ctx, y, "a.*")
	ex, ey := subscribe[int](t, one.ctx, x, "b.*"), subscribe[int](t, one.ctx, y, "b.*")
	var last Position
	for i := range 50 {
		from := []Publisher{x, y, one.hub, two.hub}[i%4]
		last = publish(t, one.ctx, from, "a.b", i)
		publish(t, one.ctx, from, "b.b", i)
		mx, my := want(t, one.ctx, sx, i), want(t, one.ctx, sy, i)
		if mx.Position != last || my.Position != last {
			t.Fatalf("positions %v, %v, %v", last, mx.Position, my.Position)
		}
		want(t, one.ctx, ex, i)
		want(t, one.ctx, ey, i)
	}
	last.Offset -= 3
	want(t, one.ctx, subscribe[int](t, one.ctx, y, "a.b", From(last)), 47, 48, 49)
	publish(t, one.ctx, y, "a.b", 50, NotToMyself())
	publish(t, one.ctx, x, "a.b", 51)
	want(t, one.ctx, sx, 50, 51)
	want(t, one.ctx, sy, 51)
	one.hub.Close()
	publish(t, one.ctx, y, "a.b", 52)
	want(t, one.ctx, sy, 52)
}

// TestConcurrentHubs: publishers and subscribers on both hubs at once; each subscriber sees one and the same order.
func TestConcurrentHubs(t *testing.T) {
	broker := NewMemoryBroker(nil)
	opts := &HubOptions{Rules: []Rule{open("a.*", -1)}, Broker: broker}
	worlds := []*world{newWorld(t, opts, nil), newWorld(t, opts, nil)}
	l := &ledger{entries: map[int64]ledgerEntry{}}
	var all []*witness
	var readers, writers sync.WaitGroup
	for i := range 4 {
		w := worlds[i%2]
		writers.Go(func() {
			for n := range int64(300) {
				l.publish(t, w.ctx, w.hub, []string{"a.x", "a.y"}[n%2], n)
				if n%50 != 0 {
					continue
				}
				// A late one, from the beginning, while others publish.
				c := w.client(nil)
				s, err := Subscribe[int64](w.ctx, c.Client, "a.*", From(Position{}), Buffer(10_000))
				if err != nil {
					t.Error(err)
					return
				}
				wit := &witness{filter: "a.*", sub: s}
				l.mu.Lock()
				all = append(all, wit)
				l.mu.Unlock()
				readers.Go(func() { wit.run(t, w.ctx) })
			}
		})
	}
	writers.Wait()
	l.publish(t, worlds[0].ctx, worlds[0].hub, "a.x", finalMark)
	readers.Wait()
	for _, s := range all {
		s.check(t, l, true)
	}
}

// TestEpoch: a position above the head shows that the log was restored, once; afterwards it is a lie that concerns nobody else.
func TestEpoch(t *testing.T) {
	w := rules(t, open("a", 10))
	c, other := w.client(nil), w.client(nil)
	s := subscribe[int](t, w.ctx, other, "a")
	at := publish(t, w.ctx, c, "a", 1)
	want(t, w.ctx, s, 1)
	ahead := at
	ahead.Offset += 100
	liar := subscribe[int](t, w.ctx, c, "a", From(ahead))
	wantGap(t, w.ctx, liar, EpochChanged)
	wantGap(t, w.ctx, s, EpochChanged)
	now := publish(t, w.ctx, c, "a", 2)
	if now.Epoch == at.Epoch || now.Offset <= at.Offset {
		t.Fatalf("position %+v behind %+v", now, at)
	}
	want(t, w.ctx, s, 2)
	want(t, w.ctx, liar, 2)
	ahead = now
	ahead.Offset += 100
	wantGap(t, w.ctx, subscribe[int](t, w.ctx, c, "a", From(ahead)), EpochChanged)
	if again := publish(t, w.ctx, c, "a", 3); again.Epoch != now.Epoch {
		t.Error("a made-up position began another epoch")
	}
	want(t, w.ctx, s, 3)
}

// faulty is a broker whose methods fail while it is told to.
type faulty struct {
	Broker
	publishing, heads atomic.Pointer[status.Error]
	feed              Feed
}

func (f *faulty) Attach(feed Feed) func() {
	f.feed = feed
	return f.Broker.Attach(feed)
}

func (f *faulty) Publish(ctx context.Context, log string, r Record) (Position, error) {
	if err := f.publishing.Load(); err != nil {
		return Position{}, err
	}
	return f.Broker.Publish(ctx, log, r)
}

func (f *faulty) Head(ctx context.Context, log, filter string) (Head, error) {
	if err := f.heads.Load(); err != nil {
		return Head{}, err
	}
	return f.Broker.Head(ctx, log, filter)
}

func (f *faulty) Read(ctx context.Context, log string, q Query) iter.Seq2[*Record, error] {
	return f.Broker.Read(ctx, log, q)
}

func TestBrokerFails(t *testing.T) {
	f := &faulty{Broker: NewMemoryBroker(nil)}
	w := newWorld(t, &HubOptions{Rules: []Rule{open("a", 10), open("b", 0)}, Broker: f}, nil)
	c := w.client(nil)
	s := subscribe[int](t, w.ctx, c, "a")
	b := subscribe[int](t, w.ctx, c, "b")

	lost := status.New(status.Unavailable, "test.lost", "lost").MaybeDone()
	f.publishing.Store(lost)
	if _, err := c.Publish(w.ctx, "a", 1); !errors.Is(err, lost.Reason) || !status.OutcomeUnknown(err) {
		t.Errorf("publish: %v", err)
	}
	f.publishing.Store(nil)

	f.heads.Store(lost)
	if _, err := Subscribe[int](w.ctx, c.Client, "a"); err != nil { // shares the live one
		t.Errorf("subscribe: %v", err)
	}
	if _, err := Subscribe[int](w.ctx, c.Client, "a", Last(1)); !errors.Is(err, lost.Reason) {
		t.Errorf("subscribe with history: %v", err)
	}
	f.heads.Store(nil)

	// A feed that was interrupted: with history nothing is lost, without it is told.
	publish(t, w.ctx, w.hub, "a", 1)
	f.feed.Reset("a")
	f.feed.Reset("")
	publish(t, w.ctx, w.hub, "a", 2)
	want(t, w.ctx, s, 1, 2)
	wantGap(t, w.ctx, b, FeedLost)

	// A broker that fails while a subscription catches up ends it.
	f.heads.Store(lost)
	f.feed.Reset("a")
	for _, err := range s.All(w.ctx) {
		if !errors.Is(err, lost.Reason) {
			t.Errorf("ended with %v", err)
		}
	}
}
