package engine

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Whoever is forgotten is the one that was silent longest, with each entry, against a list that is looked through.
func TestDropsTheOldest(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	const most, retention = 8, 1000 * time.Nanosecond
	w := newWorld(t, Options{MaxClients: most, Retention: retention})
	type seen struct {
		client   byte
		position uint64
		time     int64
	}
	var naive []seen
	sequences, dropped := map[byte]uint64{}, 0
	for range 4000 {
		w.now += rng.Int64N(100)
		if rng.IntN(200) == 0 {
			w.now += 2 * int64(retention)
		}
		client := byte(rng.IntN(1 + rng.IntN(20))) // some are about more often
		sequences[client]++
		d := w.decide(client, w.tx(sequences[client], set(1, "x")))
		if d.Entry == nil || d.Refusal != nil {
			t.Fatalf("%+v", d.Refusal)
		}
		naive = slices.DeleteFunc(naive, func(s seen) bool { return s.client == client })
		naive = append(naive, seen{client, d.Entry.Position, d.Entry.Time})
		slices.SortFunc(naive, func(a, b seen) int { return cmp.Compare(a.position, b.position) })
		var want []ID
		for len(want) < dropsPerEntry && (len(naive) > most || w.state.Time-naive[0].time > int64(retention)) {
			want = append(want, ID{naive[0].client})
			naive = naive[1:]
		}
		if !slices.Equal(d.Entry.Dropped, want) {
			t.Fatalf("entry %d drops %v, not %v", d.Entry.Position, d.Entry.Dropped, want)
		}
		dropped += len(want)
		if w.state.clients.Len() != len(naive) || w.state.ages.Len() != len(naive) {
			t.Fatalf("%d clients and %d ages of %d", w.state.clients.Len(), w.state.ages.Len(), len(naive))
		}
	}
	if dropped < 100 {
		t.Errorf("only %d were dropped", dropped)
	}
}
