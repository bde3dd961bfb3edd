package cases

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/bench/report"
)

// fake is a subject whose rounds have given numbers of operations.
func fake(name, label string, ops ...float64) subject {
	round := 0
	return subject{peer: here(name, ""), label: label, measure: func(context.Context, *Env, *target) (sample, error) {
		s := noSample()
		s.ops = ops[round]
		round++
		return s, nil
	}}
}

func TestFamily(t *testing.T) {
	env := testEnv(t)
	env.Rounds = 3
	absent := subject{peer: peer{"absent", "", func(context.Context, *Env, spec) (*target, error) { return nil, missing("it is not installed") }}}
	wrong := fake("wrong", "", 1)
	wrong.measure = func(context.Context, *Env, *target) (sample, error) { return sample{}, errors.New("a wrong answer") }
	f := family{
		name: "f",
		subjects: []subject{
			fake(ours, "ours, quick", 200, 100, 400), fake(ours, "ours, slow", 10, 10, 10),
			fake("raw", "", 100, 25, 160), absent, wrong,
		},
		cases: []comparison{
			{"quick", metricOps, "ours, quick", map[string]float64{"raw": 2.5, "absent": 1}},
			{"slow", metricOps, "ours, slow", map[string]float64{"raw": 0.1}},
		},
	}
	rows, err := f.run(t.Context(), env)
	if err == nil || !strings.Contains(err.Error(), "a wrong answer") || strings.Contains(err.Error(), "installed") {
		t.Errorf("the error is %v", err)
	}
	find := func(name, peer string) report.Row {
		for _, r := range rows {
			if r.Case == name && r.Peer == peer {
				return r
			}
		}
		t.Fatalf("there is no row %s, %s", name, peer)
		return report.Row{}
	}
	// Ratios are 2, 4 and 2.5: the median is of them, not one of medians (200/100).
	if r := find("f/quick", "raw"); r.Ratio != 2.5 || r.OpsPerS != 100 || r.Met == nil || !*r.Met || r.Goal != 2.5 {
		t.Errorf("quick against raw: %+v", r)
	}
	if r := find("f/slow", "raw"); r.Ratio != 0.1 || !*r.Met {
		t.Errorf("slow against raw: %+v", r)
	}
	if r := find("f/quick", "absent"); r.Missing == "" || r.Failed != "" || r.Met == nil || *r.Met || !math.IsNaN(float64(r.Ratio)) {
		t.Errorf("one that is missing: %+v", r)
	}
	if r := find("f/quick", "wrong"); r.Failed != "a wrong answer" || r.Missing != "" || r.Met != nil {
		t.Errorf("one that failed: %+v", r)
	}
	if r := find("f/quick", ours); r.Ratio != 1 || r.OpsPerS != 200 || r.Met != nil {
		t.Errorf("ours: %+v", r)
	}
	if len(rows) != 8 {
		t.Errorf("%d rows, want 4 in each case", len(rows))
	}
}

// TestMissing: on a machine that has nothing but Go, peers are missing and nothing fails.
func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	env := testEnv(t)
	env.Home = t.TempDir()
	for _, p := range []peer{redis, socketIO, engineIO, etcd} {
		f := family{name: "f", subjects: []subject{fake(ours, "", 1), {peer: p}}, cases: []comparison{{"ops", metricOps, ours, map[string]float64{p.name: 1}}}}
		rows, err := f.run(t.Context(), env)
		if err != nil || len(rows) != 2 || rows[1].Missing == "" || *rows[1].Met {
			t.Errorf("%s: %v, %+v", p.name, err, rows)
		}
	}
}

func TestDeliveryCPU(t *testing.T) {
	// 10 messages to 100: 1,500 us in all, of which 50 for each message; so 1 us is left for each delivery.
	if got := deliveryCPU(1.5, 50, 10, 1000); math.Abs(got-1) > 1e-9 {
		t.Errorf("%v", got)
	}
}

func TestSyncCount(t *testing.T) {
	for _, c := range []struct {
		syncs, ops int64
		callers    int
		good       bool
	}{{10, 640, 64, true}, {9, 640, 64, false}, {0, 1, 64, false}, {5, 0, 64, false}, {1000, 10, 64, true}} {
		if err := (syncCount{c.syncs, c.ops}).check(c.callers); (err == nil) != c.good {
			t.Errorf("%d syncs for %d commits of %d callers: %v", c.syncs, c.ops, c.callers, err)
		}
	}
	text := "12  fdatasync(7) = 0\n13  fdatasync(7 <unfinished ...>\n14 fsync(3) = 0\n13  <... fdatasync resumed>) = 0\n12  +++ exited with 0 +++\n"
	if n := len(syncCall.FindAllString(text, -1)); n != 3 {
		t.Errorf("%d syncs in\n%s", n, text)
	}
}

func TestGrowthRows(t *testing.T) {
	cpu := func(v float64) sample {
		s := noSample()
		s.cpu = v
		return s
	}
	rows := growth{name: "g", sizes: []int{1, 10, 100, 1000}, metrics: []metric{metricCPU}}.rows([]sample{cpu(8), cpu(4), cpu(10), noSample()})
	if len(rows) != 4 || rows[0].Met != nil {
		t.Fatalf("%+v", rows)
	}
	if r := rows[1]; r.Ratio != 2 || !*r.Met {
		t.Errorf("half the cost: %+v", r)
	}
	if r := rows[2]; r.Ratio != 0.4 || *r.Met {
		t.Errorf("2.5 times the cost: %+v", r)
	}
	if r := rows[3]; *r.Met || r.Failed == "" {
		t.Errorf("not measured: %+v", r)
	}
}

func TestChosen(t *testing.T) {
	names := func(only ...string) string {
		all, err := Chosen(only)
		if err != nil {
			return "error"
		}
		var s []string
		for _, e := range all {
			s = append(s, e.Name)
		}
		return strings.Join(s, " ")
	}
	for want, only := range map[string][]string{
		"rpc-64-1x1":                    {"rpc-64-1x1"}, // although another one begins so
		"rpc-64-1x128 rpc-64-1x1":       {"rpc-64-1"},
		"idle commits-64 codec":         {"codec", "commits-64", "idle"},
		"error":                         {"idle", "no such case"},
		"commits-64 commits-512 codec":  {"commits-64", "commits-512", "codec"},
		"fanout-1000 fanout-paced idle": {"fanout-paced", "idle", "fanout-1000"},
	} {
		if got := names(only...); got != want {
			t.Errorf("%v are %q, want %q", only, got, want)
		}
	}
	seen := map[string]bool{}
	for _, e := range All() {
		if seen[e.Name] || e.About == "" || e.Run == nil {
			t.Errorf("experiment %q is there twice or has nothing to say", e.Name)
		}
		seen[e.Name] = true
	}
}

// TestWorst: a bound that is never to be broken is compared with the worst of the rounds, those that were not measured aside.
func TestWorst(t *testing.T) {
	task := func(ms float64) sample {
		s := noSample()
		s.task = ms
		return s
	}
	ours, bound := []sample{task(10), task(80), noSample()}, []sample{task(40), task(40), task(40)}
	if got := metricTask.ratio(ours, bound); got != 0.5 {
		t.Errorf("the worst is %v times better, want 0.5", got)
	}
	if got := metricTask.ratio([]sample{noSample()}, bound); !math.IsNaN(got) {
		t.Errorf("what was not measured is %v times better", got)
	}
	if got := row("c", "trefoil", ours).LongestTask; got != 80 {
		t.Errorf("the row says %v ms, want 80", got)
	}
}
