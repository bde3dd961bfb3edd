// Package faults does to real server processes what happens to machines: kill -9 at named points, power cuts, disks that
// fail or are full, and files that somebody replaces by older copies.
package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/internal/fault"
	"github.com/trefoilgo/trefoil/verify/rig"
)

// points are where a server kills itself; "" is wherever it is when somebody else kills it.
var points = []string{fault.BeforeAppend, fault.BeforeAnswer, fault.InCheckpoint, InSync, ""}

// Kill lets clients work while the server's process is killed cycles times, at one point after the other. Nothing that was acknowledged may be
// lost, and nothing done twice.
func Kill(ctx context.Context, seed uint64, cycles int, say func(format string, args ...any)) error {
	r, err := rig.New(ctx, rig.Options{Seed: seed, Process: true})
	if err != nil {
		return err
	}
	failed := kill(ctx, r, cycles, say)
	if err := r.End(); failed == nil {
		failed = err
	}
	return failed
}

const killClients, killInFlight = 4, 6

func kill(ctx context.Context, r *rig.Rig, cycles int, say func(format string, args ...any)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var acknowledged, inFlight atomic.Int64
	var done atomic.Bool
	var group sync.WaitGroup
	var objects []dstm.Object
	for c := range killClients {
		client, err := r.Client()
		if err != nil {
			return err
		}
		o, err := client.Object("board")
		if err != nil {
			return err
		}
		objects = append(objects, o)
		for g := range killInFlight {
			group.Go(func() {
				key := fmt.Sprintf("%d-%d", c, g)
				for n := 0; !done.Load() && ctx.Err() == nil; n++ {
					inFlight.Add(1)
					_, err := o.Update(ctx, func(tx *dstm.Tx) error {
						tx.Set(n, key)
						tx.Add(1, nil, nil, "total")
						return nil
					})
					inFlight.Add(-1)
					if err != nil {
						stop(fmt.Errorf("%s, commit %d: %w", key, n, err))
						return
					}
					acknowledged.Add(1)
				}
			})
		}
	}
	met, unanswered, err := cycle(ctx, r, cycles, &acknowledged, &inFlight)
	done.Store(true)
	finished := make(chan struct{})
	go func() { group.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-time.After(30 * time.Second):
		stop(errors.New("updates do not end after the last restart"))
		<-finished
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		return err
	}
	for _, point := range points {
		name := point
		if name == "" {
			name = "anywhere"
		}
		if point == InSync && !HaveStrace() {
			say("kill %-14s not run: there is no strace", name)
			continue
		}
		say("kill %-14s %d times", name, met[point])
		if met[point] == 0 {
			return fmt.Errorf("the server was never killed at %s", name)
		}
	}
	say("%d commits acknowledged, %d were unanswered at a kill", acknowledged.Load(), unanswered)
	return sum(ctx, objects[0], int(acknowledged.Load()))
}

// cycle kills and restarts; it counts the kills by point, and the updates that were under way.
func cycle(ctx context.Context, r *rig.Rig, cycles int, acknowledged, inFlight *atomic.Int64) (met map[string]int, unanswered int64, err error) {
	met = map[string]int{}
	p := r.Process()
	for n := range cycles {
		point := points[n%len(points)]
		if point == InSync && !HaveStrace() {
			continue
		}
		if err := p.Restart(ctx, arm(p, point, 1+r.Number(20))...); err != nil {
			return met, unanswered, err
		}
		before := acknowledged.Load()
		if point == "" {
			for acknowledged.Load() < before+int64(1+r.Number(100)) && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			unanswered += inFlight.Load()
			p.Kill()
			met[point]++
			continue
		}
		select {
		case <-p.Ended():
			unanswered += inFlight.Load()
			met[point]++
		case <-ctx.Done():
			return met, unanswered, context.Cause(ctx)
		case <-time.After(20 * time.Second):
			return met, unanswered, fmt.Errorf("the server does not come to the point %s", point)
		}
	}
	return met, unanswered, p.Restart(ctx)
}

// arm is the environment that lets the server end at a point, after so many passages.
func arm(p *rig.Process, point string, passages int) []string {
	p.Wrap()
	switch point {
	case "":
		return nil
	case InSync:
		p.Wrap(killInSync(passages)...)
		return nil
	case fault.InCheckpoint:
		passages = 1
	}
	return []string{fmt.Sprintf("%s=%s:%d", rig.PointVariable, point, passages)}
}

// sum compares the total with what was acknowledged. All updates have been.
func sum(ctx context.Context, o dstm.Object, acknowledged int) error {
	total := 0
	if _, err := o.Update(ctx, func(tx *dstm.Tx) error {
		tx.Lookup(&total, "total")
		tx.Set(true, "done")
		return nil
	}); err != nil {
		return err
	}
	if total != acknowledged {
		return fmt.Errorf("%d additions were acknowledged, and the total is %d", acknowledged, total)
	}
	return nil
}
