package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Table writes the rows of one case as a table in Markdown, aligned so that it reads well as text. A column without any figure is left out.
func Table(rows []Row) string {
	head := []string{"peer"}
	var columns []func(Row) Number
	for _, c := range []struct {
		name  string
		value func(Row) Number
	}{
		{"ops/s", func(r Row) Number { return r.OpsPerS }},
		{"p50 us", func(r Row) Number { return r.P50 }},
		{"p99 us", func(r Row) Number { return r.P99 }},
		{"CPU us/op", func(r Row) Number { return r.ServerCPU }},
		{"bytes/op", func(r Row) Number { return r.BytesPerOp }},
		{"down/op, client", func(r Row) Number { return r.Down }},
		{"up/op, client", func(r Row) Number { return r.Up }},
		{"messages/op, client", func(r Row) Number { return r.Messages }},
		{"to join", func(r Row) Number { return r.Join }},
		{"KiB after GC", func(r Row) Number { return r.KiB }},
		{"KiB before", func(r Row) Number { return r.KiBBefore }},
		{"syncs/op", func(r Row) Number { return r.Syncs }},
		{"page CPU us/op", func(r Row) Number { return r.ClientCPU }},
		{"longest task ms", func(r Row) Number { return r.LongestTask }},
		{"its CPU ms", func(r Row) Number { return r.LongestTaskCPU }},
	} {
		if slices.ContainsFunc(rows, func(r Row) bool { v := float64(c.value(r)); return v != 0 && !math.IsNaN(v) }) {
			columns = append(columns, c.value)
			head = append(head, c.name)
		}
	}
	head = append(head, "ours better by", "goal", "met")
	lines := [][]string{head}
	for _, r := range rows {
		line := []string{r.Peer}
		for _, value := range columns {
			line = append(line, figure(value(r)))
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
