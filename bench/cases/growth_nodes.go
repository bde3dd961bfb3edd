package cases

import (
	"context"
	"fmt"
	"time"

	"github.com/trefoilgo/trefoil/bench/load"
)

// growthNodes is commits on an object of more and more nodes. The time to open it, for each of its nodes, stands in p99.
func growthNodes() Experiment {
	const writers = 8
	perNode := metricP99
	perNode.name = "open-per-node"
	return growth{
		name:    "growth-nodes",
		about:   "objects of 10 to 1,000,000 nodes, 8 commits of one change in flight; memory is that of a node; p99 is the time to open the object, for each node",
		sizes:   tens(10, 1_000_000),
		metrics: []metric{metricCPU, perNode, metricKiB},
		measure: func(ctx context.Context, env *Env, t *target, n int) (sample, error) {
			const name = "grown"
			empty, err := used(t)
			if err != nil {
				return sample{}, err
			}
			if _, err := t.process.Do(fmt.Sprintf("grow %s %d", name, n)); err != nil {
				return sample{}, err
			}
			o, took, err := load.OpenObject(ctx, t.address, name, n)
			if err != nil {
				return sample{}, err
			}
			defer o.Close()
			full, err := used(t)
			if err != nil {
				return sample{}, err
			}
			s, err := runFor(env, t, func(until time.Time, m *load.Meter) error { return o.Run(writers, until, m) })
			s.kib = float64(full-empty) / 1024 / float64(n)
			s.p99 = micros(took) / float64(n)
			return s, err
		},
	}.experiment()
}
