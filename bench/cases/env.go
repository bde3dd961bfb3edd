// Package cases are what the benchmark measures, and against what.
package cases

import (
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/trefoilgo/trefoil/bench/report"
)

// Env are the settings of a run.
type Env struct {
	// Rounds is how often each peer is measured in each case, Lasts how long once, Warm how long it runs before.
	Rounds      int
	Lasts, Warm time.Duration
	// Quick spares rounds where connecting takes longer than measuring.
	Quick bool
	// Peers are the names of those to compare with; all if there are none.
	Peers []string
	// Home is the folder of the benchmark's sources, where peers that are not Go programs of its own stand.
	Home string
	// Temp is a folder for files of servers. It should be on a disk: syncs of a file system in memory cost nothing.
	Temp string
	// Profiles is a folder for profiles of the servers in Go; "" for none.
	Profiles string
	// Log is told what goes on.
	Log func(format string, args ...any)
}

// Experiment is something that can be asked for by its name.
type Experiment struct {
	Name, About string
	// Run measures, and returns rows by case.
	Run func(ctx context.Context, env *Env) ([]report.Row, error)

	growth growth // what it is made of, if it is a table of growth
}

// takes reports whether a peer takes part. Ours always do.
func (e *Env) takes(name string) bool {
	return name == ours || len(e.Peers) == 0 || slices.Contains(e.Peers, name)
}

// missing is why a peer cannot be measured here.
type missing string

func (m missing) Error() string { return string(m) }

// need says where a program is, or that it is missing.
func need(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", missing(program + " is not installed")
	}
	return path, nil
}

// folder makes a new folder for a server's files.
func (e *Env) folder() (string, error) { return os.MkdirTemp(e.Temp, "server-") }

// profile is the file for the profile of a server that was started for what label says.
func (e *Env) profile(label string) string {
	if e.Profiles == "" || label == "" {
		return ""
	}
	return filepath.Join(e.Profiles, strings.NewReplacer("/", "-", " ", "-", ",", "").Replace(label)+".prof")
}

var nan = math.NaN()
