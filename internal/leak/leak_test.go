package leak

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// recorder stands in for a test that has ended: it keeps what Check reports.
type recorder struct {
	cleanups []func()
	reports  []string
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, a ...any) {
	r.reports = append(r.reports, fmt.Sprintf(format, a...))
}

func TestCheckPassesWhenAllEnd(t *testing.T) {
	var r recorder
	Check(&r)
	end := make(chan struct{})
	go func() { <-end }()
	close(end) // it may not have ended yet when the cleanup begins
	r.cleanups[0]()
	if len(r.reports) > 0 {
		t.Fatalf("reported %q, want nothing", r.reports)
	}
}

func TestWaitReportsTheStackOfALeak(t *testing.T) {
	before := map[string]bool{}
	for _, g := range goroutines() {
		before[g.id] = true
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go leakingHere(end, ended)
	left := wait(before, 20*time.Millisecond)
	close(end)
	<-ended
	if len(left) != 1 || !strings.Contains(join(left), "leakingHere") {
		t.Fatalf("reported %d goroutines, want the one that leaks:\n%s", len(left), join(left))
	}
	if left := wait(before, 5*time.Second); len(left) != 0 {
		t.Fatalf("reported after its end:\n%s", join(left))
	}
}

func leakingHere(end, ended chan struct{}) {
	<-end
	close(ended)
}

func TestOlderGoroutinesDoNotCount(t *testing.T) {
	end, ended := make(chan struct{}), make(chan struct{})
	go leakingHere(end, ended)
	var r recorder
	Check(&r)
	r.cleanups[0]()
	close(end)
	<-ended
	if len(r.reports) > 0 {
		t.Fatalf("reported %q, want nothing: it ran before Check", r.reports)
	}
}

// suite stands in for *testing.M.
type suite func() int

func (s suite) Run() int { return s() }

func TestMainCode(t *testing.T) {
	end := make(chan struct{})
	ended := make(chan struct{})
	for _, c := range []struct {
		name string
		run  suite
		want int
	}{
		{"clean", func() int { return 0 }, 0},
		{"failed", func() int { return 3 }, 3},
		{"leaking", func() int { go leakingHere(end, ended); return 0 }, 1},
	} {
		stderr := os.Stderr
		if c.want == 1 {
			os.Stderr, _ = os.Open(os.DevNull) // the stack that it prints is meant for people
		}
		got := run(c.run, 20*time.Millisecond)
		os.Stderr = stderr
		if got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.want)
		}
	}
	close(end)
	<-ended
}

func TestRuntimeGoroutinesAreIgnored(t *testing.T) {
	for stack, want := range map[string]bool{
		"goroutine 5 [syscall]:\nos/signal.signal_recv()\n\ncreated by os/signal.Notify.func1.1 in goroutine 1": true,
		"goroutine 9 [chan receive]:\ntesting.(*T).Run()\ncreated by testing.(*T).Run in goroutine 1":           true,
		"goroutine 7 [select]:\nmain.serve()\ncreated by main.main in goroutine 1":                              false,
	} {
		if got := ofRuntime(stack); got != want {
			t.Errorf("ofRuntime = %v, want %v, for\n%s", got, want, stack)
		}
	}
}

func TestParse(t *testing.T) {
	dump := "goroutine 1 [running]:\nmain.main()\n\ngoroutine 18 [chan receive, 2 minutes]:\nmain.f()\n\nsomething new"
	var ids []string
	for _, g := range parse(dump) {
		ids = append(ids, g.id)
	}
	if got, want := strings.Join(ids, ","), "1,18,something new"; got != want {
		t.Errorf("ids %q, want %q", got, want)
	}
}

func TestMain(m *testing.M) { os.Exit(Main(m)) }
