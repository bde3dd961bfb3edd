package report

import (
	"fmt"
	"math"
	"strings"
)

// Table writes the rows of one case as a table in Markdown, aligned so that it reads well as text.
func Table(rows []Row) string {
	head := []string{"peer", "ops/s", "p50 us", "p99 us", "CPU us/op", "bytes/op"}
	extra := []struct {
		name  string
		value func(Row) Number
	}{
		{"KiB after GC", func(r Row) Number { return r.KiB }},
		{"KiB before", func(r Row) Number { return r.KiBBefore }},
		{"syncs/op", func(r Row) Number { return r.Syncs }},
	}
	columns := extra[:0:0]
	for _, e := range extra {
		for _, r := range rows {
			if v := float64(e.value(r)); v != 0 && !math.IsNaN(v) {
				columns = append(columns, e)
				head = append(head, e.name)
				break
			}
		}
	}
	head = append(head, "ours better by", "goal", "met")
	lines := [][]string{head}
	for _, r := range rows {
		line := []string{r.Peer, figure(r.OpsPerS), figure(r.P50), figure(r.P99), figure(r.ServerCPU), figure(r.BytesPerOp)}
		for _, c := range columns {
			line = append(line, figure(c.value(r)))
		}
		goal := ""
		if r.GoalText != "" {
			goal = fmt.Sprintf(">= %.2f (%s)", float64(r.Goal), r.GoalText)
		}
		line = append(line, ratio(r), goal, met(r))
		lines = append(lines, line)
	}
	return align(lines)
}

func ratio(r Row) string {
	switch {
	case r.Missing != "":
		return "missing: " + r.Missing
	case r.Failed != "":
		return "FAILED: " + r.Failed
	case math.IsNaN(float64(r.Ratio)):
		return ""
	}
	return fmt.Sprintf("%.2fx", float64(r.Ratio))
}

func met(r Row) string {
	switch {
	case r.Met == nil:
		return ""
	case math.IsNaN(float64(r.Ratio)):
		return "not measured"
	case *r.Met:
		return "yes"
	}
	return "NO"
}

// figure writes three significant digits, and all that stand before the point.
func figure(n Number) string {
	v := math.Abs(float64(n))
	switch {
	case math.IsNaN(v):
		return ""
	case v >= 100:
		return fmt.Sprintf("%.0f", float64(n))
	case v >= 10:
		return fmt.Sprintf("%.1f", float64(n))
	}
	return fmt.Sprintf("%.3g", float64(n))
}

// align writes lines as a Markdown table; the first is the head.
func align(lines [][]string) string {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var b strings.Builder
	for n, line := range lines {
		for i, cell := range line {
			if i == 0 || n == 0 {
				fmt.Fprintf(&b, "| %-*s ", widths[i], cell)
			} else {
				fmt.Fprintf(&b, "| %*s ", widths[i], cell)
			}
		}
		b.WriteString("|\n")
		if n == 0 {
			for i, w := range widths {
				if i == 0 {
					fmt.Fprintf(&b, "|%s", strings.Repeat("-", w+2))
				} else {
					fmt.Fprintf(&b, "|%s:", strings.Repeat("-", w+1))
				}
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}
