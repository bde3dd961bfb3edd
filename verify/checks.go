package main

import (
	"context"
	"fmt"
	"time"

	"github.com/trefoilgo/trefoil/verify/bugs"
	"github.com/trefoilgo/trefoil/verify/faults"
	"github.com/trefoilgo/trefoil/verify/rig"
	"github.com/trefoilgo/trefoil/verify/workload"
)

// check is one thing that verify tries.
type check struct {
	name, about string
	slow        bool // not with -quick
	itself      bool // it looks after -for itself
	run         func(ctx context.Context, s settings, say func(format string, args ...any)) error
}

// checks are all there are, in the order in which they run.
func checks() []check {
	out := []check{
		{name: "simulate", about: "whole systems on one queue of events, from seeds", itself: true, run: simulated},
		{name: "offline", about: "the simulation, with clients that have a storage and works that outlive their processes", itself: true, run: simulatedOffline},
	}
	for _, w := range workload.All() {
		out = append(out, check{name: w.Name, about: w.About, run: func(ctx context.Context, s settings, say func(string, ...any)) error {
			return runWorkload(ctx, s, w, say)
		}})
	}
	return append(out,
		check{name: "power", about: "power cuts, by rebuilding the files that they could leave, lose nothing that was told", run: powered},
		check{name: "disk", about: "a full disk and a failed sync close the store, and lose nothing", run: disks},
		check{name: "older", about: "a file replaced by an older copy is noticed, and nobody keeps another history", run: older},
		check{name: "hostile", about: "what no honest client sends is refused, harms nobody, and leaves nothing", run: hostile},
		check{name: "kill", about: "kill -9 at named points of a server loses and doubles nothing", itself: true, run: killed},
		check{name: "contention", about: "100 clients add 1 to one counter 100 times each", run: contention},
		check{name: "bugs", about: "bugs that are put into a copy of the product are found by the checks above (-bug NAME tries one)", slow: true, itself: true, run: bugged},
	)
}

// limit is how long one run of a workload may take before it counts as stuck.
const limit = 2 * time.Minute

// runWorkload runs a workload in this process over pipes, and on a server process of its own over WebSockets.
func runWorkload(ctx context.Context, s settings, w workload.Workload, say func(string, ...any)) error {
	for _, process := range []bool{false, true} {
		err := onRig(ctx, rig.Options{Seed: s.seed, Process: process, Trouble: !w.Calm}, func(ctx context.Context, r *rig.Rig) error {
			return w.Run(ctx, r, 4, say)
		})
		if err != nil {
			place := "in one process"
			if process {
				place = "with a server process"
			}
			return fmt.Errorf("%s: %w", place, err)
		}
	}
	return nil
}

// onRig builds a system, runs fn on it, and has it judged.
func onRig(ctx context.Context, opts rig.Options, fn func(ctx context.Context, r *rig.Rig) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := rig.New(ctx, opts)
	if err != nil {
		return err
	}
	failed := fn(ctx, r)
	if err := r.End(); failed == nil {
		return err
	}
	return failed
}

func killed(ctx context.Context, s settings, say func(string, ...any)) error {
	cycles := s.kills
	if cycles == 0 {
		cycles = 25
	}
	return faults.Kill(ctx, s.seed, cycles, say)
}

func powered(ctx context.Context, s settings, say func(string, ...any)) error {
	return faults.Power(ctx, s.seed, 400, say)
}

func disks(ctx context.Context, s settings, say func(string, ...any)) error {
	return faults.Disk(ctx, s.seed, 3, say)
}

func older(ctx context.Context, s settings, say func(string, ...any)) error {
	return faults.Older(ctx, s.seed, say)
}

func bugged(ctx context.Context, s settings, say func(string, ...any)) error {
	return bugs.Run(ctx, bugs.Options{Root: "..", Name: s.bug, Seed: s.seed}, say)
}

func hostile(ctx context.Context, s settings, say func(string, ...any)) error {
	return faults.Hostile(ctx, s.seed, say)
}

func contention(ctx context.Context, s settings, say func(string, ...any)) error {
	for _, add := range []bool{true, false} {
		if err := onRig(ctx, rig.Options{Seed: s.seed}, func(ctx context.Context, r *rig.Rig) error {
			return workload.Contention(ctx, r, add, say)
		}); err != nil {
			return err
		}
	}
	return nil
}
