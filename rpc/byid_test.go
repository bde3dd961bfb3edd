package rpc

import (
	"math/rand/v2"
	"testing"
)

// However calls come and go, each is found and taken once, by its own id, and the end takes what is left.
func TestByID(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	var calls byID[outCall]
	if calls.get(0) != nil || calls.remove(mostPlaces) != nil || len(calls.removeAll()) != 0 {
		t.Fatal("a call that nobody made")
	}
	var ids []int64
	next := int64(0)
	for _, most := range []int{1, 3, 30, 3 * mostPlaces, 3} { // at once
		for range 20_000 {
			next += 1 + r.Int64N(3)
			calls.put(next, &outCall{id: next})
			ids = append(ids, next)
			for len(ids) > most || len(ids) > 0 && r.IntN(2) == 0 {
				at := r.IntN(len(ids))
				if r.IntN(4) > 0 { // mostly an old one
					at = 0
				}
				id := ids[at]
				ids = append(ids[:at], ids[at+1:]...)
				if c := calls.get(id); c == nil || c.id != id || calls.remove(id) != c {
					t.Fatalf("%v in place of call %d", c, id)
				}
				if calls.get(id) != nil || calls.remove(id) != nil || calls.get(id+1000*mostPlaces) != nil {
					t.Fatalf("call %d is there twice", id)
				}
			}
			if calls.n != len(ids) || len(calls.places) > mostPlaces {
				t.Fatalf("%d calls in place of %d, %d places", calls.n, len(ids), len(calls.places))
			}
		}
	}
	left := map[int64]bool{}
	for range 2 * mostPlaces {
		next++
		calls.put(next, &outCall{id: next})
		ids = append(ids, next)
	}
	for _, id := range ids {
		left[id] = true
	}
	for _, c := range calls.removeAll() {
		if !left[c.id] {
			t.Fatalf("call %d at the end", c.id)
		}
		delete(left, c.id)
	}
	if len(left) > 0 || calls.n != 0 || calls.get(next) != nil {
		t.Errorf("%d calls are lost, %d are left", len(left), calls.n)
	}
}

// A peer may choose ids so that all want the same place: they are found all the same, and the table does not grow with them.
func TestByIDOfOnePlace(t *testing.T) {
	var calls byID[inCall]
	const n = 100
	for i := int64(1); i <= n; i++ {
		calls.put(i<<20, &inCall{id: i << 20})
	}
	if len(calls.places) > mostPlaces {
		t.Errorf("%d places", len(calls.places))
	}
	for i := int64(n); i > 0; i-- {
		if c := calls.remove(i << 20); c == nil || c.id != i<<20 {
			t.Fatalf("%v in place of call %d", c, i)
		}
	}
}

// BenchmarkByID adds, finds and removes a call among others, by the table and by a map.
func BenchmarkByID(b *testing.B) {
	const flight = 128
	c := &inCall{}
	b.Run("table", func(b *testing.B) {
		var calls byID[inCall]
		for id := int64(0); b.Loop(); id++ {
			calls.put(id, c)
			if id >= flight {
				calls.get(id - flight)
				calls.remove(id - flight)
			}
		}
	})
	b.Run("map", func(b *testing.B) {
		calls := map[int64]*inCall{}
		for id := int64(0); b.Loop(); id++ {
			calls[id] = c
			if id >= flight {
				_ = calls[id-flight]
				delete(calls, id-flight)
			}
		}
	})
}
