package simtest

import (
	"flag"
	"testing"
)

var (
	first = flag.Uint64("first", 1, "the first seed")
	runs  = flag.Uint64("runs", 20, "how many seeds TestSeeds tries")
)

func TestSeeds(t *testing.T) {
	total := Counters{}
	for seed := *first; seed < *first+*runs; seed++ {
		r := Run(seed, false)
		total.Merge(r.Counters)
		if r.Err != nil {
			again := Run(seed, true)
			for _, line := range again.Lines[max(0, len(again.Lines)-60):] {
				t.Log(line)
			}
			t.Fatalf("seed %d: %v (again: %v)", seed, r.Err, again.Err)
		}
	}
	t.Logf("\n%s", total)
}

// TestDeterminism: a seed runs in the same way each time.
func TestDeterminism(t *testing.T) {
	for seed := *first; seed < *first+*runs/2; seed++ {
		a, b := Run(seed, false), Run(seed, false)
		if a.Trace != b.Trace {
			t.Errorf("seed %d: %x after %d events, then %x after %d", seed, a.Trace, a.Events, b.Trace, b.Events)
		}
	}
}
