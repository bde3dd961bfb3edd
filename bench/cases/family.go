package cases

import (
	"context"
	"errors"
	"fmt"

	"github.com/trefoilgo/trefoil/bench/report"
	"github.com/trefoilgo/trefoil/bench/stats"
)

// family are measurements of the same load on several servers, and the cases that look at them.
type family struct {
	name, about string
	subjects    []subject
	cases       []comparison
	// fresh starts a server anew for each sample: for memory, of which a server that has had connections keeps some.
	fresh bool
	// quick is how many rounds a quick run has at most, where each takes long because of so many connections; 0: as many as any.
	quick int
}

// subject is a server together with the load that is put on it.
type subject struct {
	peer
	// label tells subjects apart whose peers have one name; "" is the peer's name.
	label   string
	measure func(ctx context.Context, env *Env, t *target) (sample, error)
	// after, if there is one, measures once more behind the rounds, and changes the samples of all of them.
	after func(ctx context.Context, env *Env, s subject, samples []sample) error
}

func (s subject) id() string {
	if s.label != "" {
		return s.label
	}
	return s.name
}

// comparison is one case: ours against all others, in one metric.
type comparison struct {
	name   string
	metric metric
	// ours is the id of the subject that is ours.
	ours  string
	goals map[string]float64 // by peer, as one says them: see stats.Goal
}

// experiment is f as something that can be run.
func (f family) experiment() Experiment { return Experiment{Name: f.name, About: f.about, Run: f.run} }

// running is a subject in a run.
type running struct {
	subject
	target  *target
	samples []sample
	err     error // why it is not measured (any more)
}

func (f family) run(ctx context.Context, env *Env) ([]report.Row, error) {
	var all []*running
	for _, s := range f.subjects {
		if !env.takes(s.name) {
			continue
		}
		r := &running{subject: s}
		if !f.fresh {
			r.target, r.err = s.start(ctx, env, f.spec(s))
		}
		all = append(all, r)
	}
	rounds := env.Rounds
	if env.Quick && f.quick > 0 {
		rounds = min(rounds, f.quick)
	}
	for round := range rounds {
		for i := range all {
			r := all[(i+round)%len(all)] // another one begins in each round
			r.samples = append(r.samples, f.sample(ctx, env, r))
		}
	}
	var errs []error
	for _, r := range all {
		if r.target != nil {
			if err := r.target.stop(); err != nil && r.err == nil {
				r.err = fmt.Errorf("it did not end well: %w", err)
			}
		}
		if r.err == nil && r.after != nil {
			r.err = r.after(ctx, env, r.subject, r.samples)
		}
		if r.err != nil && !errors.As(r.err, new(missing)) {
			errs = append(errs, fmt.Errorf("%s, %s: %w", f.name, r.id(), r.err))
		}
	}
	return f.rows(all), errors.Join(errs...)
}

// spec is how a subject's server is started.
func (f family) spec(s subject) spec { return spec{label: f.name + "." + s.id()} }

// sample measures a subject once, unless it has failed.
func (f family) sample(ctx context.Context, env *Env, r *running) sample {
	if r.err == nil {
		r.err = ctx.Err()
	}
	if r.err != nil {
		return noSample()
	}
	t := r.target
	if f.fresh {
		if t, r.err = r.start(ctx, env, f.spec(r.subject)); r.err != nil {
			return noSample()
		}
	}
	s, err := r.measure(ctx, env, t)
	if f.fresh && t != nil {
		err = errors.Join(err, t.stop())
	}
	if err != nil {
		r.err = err
		return noSample()
	}
	env.Log("%s, %s: %.0f ops/s, CPU %.2f us, p50 %.1f us, p99 %.1f us, %.0f bytes", f.name, r.id(), s.ops, s.cpu, s.p50, s.p99, s.bytes)
	return s
}

// rows are the rows of all cases. Where a family has several subjects of ours, a case shows only its own.
func (f family) rows(all []*running) []report.Row {
	var rows []report.Row
	for _, c := range f.cases {
		var mine *running
		for _, r := range all {
			if r.id() == c.ours {
				mine = r
			}
		}
		for _, r := range all {
			if r.name == ours && r != mine {
				continue
			}
			one := row(f.name+"/"+c.name, r.name, r.samples)
			one.Ratio = report.Number(c.metric.ratio(mine.samples, r.samples))
			if goal, ok := c.goals[r.name]; ok {
				one.Judge(c.metric.name, stats.Goal{Better: c.metric.better, Times: goal})
			}
			if errors.As(r.err, new(missing)) {
				one.Missing = r.err.Error()
			} else if r.err != nil {
				one.Failed = r.err.Error()
			}
			rows = append(rows, one)
		}
	}
	return rows
}
