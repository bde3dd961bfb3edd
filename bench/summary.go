package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/trefoilgo/trefoil/bench/report"
)

// byCase are rows in groups of one case each, in their order.
func byCase(rows []report.Row) [][]report.Row {
	var groups [][]report.Row
	for i, r := range rows {
		if i == 0 || rows[i-1].Case != r.Case {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], r)
	}
	return groups
}

// summary is how many goals are met, and which are not.
func summary(rows []report.Row) string {
	var b strings.Builder
	met, goals := 0, 0
	for _, r := range rows {
		if r.Met == nil {
			continue
		}
		goals++
		switch {
		case *r.Met:
			met++
		case math.IsNaN(float64(r.Ratio)):
			fmt.Fprintf(&b, "- %s against %s: not measured (%s%s)\n", r.Case, r.Peer, r.Missing, r.Failed)
		default:
			fmt.Fprintf(&b, "- %s against %s: %.2fx, goal %.2fx (%s)\n", r.Case, r.Peer, float64(r.Ratio), float64(r.Goal), r.GoalText)
		}
	}
	return fmt.Sprintf("## Goals\n\n%d of %d are met. Not met:\n\n%s", met, goals, b.String())
}
