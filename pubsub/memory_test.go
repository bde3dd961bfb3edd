package pubsub

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/codec"
)

func fill(t *testing.T, b *MemoryBroker, topic string, n, size int) (last Position) {
	t.Helper()
	for range n {
		var err error
		last, err = b.Publish(context.Background(), "l", Record{Topic: topic, Payload: codec.AppendBytes(nil, make([]byte, size))})
		if err != nil {
			t.Fatal(err)
		}
	}
	return last
}

func count(t *testing.T, b *MemoryBroker, filter string) (n int) {
	t.Helper()
	for _, err := range b.Read(context.Background(), "l", Query{Filter: filter, UpTo: math.MaxInt64}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func floor(t *testing.T, b *MemoryBroker, filter string) int64 {
	t.Helper()
	h, err := b.Head(context.Background(), "l", filter)
	if err != nil {
		t.Fatal(err)
	}
	return h.Floor
}

func memory(t *testing.T, keep Retention) *MemoryBroker {
	b := NewMemoryBroker(nil)
	if _, err := b.Open(t.Context(), "l", keep); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHistoryByCount(t *testing.T) {
	b := memory(t, Retention{Count: 3})
	fill(t, b, "a.x", 10, 1)
	fill(t, b, "a.y", 2, 1)
	if count(t, b, "a.x") != 3 || count(t, b, "a.y") != 2 || count(t, b, "a.*") != 5 {
		t.Errorf("kept %d, %d, %d", count(t, b, "a.x"), count(t, b, "a.y"), count(t, b, "a.*"))
	}
	// The floor is exact: a reader of y has missed nothing.
	if floor(t, b, "a.x") != 7 || floor(t, b, "a.y") != 0 || floor(t, b, "a.*") != 7 || floor(t, b, "b.*") != 0 {
		t.Errorf("floors %d, %d, %d", floor(t, b, "a.x"), floor(t, b, "a.y"), floor(t, b, "a.*"))
	}
	if slots := len(b.logs["l"].slots); slots > 100 {
		t.Errorf("%d slots for 5 records", slots)
	}
	fill(t, b, "a.x", 5000, 1)
	if slots := len(b.logs["l"].slots); slots > 200 {
		t.Errorf("%d slots for 5 records", slots)
	}
}

func TestHistoryByBytes(t *testing.T) {
	b := memory(t, Retention{Bytes: 50_000})
	fill(t, b, "quiet", 3, 10)
	fill(t, b, "busy", 1000, 1000)
	if l := b.logs["l"]; l.bytes > 50_000 || count(t, b, "busy") < 30 {
		t.Errorf("%d bytes, %d records", l.bytes, count(t, b, "busy"))
	}
	if count(t, b, "quiet") != 0 || floor(t, b, "quiet") != 3 {
		t.Errorf("quiet: %d records, floor %d", count(t, b, "quiet"), floor(t, b, "quiet"))
	}
	// A topic that comes back knows its past.
	fill(t, b, "quiet", 1, 10)
	for r := range b.Read(t.Context(), "l", Query{Filter: "quiet", UpTo: math.MaxInt64}) {
		if r.Prev != 3 {
			t.Errorf("prev %d", r.Prev)
		}
	}
	// More topics than are remembered: the floor may say more, never less.
	for i := range 3 * maxGone {
		fill(t, b, fmt.Sprintf("t.%d", i), 1, 1000)
	}
	if l := b.logs["l"]; len(l.gone) > maxGone || len(l.goneOrder) > maxGone {
		t.Errorf("%d topics are remembered", len(l.gone))
	}
	if floor(t, b, "t.0") < 1004 || floor(t, b, "t.*") < 1004 {
		t.Errorf("floors %d, %d", floor(t, b, "t.0"), floor(t, b, "t.*"))
	}
}

func TestHistoryByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory(t, Retention{Age: time.Minute})
		fill(t, b, "a", 5, 1)
		time.Sleep(40 * time.Second)
		fill(t, b, "b", 5, 1)
		if n := count(t, b, "*"); n != 10 {
			t.Errorf("%d records", n)
		}
		time.Sleep(30 * time.Second)
		if n := count(t, b, "*"); n != 5 || floor(t, b, "a") != 5 || floor(t, b, "b") != 0 {
			t.Errorf("%d records, floors %d, %d", n, floor(t, b, "a"), floor(t, b, "b"))
		}
	})
}
