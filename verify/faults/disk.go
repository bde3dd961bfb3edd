package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/internal/disktest"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/verify/rig"
)

// diskErrors are what goes wrong, and how many of these calls a start makes on its own.
var diskErrors = []struct {
	name, inject string
	start        int
}{
	{"failed sync", "fdatasync:error=EIO", 4},
	{"disk full", "pwrite64:error=ENOSPC", 6},
}

// Disk lets a system call of a server process fail while clients work, and restarts it. Nothing that was acknowledged may be lost; what was under
// way is unknown, what comes later is refused, and nothing is done until the server starts again.
func Disk(ctx context.Context, seed uint64, rounds int, say func(format string, args ...any)) error {
	strace, err := disktest.Strace()
	if err != nil {
		return err
	}
	r, err := rig.New(ctx, rig.Options{Seed: seed, Process: true})
	if err != nil {
		return err
	}
	failed := disk(ctx, r, strace, rounds, say)
	if err := r.End(); failed == nil {
		failed = err
	}
	return failed
}

func disk(ctx context.Context, r *rig.Rig, strace string, rounds int, say func(format string, args ...any)) error {
	clients := make([]*rig.Client, 4)
	for i := range clients {
		var err error
		if clients[i], err = r.Client(); err != nil {
			return err
		}
	}
	p := r.Process()
	for n := range rounds {
		for _, e := range diskErrors {
			d := &diskRound{rig: r, key: fmt.Sprintf("%s %d", e.name, n)}
			if err := d.run(ctx, clients, disktest.Failing(strace, fmt.Sprintf("%s:when=%d", e.inject, e.start+1+r.Number(12)))); err != nil {
				return fmt.Errorf("%s, round %d: %w", e.name, n, err)
			}
			p.Wrap()
			if err := p.Restart(ctx); err != nil {
				return err
			}
			say("%-12s %d commits, then %d outcomes unknown, %d refused", e.name, d.done.Load(), d.unknown.Load(), d.refused.Load())
		}
	}
	for _, c := range clients {
		if _, err := c.Object("disk"); err != nil {
			return err
		}
	}
	return nil
}

// diskRound is what clients met on a server that fails.
type diskRound struct {
	rig                    *rig.Rig
	key                    string
	done, unknown, refused atomic.Int64
}

func (d *diskRound) run(ctx context.Context, clients []*rig.Client, failing []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("no call of the disk failed"))
	defer cancel()
	objects := make([]dstm.Object, len(clients))
	for i, c := range clients {
		o, err := c.Client.Open(ctx, "disk") // a store that closes takes it away
		if err != nil {
			return fmt.Errorf("opening: %w", err)
		}
		defer o.Close()
		objects[i] = d.rig.Recorder.Watch(o)
	}
	d.rig.Process().Wrap(failing...)
	if err := d.rig.Process().Restart(ctx); err != nil {
		return err
	}
	var group sync.WaitGroup
	failed := make(chan error, len(objects))
	for i, o := range objects {
		group.Go(func() { failed <- d.work(ctx, o, fmt.Sprint(i)) })
	}
	group.Wait()
	for range objects {
		if err := <-failed; err != nil {
			return err
		}
	}
	if d.unknown.Load() == 0 {
		return errors.New("nothing was under way when the disk failed")
	}
	return d.closed(ctx)
}

// work commits until the store has closed.
func (d *diskRound) work(ctx context.Context, o dstm.Object, key string) error {
	for n := 0; ; n++ {
		refused := d.refused.Load()
		_, err := o.Update(ctx, func(tx *dstm.Tx) error {
			tx.Set(n, d.key, key)
			tx.Add(1, nil, nil, "total")
			return nil
		})
		switch {
		case err == nil:
			if refused > 0 {
				return errors.New("a commit after others were refused because the store had closed")
			}
			d.done.Add(1)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case status.OutcomeUnknown(err):
			d.unknown.Add(1)
		case errors.Is(err, status.Unavailable):
			d.refused.Add(1)
			return nil
		default:
			return fmt.Errorf("commit %d: %w", n, err)
		}
	}
}

// closed makes sure that nobody gets anything from a store that has closed.
func (d *diskRound) closed(ctx context.Context) error {
	client, err := d.rig.Client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	o, err := client.Client.Open(ctx, "disk")
	if err == nil {
		o.Close()
		return errors.New("a store that has closed opens an object")
	}
	if !errors.Is(err, status.Unavailable) {
		return fmt.Errorf("opening at a store that has closed: %w", err)
	}
	return nil
}
