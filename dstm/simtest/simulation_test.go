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
	for name, run := range map[string]func(uint64, bool) Result{"online": Run, "offline": RunOffline} {
		t.Run(name, func(t *testing.T) { seeds(t, run) })
	}
}

func seeds(t *testing.T, run func(uint64, bool) Result) {
	total := Counters{}
	for seed := *first; seed < *first+*runs; seed++ {
		r := run(seed, false)
		total.Merge(r.Counters)
		if r.Err != nil {
			again := run(seed, true)
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
		run := Run
		if seed%2 == 0 {
			run = RunOffline
		}
		a, b := run(seed, false), run(seed, false)
		if a.Trace != b.Trace {
			t.Errorf("seed %d: %x after %d events, then %x after %d", seed, a.Trace, a.Events, b.Trace, b.Events)
		}
	}
}
