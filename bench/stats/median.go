// Package stats is the arithmetic of the benchmark: medians, percentiles, ratios, goals.
package stats

import (
	"math"
	"slices"
)

// Median is the middle of values, the mean of the two in the middle if their number is even; NaN of none. Values that
// are NaN (a round that was not measured) do not count.
func Median(values []float64) float64 {
	sorted := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			sorted = append(sorted, v)
		}
	}
	slices.Sort(sorted)
	n := len(sorted)
	switch {
	case n == 0:
		return math.NaN()
	case n%2 == 1:
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// nearestRank is the rank, from 1, of the fraction p of n values.
func nearestRank(p float64, n int) int {
	return min(max(int(math.Ceil(p*float64(n))), 1), n)
}
