package pmap

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Neighbours, ends, ranges and maps made of sorted keys, against a sorted slice.
func TestOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for n := range 40 {
		var keys []string
		var m Map[int]
		for len(keys) < n {
			key := fmt.Sprintf("%03d", 2*rng.IntN(100))
			if m.Get(key) == nil {
				m = m.Put(key, len(key))
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		values := make([]int, n)
		for i := range values {
			values[i] = 3
		}
		sorted := Sorted(keys, values)
		checkBalance(t, sorted.root)
		for _, m := range []Map[int]{m, sorted} {
			checkPair(t, "first", keys, 0, m.First)
			checkPair(t, "last", keys, n-1, m.Last)
			for i := range 201 {
				key := fmt.Sprintf("%03d", i)
				at, found := slices.BinarySearch(keys, key)
				checkPair(t, "before "+key, keys, at-1, func() (string, *int) { return m.Before(key) })
				next := at
				if found {
					next++
				}
				checkPair(t, "after "+key, keys, next, func() (string, *int) { return m.After(key) })
				var got []string
				for k := range m.From(key) {
					if got = append(got, k); len(got) == 5 {
						break
					}
				}
				if want := keys[at:min(at+5, n)]; !slices.Equal(got, want) {
					t.Fatalf("from %s: %q in place of %q", key, got, want)
				}
			}
		}
	}
}

func checkPair(t *testing.T, what string, keys []string, at int, of func() (string, *int)) {
	t.Helper()
	key, value := of()
	switch {
	case at < 0 || at >= len(keys):
		if key != "" || value != nil {
			t.Fatalf("%s: %q in place of nothing", what, key)
		}
	case value == nil || key != keys[at] || *value != 3:
		t.Fatalf("%s: %q in place of %q", what, key, keys[at])
	}
}
