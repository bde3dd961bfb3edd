package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/bench/stats"
)

func rows() []Row {
	ours := Row{Case: "c/ops", Peer: "trefoil", Ratio: 1, Goal: None(), ServerCPU: 2.345678, BytesPerOp: 150, P50: 20, P99: 1234.5, OpsPerS: 200000}
	raw := Row{Case: "c/ops", Peer: "raw echo", Ratio: 1.6, ServerCPU: 6, BytesPerOp: 140, P50: 25, P99: 90, OpsPerS: 125000}
	raw.Judge("ops", stats.Goal{Better: stats.Higher, Times: 1.7})
	gone := Row{Case: "c/ops", Peer: "Redis", Ratio: None(), ServerCPU: None(), BytesPerOp: None(), P50: None(), P99: None(), OpsPerS: None(), Missing: "redis-server is not installed"}
	gone.Judge("ops", stats.Goal{Better: stats.Higher, Times: 1})
	return []Row{ours, raw, gone}
}

func TestJSON(t *testing.T) {
	text, err := JSON(rows())
	if err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, row := range got {
		for _, field := range []string{"case", "peer", "ratio", "goal", "met", "server_cpu_us", "bytes_per_op", "p50_us", "p99_us", "ops_per_s"} {
			if _, ok := row[field]; !ok {
				t.Errorf("%v has no %s", row["peer"], field)
			}
		}
	}
	if got[0]["met"] != nil || got[0]["goal"] != nil || got[0]["ratio"] != 1.0 {
		t.Errorf("ours: %v", got[0])
	}
	if got[1]["met"] != false || got[1]["goal"] != 1.7 {
		t.Errorf("a goal that is not met: %v", got[1])
	}
	if got[2]["met"] != false || got[2]["ratio"] != nil || got[2]["missing"] == nil {
		t.Errorf("a missing peer: %v", got[2])
	}
	if text, err := JSON(nil); err != nil || strings.TrimSpace(string(text)) != "[]" {
		t.Errorf("no rows are %s (%v)", text, err)
	}
}

func TestTable(t *testing.T) {
	got := Table(rows())
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) != 5 {
		t.Fatalf("%d lines:\n%s", len(lines), got)
	}
	for i, want := range [][]string{
		{"peer", "CPU us/op"}, {"|--"}, {"trefoil", "200000", "2.35", "1234", "1.00x"}, {"raw echo", "1.60x", ">= 1.70 (ops >= 1.7x)", "NO"},
		{"missing: redis-server is not installed", "not measured"},
	} {
		for _, w := range want {
			if !strings.Contains(lines[i], w) {
				t.Errorf("line %q lacks %q", lines[i], w)
			}
		}
		if len(lines[i]) != len(lines[0]) {
			t.Errorf("line %q is not aligned", lines[i])
		}
	}
	if strings.Contains(got, "syncs") || strings.Contains(got, "KiB") {
		t.Errorf("columns without figures:\n%s", got)
	}
}

// TestTableColumns: only what was measured has a column.
func TestTableColumns(t *testing.T) {
	head, _, _ := strings.Cut(Table([]Row{
		{Case: "b/bytes", Peer: "trefoil", Ratio: 1, OpsPerS: None(), P50: None(), BytesPerOp: 1650, Down: 163, Up: 15.7, Messages: 1.1, Join: 90_000, ClientCPU: 5.5, LongestTask: 26, LongestTaskCPU: 9},
		{Case: "b/bytes", Peer: "poll", Ratio: 2, OpsPerS: None(), Down: None()},
	}), "\n")
	for _, want := range []string{"bytes/op", "down/op, client", "up/op, client", "messages/op, client", "to join", "page CPU us/op", "longest task ms", "its CPU ms"} {
		if !strings.Contains(head, want) {
			t.Errorf("%q lacks %q", head, want)
		}
	}
	for _, none := range []string{"ops/s", "p50", "p99", "| CPU", "KiB"} {
		if strings.Contains(head, none) {
			t.Errorf("%q has %q", head, none)
		}
	}
}
