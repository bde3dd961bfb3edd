package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/bench/cases"
	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/bench/report"
	"github.com/trefoilgo/trefoil/bench/server"
	"github.com/trefoilgo/trefoil/bench/stats"
)

func TestMain(m *testing.M) {
	child.Serving(server.Roles)
	os.Exit(m.Run())
}

func judged(name, peer string, ratio float64) report.Row {
	r := report.Row{Case: name, Peer: peer, Ratio: report.Number(ratio)}
	r.Judge("ops", stats.Goal{Better: stats.Higher, Times: 2})
	return r
}

func TestSummary(t *testing.T) {
	gone := judged("b/ops", "Redis", 0)
	gone.Ratio, gone.Missing = report.None(), "redis-server is not installed"
	gone.Judge("ops", stats.Goal{Better: stats.Higher, Times: 2})
	rows := []report.Row{{Case: "a/ops", Peer: "trefoil"}, judged("a/ops", "raw echo", 2.5), judged("a/ops", "NATS TCP", 1.5), {Case: "b/ops", Peer: "trefoil"}, gone}
	got := summary(rows)
	for _, want := range []string{"1 of 3 are met", "a/ops against NATS TCP: 1.50x, goal 2.00x", "b/ops against Redis: not measured (redis-server is not installed)"} {
		if !strings.Contains(got, want) {
			t.Errorf("the summary lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "raw echo") {
		t.Errorf("a goal that is met is listed:\n%s", got)
	}
	if groups := byCase(rows); len(groups) != 2 || len(groups[0]) != 3 || groups[1][0].Case != "b/ops" {
		t.Errorf("the groups are %v", groups)
	}
}

// TestRun: the command, from its arguments to the file of rows.
func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rows.json")
	if err := run(t.Context(), []string{"-only", "codec", "-rounds", "1", "-for", "1ms", "-json", file, "-dir", t.TempDir()}, 0); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), `"case": "codec/ops"`) {
		t.Errorf("%v: %s", err, text)
	}
	for _, bad := range [][]string{{"-only", "no such case"}, {"-no-such-flag"}, {"-only", "codec", "-dir", "/does/not/exist"}} {
		if err := run(t.Context(), bad, 0); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// TestReadme: README.md lists the peers with the settings that they have.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), cases.Settings()) {
		t.Errorf("README.md lacks, as it stands here:\n%s", cases.Settings())
	}
}
