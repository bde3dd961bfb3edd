package bugs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// program is this program, built from a copy.
type program struct {
	path string
	seed uint64
}

func (p *program) build(ctx context.Context, tree string) error {
	// Without paths in it most of what is compiled is the same for every copy.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", p.path, ".")
	cmd.Dir = filepath.Join(tree, "verify")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("it does not build: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

const (
	simulation = "simulate"
	offline    = "offline" // a simulation too
	// fewOffline is how many of its seeds find nothing in the product as it is.
	fewOffline = 500
	itself     = "bugs"
	// stuck is how long a check may take, and stuckSeeds the simulation. None of them takes half as long where nothing is wrong.
	stuck      = 150 * time.Second
	stuckSeeds = 30 * time.Minute
)

// run runs the checks up to the first that fails, and returns its name and what it says.
func (p *program) run(ctx context.Context, seeds int) (by, what string, err error) {
	list, err := exec.CommandContext(ctx, p.path, "-list").Output()
	if err != nil {
		return "", "", fmt.Errorf("listing the checks: %w", err)
	}
	for line := range strings.Lines(string(list)) {
		name, _, _ := strings.Cut(line, " ")
		if name == itself {
			continue
		}
		args, most := []string{"-only", name, "-seed", fmt.Sprint(p.seed)}, stuck
		switch name {
		case simulation:
			args, most = append(args, "-seeds", fmt.Sprint(seeds)), stuckSeeds
		case offline:
			args, most = append(args, "-seeds", fmt.Sprint(min(seeds, fewOffline))), stuckSeeds
		}
		if what, failed := p.check(ctx, args, most); failed || ctx.Err() != nil {
			return name, what, ctx.Err()
		}
	}
	return "", "", nil
}

// check runs one of the checks, which may take so long.
func (p *program) check(ctx context.Context, args []string, most time.Duration) (what string, failed bool) {
	ctx, cancel := context.WithTimeoutCause(ctx, most, errors.New("it does not end"))
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
	cmd.WaitDelay = time.Second // servers that it started hold its output
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return "", false
	case ctx.Err() != nil:
		return context.Cause(ctx).Error(), true
	}
	return reason(string(out)), true
}

// longest is how much is said of a failure, in bytes.
const longest = 200

// reason is the line of an output that says most.
func reason(out string) string {
	for _, prefix := range []string{"FAIL ", "panic: ", "fatal error: "} {
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, prefix) {
				line = strings.TrimSpace(line)
				return strings.ToValidUTF8(line[:min(len(line), longest)], "")
			}
		}
	}
	return "it ended without a word"
}
