package cases

import (
	"context"
	"errors"
	"time"

	"github.com/trefoilgo/trefoil/bench/load"
)

// growthConnections is 128 calls in flight, spread over more and more connections, and the memory of one.
func growthConnections() Experiment {
	const flight = 128
	return growth{
		name:    "growth-connections",
		about:   "1 to 10,000 connections, 128 calls of 64 bytes in flight on all of them together; memory is that of a connection",
		sizes:   tens(1, 10_000),
		metrics: []metric{metricCPU, metricKiB},
		measure: func(ctx context.Context, env *Env, t *target, n int) (sample, error) {
			empty, err := used(t)
			if err != nil {
				return sample{}, err
			}
			e, err := load.DialOrdinary(ctx, t.address, n)
			if err != nil {
				return sample{}, err
			}
			defer e.Close()
			full, err := used(t)
			if err != nil {
				return sample{}, err
			}
			spread, ok := e.(load.Spread)
			if !ok {
				return sample{}, errors.New("calls cannot be spread over connections")
			}
			s, err := runFor(env, t, func(until time.Time, m *load.Meter) error { return spread.RunSpread(flight, 64, until, m) })
			s.kib = float64(full-empty) / 1024 / float64(n)
			return s, err
		},
	}.experiment()
}
