// Package bugs tests the tests: it holds mistakes that somebody could make in the product, each as a patch, builds the
// program with one of them after the other, and demands that its checks fail. None of the checks was written
// for one of the patches.
//
// A patch is a unified diff of the checkout, behind a line that says what is wrong. One that does not apply any
// more, or does not build, is a failure: make it again.
package bugs

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed *.patch
var patches embed.FS

// Options say what to run.
type Options struct {
	// Root is the checkout.
	Root string
	// Name chooses one patch, without its suffix; "" runs all.
	Name string
	// Seed is where the checks begin.
	Seed uint64
	// Seeds is how many seeds the simulation runs before the other checks; default 2,000. A number and no time: a busy machine tries as many.
	Seeds int
}

// control is the name under which the product runs as it is: there the checks must find nothing.
const control = "none"

// atATime is how many patches are tried at a time.
const atATime = 2

// Run tries the patches. The error names those that no check has found.
func Run(ctx context.Context, opts Options, say func(format string, args ...any)) error {
	if opts.Seeds == 0 {
		opts.Seeds = 2_000
	}
	names, err := chosen(opts.Name)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "trefoil-bugs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	run := &runner{Options: opts, folder: folder, say: say}
	next := make(chan string)
	var group sync.WaitGroup
	for range atATime {
		group.Go(func() {
			for name := range next {
				run.one(ctx, name)
			}
		})
	}
	for _, name := range names {
		next <- name
	}
	close(next)
	group.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	say("%d of %d bugs found", run.found, len(names)-run.controls)
	if len(run.faults) > 0 {
		return fmt.Errorf("%s", strings.Join(run.faults, "; "))
	}
	return nil
}

// Names are those of the patches.
func Names() []string {
	files, err := fs.Glob(patches, "*.patch")
	if err != nil {
		panic(err) // the pattern is well-formed
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(f, ".patch")
	}
	return files
}

func chosen(name string) ([]string, error) {
	all := Names()
	switch {
	case name == "":
		return append([]string{control}, all...), nil
	case name == control || slices.Contains(all, name):
		return []string{name}, nil
	}
	return nil, fmt.Errorf("there is no bug called %q", name)
}

// runner tries patches, several at a time.
type runner struct {
	Options
	folder string
	say    func(format string, args ...any)

	mu              sync.Mutex
	found, controls int
	faults          []string
}

// one tries one patch.
func (r *runner) one(ctx context.Context, name string) {
	began := time.Now()
	by, what, err := r.try(ctx, name)
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	took := time.Since(began).Round(100 * time.Millisecond)
	if name == control {
		r.controls++
	}
	switch {
	case err != nil:
		r.say("%-28s FAILED: %v", name, err)
		r.faults = append(r.faults, fmt.Sprintf("%s: %v", name, err))
	case name == control && by == "":
		r.say("%-28s nothing found, as it should be, in %v", name, took)
	case name == control:
		r.say("%-28s FAILED: %s finds something in the product as it is: %s", name, by, what)
		r.faults = append(r.faults, "without a bug "+by+" fails")
	case by == "":
		r.say("%-28s NOT FOUND in %v", name, took)
		r.faults = append(r.faults, name+" is not found")
	default:
		r.found++
		r.say("%-28s found by %s in %v: %s", name, by, took, what)
	}
}

// try builds the program with a patch and returns the check that fails, and what it says; "" if none does.
func (r *runner) try(ctx context.Context, name string) (by, what string, err error) {
	tree := filepath.Join(r.folder, name)
	defer os.RemoveAll(tree)
	if err := copyTree(r.Root, tree); err != nil {
		return "", "", err
	}
	if name != control {
		text, err := patches.ReadFile(name + ".patch")
		if err != nil {
			return "", "", err
		}
		if err := apply(ctx, tree, text); err != nil {
			return "", "", err
		}
	}
	p := &program{path: filepath.Join(tree, "verify.exe"), seed: r.Seed}
	if err := p.build(ctx, tree); err != nil {
		return "", "", err
	}
	return p.run(ctx, r.Seeds)
}
