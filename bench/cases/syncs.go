package cases

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// syncCall is a line of strace about a call that syncs; a call that was interrupted by others' lines begins in one only.
var syncCall = regexp.MustCompile(`(?m)^\d+ +(fsync|fdatasync|msync|sync_file_range|sync|syncfs)\(`)

// countSyncs runs a durable server once more, under strace, and counts its syncs: a forgotten one shows. callers wait for their answers,
// so one sync can cover at most one commit of each.
func countSyncs(callers int) func(context.Context, *Env, subject, []sample) error {
	return func(ctx context.Context, env *Env, s subject, samples []sample) error {
		strace, err := need("strace")
		if err != nil {
			env.Log("%s: syncs are not counted: %v", s.name, err)
			return nil
		}
		file := filepath.Join(env.Temp, "syncs."+s.name)
		defer os.Remove(file)
		t, err := s.start(ctx, env, spec{wrap: []string{strace, "-f", "-qq", "--seccomp-bpf", "-e", "signal=none",
			"-e", "trace=fsync,fdatasync,msync,sync_file_range,sync,syncfs", "-o", file}})
		if err != nil {
			return err
		}
		count, err := counted(ctx, env, s, t, file)
		if e := t.stop(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
		env.Log("%s: %d syncs for %d commits", s.name, count.syncs, count.ops)
		if err := count.check(callers); err != nil {
			return err
		}
		for i := range samples {
			samples[i].syncs = float64(count.syncs) / float64(count.ops)
		}
		return nil
	}
}

// syncCount is how many syncs there were for how many commits.
type syncCount struct{ syncs, ops int64 }

// check says whether there were as many as there must have been. Those of the warm-up are counted, its commits are not: so there may be
// more, never fewer.
func (c syncCount) check(callers int) error {
	if c.ops == 0 {
		return fmt.Errorf("no commit was counted")
	}
	if c.syncs*int64(callers) < c.ops {
		return fmt.Errorf("%d syncs cannot have made %d commits of %d callers durable", c.syncs, c.ops, callers)
	}
	return nil
}

func counted(ctx context.Context, env *Env, s subject, t *target, file string) (syncCount, error) {
	short := *env
	short.Warm = 0 // so that what is counted is what is measured
	before, err := syncs(file)
	if err != nil {
		return syncCount{}, err
	}
	ops := int64(0)
	counting := func(o int64) { ops = o }
	if _, err := s.measure(context.WithValue(ctx, opsKey{}, counting), &short, t); err != nil {
		return syncCount{}, err
	}
	after, err := syncs(file)
	return syncCount{after - before, ops}, err
}

// opsKey is where a measurement is told whom to tell how many operations it had.
type opsKey struct{}

func tellOps(ctx context.Context, ops int64) {
	if tell, ok := ctx.Value(opsKey{}).(func(int64)); ok {
		tell(ops)
	}
}

func syncs(file string) (int64, error) {
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return 0, nil
	}
	return int64(len(syncCall.FindAll(bytes.TrimSpace(text), -1))), err
}
