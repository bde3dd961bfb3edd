package pubsub

import (
	"context"
	"iter"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
)

// hooked is a broker that lets a test do something right after a head was looked up, or right before and in the
// middle of reading: the moments at which the world may change under a subscription that catches up.
type hooked struct {
	Broker
	hook atomic.Pointer[func(moment string)]
}

func (h *hooked) at(moment string) {
	if f := h.hook.Load(); f != nil {
		(*f)(moment)
	}
}

func (h *hooked) Head(ctx context.Context, log, filter string) (Head, error) {
	head, err := h.Broker.Head(ctx, log, filter)
	h.at("head")
	return head, err
}

func (h *hooked) Read(ctx context.Context, log string, q Query) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		h.at("read")
		for r, err := range h.Broker.Read(ctx, log, q) {
			if !yield(r, err) {
				return
			}
			h.at("yield")
		}
	}
}

// TestChangesWhileCatchingUp: publications that arrive, and records that go, at every moment of catching up.
func TestChangesWhileCatchingUp(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 5))
	for _, history := range []int{-1, 2} {
		b := &hooked{Broker: NewMemoryBroker(nil)}
		w := newWorld(t, &HubOptions{Rules: []Rule{open("a.*", history)}, Broker: b}, nil)
		c := w.client(nil)
		l := &ledger{entries: map[int64]ledgerEntry{}}
		n := int64(0)
		some := func(most int) {
			for range rnd.IntN(most) {
				n++
				l.publish(t, w.ctx, w.hub, []string{"a.x", "a.y", "a.z"}[rnd.IntN(3)], n)
			}
		}
		for range 150 {
			some(8)
			left := rnd.IntN(20)
			hook := func(string) { // on the one goroutine that serves the session
				if left > 0 {
					left--
					some(1 + rnd.IntN(3))
				}
			}
			l.mu.Lock()
			from := Position{Log: "a.*", Epoch: w.hub.byRule[0].epoch, Offset: max(0, int64(len(l.entries))-int64(rnd.IntN(8)))}
			l.mu.Unlock()
			wit := &witness{filter: []string{"a.x", "a.*"}[rnd.IntN(2)]}
			opts := []SubscribeOption{Buffer(10_000)}
			b.hook.Store(&hook)
			if from.Epoch != "" && rnd.IntN(3) > 0 {
				opts = append(opts, From(from))
			}
			wit.sub = subscribe[int64](t, w.ctx, c, wit.filter, opts...)
			if wit.start = from.Offset; len(opts) == 1 {
				wit.start = wit.sub.wire.at.Offset
			}
			for deadline := time.Now().Add(10 * time.Second); ; {
				c.mu.Lock()
				state := wit.sub.wire.state
				c.mu.Unlock()
				if state == flowing {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("it never became live")
				}
				time.Sleep(10 * time.Microsecond)
			}
			b.hook.Store(nil)
			some(3)
			wit.until = l.publish(t, w.ctx, w.hub, "a.x", finalMark).Offset
			wit.run(t, w.ctx)
			wit.sub.Close()
			wit.check(t, l, history < 0 || len(opts) == 1)
		}
	}
}

// TestBlockedPort: while one subscription of a session has not been told that it is behind, nothing live may pass, or
// its position would jump over what it missed.
func TestBlockedPort(t *testing.T) {
	w := rules(t, open("a.*", 100))
	c := w.client(nil)
	wide, narrow := subscribe[int](t, w.ctx, c, "a.*"), subscribe[int](t, w.ctx, c, "a.b")
	publish(t, w.ctx, w.hub, "a.b", 1)
	want(t, w.ctx, wide, 1)
	want(t, w.ctx, narrow, 1)
	l := w.hub.byRule[0]
	l.mu.Lock()
	var p *port
	for _, p = range l.ports {
		p.blocked = true // as if the session had no room just now
		for _, s := range p.subs {
			if s.filter == "a.*" {
				s.state, s.told, s.cursor = behind, false, l.delivered
			}
		}
	}
	l.mu.Unlock()
	publish(t, w.ctx, w.hub, "a.c", 2)
	publish(t, w.ctx, w.hub, "a.b", 3)
	publish(t, w.ctx, w.hub, "a.d", 4)
	p.peer.later(p) // and now it has
	want(t, w.ctx, wide, 2, 3, 4)
	want(t, w.ctx, narrow, 3)
}

// TestClientWhileReplaying: what is live belongs to others until the replay is over.
func TestClientWhileReplaying(t *testing.T) {
	c := NewClient(nil)
	l := &link{client: c}
	c.link = l
	replays, lives := c.addTestWire("a", replaying), c.addTestWire("*", flowing)
	for _, w := range []*wire{replays, lives} {
		w.at = Position{"l", "e", 3}
	}
	record := func(offset int64) *Record {
		return &Record{Topic: "a", Position: Position{"l", "e", offset}, Prev: offset - 1, Payload: codec.AppendInt(nil, offset)}
	}
	entry := func(offset int64) []byte {
		return appendContent(appendPlace(codec.AppendArray(nil, 6), record(offset)), record(offset))
	}
	for _, frame := range [][]byte{
		publicationFrame(1, record(4)),
		publicationFrame(1, record(5)),
		replayFrame(1, replays.id, 5, false, 2, append(entry(4), entry(5)...)),
		replayFrame(1, replays.id, 5, false, 1, entry(5)), // again: ignored
		publicationFrame(1, record(6)),
		replayFrame(1, replays.id, 6, true, 1, entry(6)),
		publicationFrame(1, record(6)), // again: ignored
		publicationFrame(1, record(7)),
		skipFrame(1, record(8)),
		publicationFrame(1, record(9)),
		publicationFrame(1, record(11)), // 10 is missing
	} {
		if err := l.Receive(parse(frame)); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range []*wire{replays, lives} {
		q := w.sinks[0]
		for _, offset := range []int64{4, 5, 6, 7, 9, 0, 11} {
			e, _, err := q.next(t.Context())
			switch {
			case err != nil:
				t.Fatal(err)
			case offset == 0:
				if g := e.gap; g == nil || g.After != 9 || g.To != 10 || g.Topic != "a" || g.Filter != w.filter {
					t.Errorf("%s: %+v", w.filter, e)
				}
			case e.message == nil || e.message.position != Position{"l", "e", offset}:
				t.Errorf("%s: %+v in place of %d", w.filter, e, offset)
			}
		}
		if q.n != 0 {
			t.Errorf("%s: %d more events", w.filter, q.n)
		}
	}
}

// TestSettlesOnce: an answer, a lost connection and a cancelled context race for one call.
func TestSettlesOnce(t *testing.T) {
	l := &link{client: NewClient(nil), calls: map[int64]*call{}}
	for range 200 {
		l.ended, l.calls = false, map[int64]*call{}
		k := &call{done: make(chan struct{})}
		if err := l.register(1, k); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.settleAll()
		}()
		f := parse(publishedFrame(1, 1, Position{}))
		if err := l.Receive(f); err != nil { // closing done twice would panic
			t.Fatal(err)
		}
		<-done
		<-k.done
	}
}
