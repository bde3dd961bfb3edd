package cases

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/trefoilgo/trefoil/bench/load"
	"github.com/trefoilgo/trefoil/bench/report"
	"github.com/trefoilgo/trefoil/bench/stats"
)

// growthGoal is how much more a unit may cost when there are ten times as many: linear, but for caches, and for what one measurement is worth.
const growthGoal = 1.5

// growth is a table of what a unit costs as their number grows: an operation among so many connections, a node of an object.
type growth struct {
	name, about string
	sizes       []int
	metrics     []metric
	measure     func(ctx context.Context, env *Env, t *target, n int) (sample, error)
}

func (g growth) experiment() Experiment {
	return Experiment{Name: g.name, About: g.about + "; the ratio is the cost at the size before to the cost at this one", Run: g.run, growth: g}
}

func (g growth) run(ctx context.Context, env *Env) ([]report.Row, error) {
	var samples []sample
	var errs []error
	for _, n := range g.sizes {
		s, err := g.one(ctx, env, n)
		if err != nil {
			s = noSample()
			errs = append(errs, fmt.Errorf("%s, %d: %w", g.name, n, err))
		}
		samples = append(samples, s)
	}
	return g.rows(samples), errors.Join(errs...)
}

// one measures a size on a server of its own.
func (g growth) one(ctx context.Context, env *Env, n int) (sample, error) {
	t, err := trefoil.start(ctx, env, spec{label: fmt.Sprintf("%s.%d", g.name, n)})
	if err != nil {
		return sample{}, err
	}
	s, err := g.measure(ctx, env, t, n)
	env.Log("%s, %d: %.0f ops/s, CPU %.2f us, p50 %.1f us, %.2f KiB", g.name, n, s.ops, s.cpu, s.p50, s.kib)
	return s, errors.Join(err, t.stop())
}

func (g growth) rows(samples []sample) []report.Row {
	var rows []report.Row
	for _, m := range g.metrics {
		for i, s := range samples {
			r := row(g.name+"/"+m.name, fmt.Sprintf("%s, %d", ours, g.sizes[i]), samples[i:i+1])
			if i > 0 {
				r.Ratio = report.Number(stats.Ratio(m.better, m.of(s), m.of(samples[i-1])))
				r.Judge(m.name, stats.Goal{Better: stats.Lower, Times: growthGoal})
			}
			if math.IsNaN(m.of(s)) {
				r.Failed = "see the errors"
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// runFor warms up, measures, and returns the sample; run must count operations in m.
func runFor(env *Env, t *target, run func(until time.Time, m *load.Meter) error) (sample, error) {
	var m load.Meter
	if err := run(time.Now().Add(env.Warm), &m); err != nil {
		return sample{}, err
	}
	m.Reset()
	before, err := t.usage()
	if err != nil {
		return sample{}, err
	}
	if err := run(time.Now().Add(env.Lasts), &m); err != nil {
		return sample{}, err
	}
	after, err := t.usage()
	return between(before, after, m.Ops.Load(), &m), err
}

// used is the server's memory after a garbage collection, in bytes.
func used(t *target) (int64, error) {
	m, err := memory(t, true)
	return m.Used, err
}

// tens are the powers of ten from one to the other.
func tens(from, to int) []int {
	var all []int
	for n := from; n <= to; n *= 10 {
		all = append(all, n)
	}
	return all
}

func growths() []Experiment {
	return []Experiment{growthConnections(), growthTopics(), growthNodes(), growthReplicas()}
}
