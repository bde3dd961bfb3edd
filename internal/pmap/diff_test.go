package pmap

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestDiff compares with what a look at every key finds.
func TestDiff(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	var a Map[int]
	for range 2000 {
		b := a
		for range rng.IntN(6) {
			key := fmt.Sprint(rng.IntN(60))
			if rng.IntN(3) == 0 {
				b = b.Delete(key)
			} else {
				b = b.Put(key, rng.IntN(100))
			}
		}
		last := ""
		found := map[string]bool{}
		Diff(a, b, func(key string, old, fresh *int) bool {
			if key <= last || old != a.Get(key) || fresh != b.Get(key) || old == nil && fresh == nil {
				t.Fatalf("%q: %v and %v behind %q", key, old, fresh, last)
			}
			last, found[key] = key, true
			return true
		})
		for i := range 60 {
			key := fmt.Sprint(i)
			if old, fresh := a.Get(key), b.Get(key); !found[key] && old != fresh && (old == nil || fresh == nil || *old != *fresh) {
				t.Fatalf("%q is missing", key)
			}
		}
		a = b
	}
}

func TestDiffCostsWhatDiffers(t *testing.T) {
	var a Map[int]
	for i := range 100_000 {
		a = a.Put(fmt.Sprint(i), i)
	}
	b := a.Put("500", 1).Delete("70000").Put("x", 1)
	n := 0
	if Diff(a, b, func(string, *int, *int) bool { n++; return true }); n > 200 {
		t.Fatalf("%d keys for three changes", n)
	}
	if Diff(a, b, func(string, *int, *int) bool { return false }) {
		t.Fatal("it does not stop")
	}
}
