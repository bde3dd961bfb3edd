package pubsub

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// flood publishes without pause, from several goroutines, until it is told to stop.
func (w *world) flood(topics ...string) (stop func()) {
	var over atomic.Bool
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			for n := i; !over.Load(); n++ {
				if _, err := w.hub.Publish(w.ctx, topics[n%len(topics)], n); err != nil {
					w.t.Error(err)
					return
				}
				if n%64 == 0 {
					runtime.Gosched() // two cores, and the others want to live too
				}
			}
		})
	}
	return func() {
		over.Store(true)
		wg.Wait()
	}
}

// TestCatchUpUnderFlood: a subscription that begins with old history, while others publish without pause, keeps getting
// publications, in order and, with enough history, without a gap; the flood over, it is live.
func TestCatchUpUnderFlood(t *testing.T) {
	for _, history := range []int{-1, 1, 50} {
		r := open("a.*", history)
		r.HistoryBytes = 256 << 20
		w := rules(t, r)
		c := w.client(nil)
		for n := range 2000 {
			publish(t, w.ctx, w.hub, "a.x", n)
		}
		stop := w.flood("a.x", "a.y")
		s := subscribe[int](t, w.ctx, c, "a.*", From(Position{Log: "a.*", Epoch: w.hub.byRule[0].epoch}), Buffer(1<<20), BufferBytes(1<<30))
		messages, gaps, last := 0, 0, int64(0)
		for m, err := range s.All(w.ctx) {
			var g *Gap
			switch {
			case errors.As(err, &g):
				gaps++
			case err != nil:
				t.Fatal(err)
			case m.Position.Offset <= last:
				t.Fatalf("offset %d behind %d", m.Position.Offset, last)
			case history < 0 && m.Position.Offset != last+1:
				t.Fatalf("offset %d behind %d, without a gap", m.Position.Offset, last)
			default:
				messages, last = messages+1, m.Position.Offset
			}
			if messages == 5000 {
				break
			}
		}
		stop()
		if history < 0 && gaps > 0 {
			t.Errorf("%d gaps, though history holds everything", gaps)
		}
		final := publish(t, w.ctx, w.hub, "a.x", finalMark)
		for m, err := range s.All(w.ctx) {
			if err == nil && m.Position == final {
				break
			}
		}
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			c.mu.Lock()
			state := s.wire.state
			c.mu.Unlock()
			if state == flowing {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the flood is over, and it is not live")
			}
		}
		t.Logf("history %d: %d messages, %d gaps under the flood", history, messages, gaps)
	}
}

// TestShrinkingHistory: where each step of catching up finds that history lost more, it delivers all the same.
func TestShrinkingHistory(t *testing.T) {
	b := &hooked{Broker: NewMemoryBroker(nil)}
	w := newWorld(t, &HubOptions{Rules: []Rule{open("a", 1)}, Broker: b}, nil)
	c := w.client(nil)
	publish(t, w.ctx, w.hub, "a", 0)
	epoch := w.hub.byRule[0].epoch
	publish(t, w.ctx, w.hub, "a", 1)
	hook := func(moment string) { // on the session's serving goroutine
		if moment == "yield" {
			if _, err := w.hub.Publish(w.ctx, "a", 2); err != nil {
				t.Error(err)
			}
		}
	}
	b.hook.Store(&hook)
	s := subscribe[int](t, w.ctx, c, "a", From(Position{Log: "a", Epoch: epoch, Offset: 0}))
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	messages := 0
	for _, err := range s.All(ctx) {
		var g *Gap
		if err != nil && !errors.As(err, &g) {
			t.Fatalf("after %d messages: %v", messages, err)
		}
		if err == nil {
			messages++
		}
		if messages == 20 {
			break
		}
	}
	b.hook.Store(nil)
}

// TestNewEpochBehindTheLane: a subscription that began in a new epoch, before the hub heard of it, must not be moved to
// where the old epoch stood.
func TestNewEpochBehindTheLane(t *testing.T) {
	w := rules(t, open("a", 10))
	c := w.client(nil)
	publish(t, w.ctx, w.hub, "a", 1)
	l := w.hub.byRule[0]
	l.mu.Lock()
	l.epoch, l.delivered = "an older one", 1000
	l.mu.Unlock()
	s := subscribe[int](t, w.ctx, c, "a")
	publish(t, w.ctx, w.hub, "a", 2)
	publish(t, w.ctx, w.hub, "a", 3)
	want(t, w.ctx, s, 2, 3)
}
