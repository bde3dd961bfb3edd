package cases

import (
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
}

func noSample() sample { return sample{nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan} }

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
}

var (
	metricOps    = metric{"ops", stats.Higher, func(s sample) float64 { return s.ops }}
	metricCPU    = metric{"cpu", stats.Lower, func(s sample) float64 { return s.cpu }}
	metricP50    = metric{"p50", stats.Lower, func(s sample) float64 { return s.p50 }}
	metricP99    = metric{"p99", stats.Lower, func(s sample) float64 { return s.p99 }}
	metricKiB    = metric{"kib", stats.Lower, func(s sample) float64 { return s.kib }}
	metricBefore = metric{"kib-before", stats.Lower, func(s sample) float64 { return s.kibBefore }}
	metricBytes  = metric{"bytes", stats.Lower, func(s sample) float64 { return s.bytes }}
)

// series are the figures of all rounds.
func (m metric) series(samples []sample) []float64 {
	all := make([]float64, len(samples))
	for i, s := range samples {
		all[i] = m.of(s)
	}
	return all
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
	}
}
