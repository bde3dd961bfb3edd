package cases

import (
	"math"
	"time"

	"github.com/trefoilgo/trefoil/bench/commit"
	"github.com/trefoilgo/trefoil/bench/load"
	"github.com/trefoilgo/trefoil/bench/report"
	"github.com/trefoilgo/trefoil/bench/stats"
)

// sample is one measurement of one peer. What was not measured is NaN; times are microseconds.
type sample struct {
	ops, cpu, bytes, p50, p99, kib, kibBefore, syncs float64
	// Of what each client is sent and sends: bytes and messages an operation, and bytes until it has joined.
	down, up, messages, join float64
	// task is the longest time in ms for which a page was busy at a stretch.
	task float64
	// taskCPU is the most processor time in ms that it spent on one task.
	taskCPU float64
	// client is the processor time of the page an operation.
	client float64
}

func noSample() sample {
	return sample{nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan}
}

// between is the sample of what was done between two moments.
func between(before, after usage, ops int64, m *load.Meter) sample {
	s := noSample()
	if ops == 0 {
		return s
	}
	n := float64(ops)
	s.ops = n / after.at.Sub(before.at).Seconds()
	s.cpu = micros(after.cpu-before.cpu) / n
	s.bytes = float64(after.wire-before.wire) / n
	s.p50, s.p99 = micros(m.Took.Percentile(0.5)), micros(m.Took.Percentile(0.99))
	return s
}

// outcome is the sample of load that another process has made.
func outcome(before, after usage, o commit.Outcome) sample {
	s := noSample()
	if o.Ops == 0 {
		return s
	}
	n := float64(o.Ops)
	s.ops = n / o.Elapsed.Seconds()
	s.cpu = micros(after.cpu-before.cpu) / n
	if o.Bytes > 0 {
		s.bytes = float64(o.Bytes) / n
	}
	s.p50, s.p99 = micros(o.P50), micros(o.P99)
	return s
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// metric is a figure of a sample that cases compare.
type metric struct {
	name   string
	better stats.Better
	of     func(sample) float64
	// worst compares the worst of all rounds: of a bound that is never to be broken a median says nothing.
	worst bool
}

var (
	metricOps     = metric{name: "ops", better: stats.Higher, of: func(s sample) float64 { return s.ops }}
	metricCPU     = metric{name: "cpu", better: stats.Lower, of: func(s sample) float64 { return s.cpu }}
	metricP50     = metric{name: "p50", better: stats.Lower, of: func(s sample) float64 { return s.p50 }}
	metricP99     = metric{name: "p99", better: stats.Lower, of: func(s sample) float64 { return s.p99 }}
	metricKiB     = metric{name: "kib", better: stats.Lower, of: func(s sample) float64 { return s.kib }}
	metricBefore  = metric{name: "kib-before", better: stats.Lower, of: func(s sample) float64 { return s.kibBefore }}
	metricTask    = metric{name: "longest task", better: stats.Lower, of: func(s sample) float64 { return s.task }, worst: true}
	metricTaskCPU = metric{name: "longest task's cpu", better: stats.Lower, of: func(s sample) float64 { return s.taskCPU }, worst: true}
	metricBytes   = metric{name: "bytes", better: stats.Lower, of: func(s sample) float64 { return s.bytes }}
)

// series are the figures of all rounds.
func (m metric) series(samples []sample) []float64 {
	all := make([]float64, len(samples))
	for i, s := range samples {
		all[i] = m.of(s)
	}
	return all
}

// ratio is how many times better ours is: the median of what it was in each round, or that of the worst.
func (m metric) ratio(ours, theirs []sample) float64 {
	if m.worst {
		return stats.Ratio(m.better, longest(m.series(ours)), longest(m.series(theirs)))
	}
	return stats.Median(stats.Ratios(m.better, m.series(ours), m.series(theirs)))
}

// row is a row with the medians of samples.
func row(name, peer string, samples []sample) report.Row {
	median := func(of func(sample) float64) report.Number {
		return report.Number(stats.Median(metric{of: of}.series(samples)))
	}
	return report.Row{
		Case: name, Peer: peer, Ratio: report.None(), Goal: report.None(),
		OpsPerS: median(metricOps.of), ServerCPU: median(metricCPU.of), P50: median(metricP50.of), P99: median(metricP99.of),
		BytesPerOp: median(func(s sample) float64 { return s.bytes }),
		KiB:        median(metricKiB.of), KiBBefore: median(metricBefore.of), Syncs: median(func(s sample) float64 { return s.syncs }),
		Down: median(func(s sample) float64 { return s.down }), Up: median(func(s sample) float64 { return s.up }),
		Messages: median(func(s sample) float64 { return s.messages }), Join: median(func(s sample) float64 { return s.join }),
		ClientCPU: median(func(s sample) float64 { return s.client }), LongestTask: report.Number(longest(metricTask.series(samples))),
		LongestTaskCPU: report.Number(longest(metricTaskCPU.series(samples))),
	}
}

// longest is the most of all rounds, NaN if none has any.
func longest(values []float64) float64 {
	most := nan
	for _, v := range values {
		if !(v <= most) && !math.IsNaN(v) {
			most = v
		}
	}
	return most
}
