// Bench measures Trefoil side by side with references and peers, in one run: each server in a process of its own, the load in
// this one, peers and rounds interleaved, every answer checked.
//
//	go run -C bench . -quick                 all cases, under ten minutes
//	go run -C bench . -only rpc,fanout-1000  the cases whose names begin so
//	go run -C bench . -json FILE             the rows as JSON too
//	go run -C bench . -list                  which cases there are
//
// README.md says what is measured and how. Whether goals are met has no bearing on the exit code; it is 1 if something
// could not be measured that is installed, for instance because an answer was wrong.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/trefoilgo/trefoil/bench/cases"
	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/bench/machine"
	"github.com/trefoilgo/trefoil/bench/report"
	"github.com/trefoilgo/trefoil/bench/server"
)

func main() {
	files := machine.RaiseFiles()
	child.Serving(server.Roles)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], files)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// settings are the command line.
type settings struct {
	quick    bool
	only     string
	peers    string
	json     string
	list     bool
	rounds   int
	lasts    time.Duration
	dir      string
	profiles string
	verbose  bool
}

func run(ctx context.Context, args []string, files uint64) error {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.BoolVar(&s.quick, "quick", false, "measure each for a short time: all in under ten minutes")
	flags.StringVar(&s.only, "only", "", "the beginnings of the `names` of the cases to run, with commas")
	flags.StringVar(&s.peers, "peers", "", "the `names` of the peers to compare with, with commas; all if empty. The goals against others are not looked at")
	flags.StringVar(&s.json, "json", "", "a `file` for the rows as JSON")
	flags.BoolVar(&s.list, "list", false, "list the cases")
	flags.IntVar(&s.rounds, "rounds", 0, "how often each peer is measured; 0: 5 with -quick (fewer where there are thousands of connections), 7 without")
	flags.DurationVar(&s.lasts, "for", 0, "how long each measurement lasts; 0: 300ms with -quick, 2s without")
	flags.StringVar(&s.dir, "dir", "", "the `folder` for files of servers, on the disk that is to be measured; default that for temporary files")
	flags.StringVar(&s.profiles, "profiles", "", "a `folder` for profiles of the processor time of the servers in Go, and of the load")
	flags.BoolVar(&s.verbose, "v", false, "tell every measurement, on the standard error")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var names []string
	if s.only != "" {
		names = strings.Split(s.only, ",")
	}
	chosen, err := cases.Chosen(names)
	if err != nil {
		return err
	}
	if s.list {
		for _, e := range chosen {
			fmt.Printf("%-20s %s\n", e.Name, e.About)
		}
		return nil
	}
	env, err := s.environment()
	if err != nil {
		return err
	}
	defer os.RemoveAll(env.Temp)
	fmt.Printf("%s\n\n%s; up to %d open files; %d rounds of %v; files in a file system of type %s\n\n%s\n",
		time.Now().Format("2006-01-02 15:04"), machine.Describe(), files, env.Rounds, env.Lasts, machine.FileSystem(env.Temp), cases.Settings())
	if env.Profiles != "" {
		f, err := os.Create(filepath.Join(env.Profiles, "load.prof"))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	return runAll(ctx, s, env, chosen)
}

// environment prepares what the cases need.
func (s settings) environment() (*cases.Env, error) {
	env := &cases.Env{Rounds: 7, Lasts: 2 * time.Second, Warm: 500 * time.Millisecond, Log: func(string, ...any) {}}
	if s.quick {
		env.Quick, env.Rounds, env.Lasts, env.Warm = true, 5, 300*time.Millisecond, 100*time.Millisecond
	}
	if s.peers != "" {
		env.Peers = strings.Split(s.peers, ",")
	}
	if s.rounds > 0 {
		env.Rounds = s.rounds
	}
	if s.lasts > 0 {
		env.Lasts, env.Warm = s.lasts, s.lasts/4
	}
	if s.verbose {
		env.Log = func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	}
	var err error
	if env.Home, err = home(); err != nil {
		return nil, err
	}
	if s.profiles != "" {
		if env.Profiles, err = filepath.Abs(s.profiles); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(env.Profiles, 0o755); err != nil {
			return nil, err
		}
	}
	env.Temp, err = os.MkdirTemp(s.dir, "trefoil-bench-")
	return env, err
}

// home is the folder of these sources, at or above which the program was started: it builds and starts peers from there.
func home() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		for _, candidate := range []string{at, filepath.Join(at, "bench")} {
			if _, err := os.Stat(filepath.Join(candidate, "peers", "node", "server.mjs")); err == nil {
				return candidate, nil
			}
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%s is not within the benchmark's sources: use go run -C bench", dir)
		}
	}
}

// runAll runs experiments and prints each as soon as it has ended.
func runAll(ctx context.Context, s settings, env *cases.Env, chosen []cases.Experiment) error {
	var all []report.Row
	failed := 0
	begin := time.Now()
	for _, e := range chosen {
		fmt.Printf("## %s\n\n%s\n\n", e.Name, e.About)
		from := time.Now()
		rows, err := e.Run(ctx, env)
		for _, one := range byCase(rows) {
			fmt.Printf("%s\n\n%s\n", one[0].Case, report.Table(one))
		}
		if err != nil {
			fmt.Printf("FAILED: %v\n\n", err)
			failed++
		}
		fmt.Printf("%s took %v.\n\n", e.Name, time.Since(from).Round(time.Second))
		all = append(all, rows...)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	fmt.Printf("%s\nIt took %v.\n", summary(all), time.Since(begin).Round(time.Second))
	if s.json != "" {
		text, err := report.JSON(all)
		if err != nil {
			return err
		}
		if err := os.WriteFile(s.json, text, 0o644); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d experiments failed", failed, len(chosen))
	}
	return nil
}
