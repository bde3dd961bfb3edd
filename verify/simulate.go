package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/dstm/simtest"
)

// enoughSeeds is how many seeds meet all that the simulation can: with as many, a count of zero is a failure.
const enoughSeeds = 1_000

// quickOffline is how many seeds of clients with a storage the quick round runs.
const quickOffline = 1_500

// lanes is how many simulations run at a time. Each is one goroutine.
const lanes = 2

// garbage is how much garbage may gather, in percent of what is in use: a simulation uses little, and leaves much.
const garbage = 400

// repeated says how many of the seeds run twice, one in so many: a seed that does not do the same again finds nothing that
// could be looked into.
const repeated = 20

// simulated runs the simulation of one seed after another: as many as the settings say, or as long.
func simulated(ctx context.Context, s settings, say func(format string, args ...any)) error {
	return simulate(ctx, s, "simulate", simtest.Run, simtest.Counters.Missing, say)
}

// simulatedOffline is simulated with clients that have a storage.
func simulatedOffline(ctx context.Context, s settings, say func(format string, args ...any)) error {
	if s.quick {
		s.seeds = min(s.seeds, quickOffline)
	}
	return simulate(ctx, s, "offline", simtest.RunOffline, simtest.Counters.MissingOffline, say)
}

func simulate(ctx context.Context, s settings, name string, one simulation, missing func(simtest.Counters) []string, say func(format string, args ...any)) error {
	run := simulations{name: name, simulate: one, next: s.seed, last: s.seed + uint64(s.seeds) - 1, count: simtest.Counters{}}
	began := time.Now()
	if s.lasts > 0 {
		run.last, run.until = 1<<63, began.Add(s.lasts)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(garbage))
	var wg sync.WaitGroup
	for range lanes {
		wg.Go(func() {
			for ctx.Err() == nil && run.one() {
			}
		})
	}
	wg.Wait()
	for _, line := range strings.Split(strings.TrimSpace(run.count.String()), "\n") {
		say("%s", line)
	}
	say("%d seeds from %d, %d events, %.0f seeds a second", run.done, s.seed, run.events, float64(run.done)/time.Since(began).Seconds())
	if run.failed != nil {
		return run.report()
	}
	if never := missing(run.count); run.done >= enoughSeeds && len(never) > 0 {
		return fmt.Errorf("not once in %d seeds: %s", run.done, strings.Join(never, ", "))
	}
	return ctx.Err()
}

// simulation runs one seed.
type simulation = func(seed uint64, trace bool) simtest.Result

// simulations are those of one check.
type simulations struct {
	name       string // of the check
	simulate   simulation
	mu         sync.Mutex
	next, last uint64
	until      time.Time // zero: until last
	done       int
	events     uint64
	count      simtest.Counters
	failed     *simtest.Result
}

// one runs the next seed, and reports false if there is none, or one has failed.
func (r *simulations) one() bool {
	r.mu.Lock()
	seed := r.next
	over := seed > r.last || r.failed != nil || !r.until.IsZero() && time.Now().After(r.until)
	r.next++
	r.mu.Unlock()
	if over {
		return false
	}
	result := r.simulate(seed, false)
	if seed%repeated == 0 && result.Err == nil {
		if again := r.simulate(seed, false); again.Trace != result.Trace {
			result.Err = fmt.Errorf("the same seed did not run in the same way again: %d events, then %d", result.Events, again.Events)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	r.events += result.Events
	r.count.Merge(result.Counters)
	if result.Err != nil && (r.failed == nil || seed < r.failed.Seed) {
		r.failed = &result
	}
	return true
}

// linesShown is how much of its end is shown of a run that failed.
const linesShown = 60

// report runs the seed that failed once more, to say what happened.
func (r *simulations) report() error {
	again := r.simulate(r.failed.Seed, true)
	for _, line := range again.Lines[max(0, len(again.Lines)-linesShown):] {
		fmt.Println("     ", line)
	}
	err := fmt.Errorf("seed %d: %w (again: go run -C verify . -only %s -seed %d -seeds 1)", r.failed.Seed, r.failed.Err, r.name, r.failed.Seed)
	if again.Trace != r.failed.Trace {
		err = fmt.Errorf("%w; the same seed did not run in the same way again: %v", err, again.Err)
	}
	return err
}
