package cases

import (
	"context"
	"time"

	"github.com/trefoilgo/trefoil/bench/load"
)

// growthTopics is publications on more and more topics, each with one subscriber.
func growthTopics() Experiment {
	const most = 100 // connections that subscribe
	const window = 16
	return growth{
		name:    "growth-topics",
		about:   "1 to 100,000 topics with one subscriber each, on at most 100 connections, 16 messages of 128 bytes in flight; memory is that of a topic with its subscription",
		sizes:   tens(1, 100_000),
		metrics: []metric{metricCPU, metricKiB},
		measure: func(ctx context.Context, env *Env, t *target, n int) (sample, error) {
			empty, err := used(t)
			if err != nil {
				return sample{}, err
			}
			bus, err := load.DialTopics(ctx, t.address)
			if err != nil {
				return sample{}, err
			}
			defer bus.Close()
			f := load.NewFan(bus, n, min(window, n), messageSize)
			connections := min(most, n)
			if err := f.Subscribe(ctx, connections, func(i int) []int {
				var mine []int
				for topic := i; topic < n; topic += connections {
					mine = append(mine, topic)
				}
				return mine
			}); err != nil {
				return sample{}, err
			}
			full, err := used(t)
			if err != nil {
				return sample{}, err
			}
			s, err := runFor(env, t, func(until time.Time, m *load.Meter) error {
				_, err := f.Run(ctx, until, m)
				return err
			})
			s.kib = float64(full-empty) / 1024 / float64(n)
			return s, err
		},
	}.experiment()
}
