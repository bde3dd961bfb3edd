package cases

import (
	"context"

	"github.com/trefoilgo/trefoil/bench/load"
)

// growthReplicas is one writer's commits to more and more replicas.
func growthReplicas() Experiment {
	return growth{
		name:    "growth-replicas",
		about:   "one writer, 1 to 1,000 replicas, 8 commits of 128 bytes in flight; an operation is a change that has reached a replica",
		sizes:   tens(1, 1000),
		metrics: []metric{metricCPU},
		measure: func(ctx context.Context, env *Env, t *target, n int) (sample, error) {
			s, _, err := fanCase{topics: 1, subscribers: n, window: 8}.run(ctx, env, t, load.DialReplicas)
			return s, err
		},
	}.experiment()
}
