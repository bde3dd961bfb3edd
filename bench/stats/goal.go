package stats

import (
	"fmt"
	"math"
)

// Better says which of two figures is the better one.
type Better int

const (
	// Higher is better: operations per second.
	Higher Better = iota
	// Lower is better: time, memory.
	Lower
)

// Ratio is how many times better ours is than theirs. It is NaN where one of them was not measured.
func Ratio(better Better, ours, theirs float64) float64 {
	if !(ours > 0) || !(theirs > 0) {
		return math.NaN()
	}
	if better == Higher {
		return ours / theirs
	}
	return theirs / ours
}

// Ratios are those of the rounds: each compares ours and theirs of the same round, and rounds without one of them are NaN.
func Ratios(better Better, ours, theirs []float64) []float64 {
	all := make([]float64, min(len(ours), len(theirs)))
	for i := range all {
		all[i] = Ratio(better, ours[i], theirs[i])
	}
	return all
}

// Goal is what ours is to reach in relation to a peer.
type Goal struct {
	Better Better
	// Times is the bound as one says it: of ops at least Times those of the peer, of costs at most Times.
	Times float64
}

// Least is the goal in terms of Ratio: how many times better ours has to be at least.
func (g Goal) Least() float64 {
	if g.Better == Higher {
		return g.Times
	}
	return 1 / g.Times
}

// Met reports whether a ratio reaches the goal; one that is NaN does not.
func (g Goal) Met(ratio float64) bool { return ratio >= g.Least() }

// String is the goal as one says it, such as ">= 1.7x" or "<= 0.55x".
func (g Goal) String() string {
	sign := ">="
	if g.Better == Lower {
		sign = "<="
	}
	return fmt.Sprintf("%s %.4gx", sign, g.Times)
}
