// Verify tries to show that dstm does not do what it promises: it runs a simulation of whole systems from seeds,
// workloads on real ones while connections break and processes are killed, faults of disks, and the same on copies of the
// product with bugs in them, which must be found.
//
//	go run -C verify . -quick             everything that takes little time, under five minutes
//	go run -C verify . -seed 7 -for 60s   a minute of each, beginning with seed 7
//	go run -C verify . -only bank,power   these checks
//	go run -C verify . -list              which there are
//
// It prints what it did and how often what it needs to have met was met; a count of zero is a failure. A failure prints the
// seed, and the command that repeats it. The exit code is 1 if anything failed.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/trefoilgo/trefoil/verify/rig"
)

func main() {
	rig.Serving()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// settings are the command line.
type settings struct {
	quick bool
	seed  uint64
	lasts time.Duration
	only  string
	list  bool
	seeds int
	kills int
	bug   string
}

func run(ctx context.Context, args []string) int {
	var s settings
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	flags.BoolVar(&s.quick, "quick", false, "everything that takes little time")
	flags.Uint64Var(&s.seed, "seed", 0, "the first `seed`; 0 chooses one")
	flags.DurationVar(&s.lasts, "for", 0, "how long to repeat each check, with one seed after another")
	flags.StringVar(&s.only, "only", "", "the `names` of the checks to run, with commas")
	flags.BoolVar(&s.list, "list", false, "list the checks")
	flags.IntVar(&s.seeds, "seeds", 5_000, "how many seeds the simulation runs")
	flags.IntVar(&s.kills, "kills", 0, "how often kill ends the server; 0: each point a few times")
	flags.StringVar(&s.bug, "bug", "", "the `name` of the one bug that the check bugs tries; \"none\" tries the product as it is")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if s.seed == 0 {
		s.seed = 1 + rand.Uint64N(1<<32)
	}
	checks, err := chosen(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if s.list {
		for _, c := range checks {
			fmt.Printf("%-12s %s\n", c.name, c.about)
		}
		return 0
	}
	return runAll(ctx, s, checks)
}

// chosen are the checks that the command line asks for.
func chosen(s settings) ([]check, error) {
	all := checks()
	if s.only == "" {
		return slices.DeleteFunc(all, func(c check) bool { return !s.list && c.slow && s.quick }), nil
	}
	var out []check
	for _, name := range strings.Split(s.only, ",") {
		i := slices.IndexFunc(all, func(c check) bool { return c.name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("there is no check called %q; -list names them", name)
		}
		out = append(out, all[i])
	}
	return out, nil
}

// runAll runs the checks one after the other and returns the exit code.
func runAll(ctx context.Context, s settings, checks []check) int {
	began := time.Now()
	var failed []string
	for _, c := range checks {
		seed, err := repeat(ctx, s, c)
		if err != nil {
			failed = append(failed, c.name)
			fmt.Printf("FAIL %s with seed %d: %v\n     again: go run -C verify . -only %s -seed %d\n", c.name, seed, err, c.name, seed)
		}
		if ctx.Err() != nil {
			fmt.Println("interrupted")
			return 1
		}
	}
	if len(failed) > 0 {
		fmt.Printf("%d of %d checks failed in %v: %s\n", len(failed), len(checks), time.Since(began).Round(time.Second), strings.Join(failed, ", "))
		return 1
	}
	fmt.Printf("%d checks passed in %v\n", len(checks), time.Since(began).Round(time.Second))
	return 0
}

// repeat runs a check once, or with one seed after another as long as the settings say, and returns the seed that failed.
func repeat(ctx context.Context, s settings, c check) (uint64, error) {
	began := time.Now()
	for seed := s.seed; ; seed++ {
		at := s
		at.seed = seed
		if err := c.run(ctx, at, func(format string, args ...any) {
			fmt.Printf("     %s\n", fmt.Sprintf(format, args...))
		}); err != nil {
			return seed, err
		}
		if c.itself {
			fmt.Printf("ok   %s: with seed %d in %v\n", c.name, seed, time.Since(began).Round(time.Millisecond))
			return seed, nil
		}
		if time.Since(began) >= s.lasts {
			fmt.Printf("ok   %s: %d seeds from %d in %v\n", c.name, seed-s.seed+1, s.seed, time.Since(began).Round(time.Millisecond))
			return seed, nil
		}
	}
}
