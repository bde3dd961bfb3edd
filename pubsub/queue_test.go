package pubsub

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
)

func textMessage(at Position, size int) event {
	m := &message{topic: "a", position: at, payload: make(codec.Raw, size)}
	m.size = size + eventOverhead
	return event{message: m}
}

// TestBufferBytes: what waits is bounded by its bytes too; what is dropped is told, and one that is larger
// than everything is kept alone.
func TestBufferBytes(t *testing.T) {
	q := newQueue("a", 100, 10_000)
	most := 0
	for n := range int64(50) {
		q.push(textMessage(Position{"l", "e", n + 1}, 800))
		most = max(most, q.bytes)
	}
	if most > 10_000 || q.n != 10 || q.bytes != 10*(800+eventOverhead) {
		t.Errorf("%d events of %d bytes, at most %d", q.n, q.bytes, most)
	}
	if g := q.lost; g == nil || g.Count != 40 || g.After != 0 || g.To != 40 || g.Cause != BufferFull {
		t.Errorf("lost %+v", g)
	}
	q.push(textMessage(Position{"l", "e", 51}, 50_000))
	if q.n != 1 || q.lost.To != 50 {
		t.Errorf("%d events, lost %+v", q.n, q.lost)
	}
	for range 2 {
		if _, ok, err := q.next(t.Context()); !ok || err != nil {
			t.Fatal(err)
		}
	}
	if q.n != 0 || q.bytes != 0 {
		t.Errorf("%d events of %d bytes are left", q.n, q.bytes)
	}

	// And what comes over a connection is counted with all that is kept of it.
	w := rules(t, open("a", 0))
	c := w.client(nil)
	s, all := subscribe[string](t, w.ctx, c, "a", BufferBytes(20_000)), subscribe[string](t, w.ctx, c, "a")
	for range 40 {
		publish(t, w.ctx, w.hub, "a", strings.Repeat("v", 1000), WithMetadata(map[string]string{"k": strings.Repeat("m", 1000)}))
	}
	for range 40 {
		if _, err := next(t, w.ctx, all); err != nil {
			t.Fatal(err)
		}
	}
	if g := wantGap(t, w.ctx, s, BufferFull); g.Count < 25 || g.Count > 35 {
		t.Errorf("gap %+v", g)
	}
	if _, err := Subscribe[int](w.ctx, c.Client, "a", BufferBytes(-1)); !errors.Is(err, ErrBadRequest) {
		t.Error(err)
	}
}

// TestDroppedAcrossEpochs: offsets of two epochs are not thrown together.
func TestDroppedAcrossEpochs(t *testing.T) {
	q := newQueue("a", 1, 0)
	q.push(textMessage(Position{"l", "old", 1000}, 1))
	q.push(event{gap: &Gap{Filter: "a", Epoch: "new", Count: -1, Cause: EpochChanged}})
	q.push(textMessage(Position{"l", "new", 5}, 1))
	q.push(textMessage(Position{"l", "new", 6}, 1))
	e, _, _ := q.next(context.Background())
	if g := e.gap; g == nil || g.Epoch != "new" || g.After != 0 || g.To != 0 || g.Count != -1 {
		t.Errorf("%+v", e.gap)
	}
	q.push(textMessage(Position{"l", "new", 7}, 1))
	e, _, _ = q.next(context.Background())
	if g := e.gap; g == nil || g.After != 5 || g.To != 6 || g.Count != 1 {
		t.Errorf("%+v", e.gap)
	}
}

// TestCloseTogether: subscriptions and client are closed at the same time.
func TestCloseTogether(t *testing.T) {
	w := rules(t, open("a.*", 0))
	for range 30 {
		c := w.client(nil)
		var subs []*Subscription[int]
		for range 4 {
			subs = append(subs, subscribe[int](t, w.ctx, c, "a.x"))
		}
		var wg sync.WaitGroup
		for _, s := range subs {
			wg.Go(func() { s.Close() })
		}
		wg.Go(func() { c.Close() })
		wg.Go(func() { c.conn.Close() })
		wg.Wait()
	}
}
