package pubsub

import (
	"testing"

	"github.com/trefoilgo/trefoil/codec"
)

// TestIDsInAnyOrder: a client may number its subscriptions as it likes; each is found by its number, and what is ended is gone.
func TestIDsInAnyOrder(t *testing.T) {
	w := newWorld(t, &HubOptions{Rules: []Rule{{Topic: "a.*", Publish: AllowAll, Subscribe: AllowAll}}}, nil)
	r, s := w.raw()
	send := func(kind int, elements ...any) {
		t.Helper()
		if err := s.TrySend(frameOf(kind, elements...)); err != nil {
			t.Fatal(err)
		}
	}
	answered := func(kind, id int) {
		t.Helper()
		f := <-r.frames
		if body := codec.NewReader(f.body, f.n); f.kind != kind || body.Int() != int64(id) {
			t.Fatalf("kind %d, %x, want kind %d of %d", f.kind, f.body, kind, id)
		}
	}
	for _, id := range []int{5, 3, 9, 1, 7} {
		send(kindSubscribe, "a.b", id, nil)
		answered(kindSubscribed, id)
	}
	for _, id := range []int{3, 9, 4, 5} { // 4 was never there
		send(kindUnsubscribe, "a.b", id)
	}
	for _, id := range []int{9, 3} {
		send(kindSubscribe, "a.b", id, nil)
		answered(kindSubscribed, id)
	}
	l := w.hub.byRule[0]
	l.mu.Lock()
	for _, p := range l.ports {
		got := map[int64]bool{}
		for i, sub := range p.subs {
			if sub.index != i || sub.port != p {
				t.Errorf("%d stands at %d and thinks %d", sub.id, i, sub.index)
			}
			got[sub.id] = true
		}
		if len(got) != 4 || !got[1] || !got[3] || !got[7] || !got[9] {
			t.Errorf("%v", got)
		}
	}
	l.mu.Unlock()
	send(kindSubscribe, "a.b", 7, nil)
	if err := <-r.closed; err == nil || s.Err() == nil {
		t.Errorf("a second subscription with the same number: %v", err)
	}
}
