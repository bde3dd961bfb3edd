package pubsub

import (
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
)

// TestAllocations: what a delivery allocates does not grow with the subscribers.
func TestAllocations(t *testing.T) {
	var m matcher[int]
	for i := range 100 {
		m.add(fmt.Sprintf("a.%d", i), i)
		m.add("a.*", i)
	}
	out := m.collect("a.7", nil)
	if n := testing.AllocsPerRun(100, func() { out = m.collect("a.7", out[:0]) }); n != 0 || len(out) != 101 {
		t.Errorf("matching allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { Match("a.*.c.>", "a.b.c.d.e") }); n != 0 {
		t.Errorf("Match allocates %v times", n)
	}

	// The hub's own part of a delivery to many subscriptions of one session.
	w := rules(t, open("a.*", 10))
	_, session := w.raw()
	_ = session
	c := w.client(nil)
	for _, filter := range []string{"a.b", "a.*"} {
		subscribe[int](t, w.ctx, c, filter, Last(1), Buffer(1))
		subscribe[int](t, w.ctx, c, filter, Last(1), Buffer(1))
	}
	l := w.hub.byRule[0]
	r := &Record{Topic: "a.b", Position: Position{"a.*", l.epoch, 0}, Payload: codec.AppendInt(nil, 1)}
	// The frame, the Shared, and what the transport needs for its queue.
	if n := testing.AllocsPerRun(200, func() {
		next := *r
		next.Position.Offset = l.delivered + 1
		l.deliver([]*Record{&next})
	}); n > 6 {
		t.Errorf("a delivery allocates %v times", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	var m matcher[int]
	for i := range 1000 {
		m.add(fmt.Sprintf("a.%d.x", i), i)
	}
	m.add("a.*.x", -1)
	m.add("a.>", -2)
	var out []int
	b.ReportAllocs()
	for b.Loop() {
		out = m.collect("a.500.x", out[:0])
	}
}

// BenchmarkPublish is one publication through hub and memory broker to subscribers on pipes.
func BenchmarkPublish(b *testing.B) {
	for _, subscribers := range []int{0, 10, 100} {
		b.Run(fmt.Sprint(subscribers), func(b *testing.B) {
			w := rules(b, open("a", 0))
			for range subscribers {
				subscribe[codec.Raw](b, w.ctx, w.client(nil), "a", Buffer(1))
			}
			value := make([]byte, 128)
			b.ReportAllocs()
			for b.Loop() {
				publish(b, w.ctx, w.hub, "a", value)
			}
		})
	}
}
