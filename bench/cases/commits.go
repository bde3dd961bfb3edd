package cases

import (
	"context"
	"fmt"
	"time"

	"github.com/trefoilgo/trefoil/bench/commit"
	"github.com/trefoilgo/trefoil/bench/load"
)

// overWire has clients in this process commit.
func overWire(clients int, dial load.DialCommitter) func(context.Context, *Env, *target) (sample, error) {
	return func(ctx context.Context, env *Env, t *target) (sample, error) {
		c, err := dial(ctx, t.address, clients)
		if err != nil {
			return sample{}, err
		}
		defer c.Close()
		var m load.Meter
		if err := c.Run(time.Now().Add(env.Warm), &m); err != nil {
			return sample{}, err
		}
		m.Reset()
		before, err := t.usage()
		if err != nil {
			return sample{}, err
		}
		if err := c.Run(time.Now().Add(env.Lasts), &m); err != nil {
			return sample{}, err
		}
		after, err := t.usage()
		tellOps(ctx, m.Ops.Load())
		return between(before, after, m.Ops.Load(), &m), err
	}
}

// elsewhere has a process commit by its command "run": that of the load, or the measured one itself.
func elsewhere(callers int) func(context.Context, *Env, *target) (sample, error) {
	return func(ctx context.Context, env *Env, t *target) (sample, error) {
		by := t.load
		if by == nil {
			by = t.process
		}
		run := func(lasts time.Duration) (o commit.Outcome, err error) {
			err = by.DoJSON(fmt.Sprintf("run %d %d", callers, lasts.Milliseconds()), &o)
			return o, err
		}
		if _, err := run(env.Warm); err != nil {
			return sample{}, err
		}
		before, err := t.usage()
		if err != nil {
			return sample{}, err
		}
		o, err := run(env.Lasts)
		if err != nil {
			return sample{}, err
		}
		after, err := t.usage()
		tellOps(ctx, o.Ops)
		return outcome(before, after, o), err
	}
}

// durables are the durable cases with their goals.
func durables() []Experiment {
	var all []Experiment
	for _, clients := range []int{64, 512} {
		all = append(all, family{
			name:  fmt.Sprintf("commits-%d", clients),
			about: fmt.Sprintf("durable commits over the wire, %d clients, each with a connection: two reads and one write of 256 bytes", clients),
			cases: []comparison{{"ops", metricOps, ours, map[string]float64{etcd.name: 4, redis.name: 1}}},
			subjects: []subject{
				{peer: trefoilDurable, measure: overWire(clients, load.DialCommits), after: countSyncs(clients)},
				{peer: redis, measure: overWire(clients, load.DialRedis), after: countSyncs(clients)},
				{peer: etcd, measure: elsewhere(clients), after: countSyncs(clients)},
			},
		}.experiment())
	}
	const callers = 512
	return append(all, family{
		name:  "commits-inside",
		about: "durable commits in the server's process, 512 callers: two reads and one write of 256 bytes; the floor writes 4 KiB for each",
		cases: []comparison{{"ops", metricOps, ours, map[string]float64{fdatasync.name: 0.5}}},
		subjects: []subject{
			{peer: commitsInside, measure: elsewhere(callers), after: countSyncs(callers)},
			{peer: fdatasync, measure: elsewhere(callers), after: countSyncs(callers)},
		},
	}.experiment())
}
