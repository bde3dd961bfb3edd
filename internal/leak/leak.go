// Package leak finds goroutines that a test left running.
//
// It does without the testing package, so that nothing but a test's own binary
// ever holds it: a *testing.T, B or F fits [TB], a *testing.M fits [Runner].
package leak

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// patience is how long goroutines that are about to end are waited for. A test
// that passes does not spend it; only one that leaks does.
const patience = 5 * time.Second

// TB is the part of testing.TB that [Check] needs.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
}

// Runner is the part of *testing.M that [Main] needs.
type Runner interface {
	Run() int
}

// Check fails t if goroutines that were started after this call still run when
// t has ended, and reports their stacks. Cleanups run last in, first out: call
// Check first, so that whatever the test closes in its own cleanups is closed
// by then.
//
// It sees all goroutines of the process, so it is not for tests that run in
// parallel with others: they use [Main]. Inside a testing/synctest bubble it is not
// needed: the bubble itself waits for its goroutines.
func Check(t TB) {
	t.Helper()
	before := map[string]bool{}
	for _, g := range goroutines() {
		before[g.id] = true
	}
	t.Cleanup(func() {
		t.Helper()
		if left := wait(before, patience); len(left) > 0 {
			t.Errorf("%d goroutines left running:\n\n%s", len(left), join(left))
		}
	})
}

// Main runs a package's tests and returns the exit code for os.Exit: that of
// m.Run, or 1 if the tests passed but left goroutines running.
//
//	func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }
func Main(m Runner) int {
	return run(m, patience)
}

func run(m Runner, patience time.Duration) int {
	before := map[string]bool{}
	for _, g := range goroutines() {
		before[g.id] = true
	}
	code := m.Run()
	if code != 0 {
		return code // a test that failed may well have left something: say only the first thing
	}
	if left := wait(before, patience); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "leak: the tests left %d goroutines running:\n\n%s\n", len(left), join(left))
		return 1
	}
	return 0
}

// goroutine is one entry of the runtime's dump.
type goroutine struct {
	id    string
	stack string
}

// wait returns the goroutines that are not in before and still run after
// patience, as soon as there are none.
func wait(before map[string]bool, patience time.Duration) []goroutine {
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		runtime.Gosched()
		var left []goroutine
		for i, g := range goroutines() {
			if i > 0 && !before[g.id] && !ofRuntime(g.stack) { // 0 is the caller
				left = append(left, g)
			}
		}
		if len(left) == 0 || !time.Now().Before(deadline) {
			return left
		}
		time.Sleep(pause)
	}
}

// ofRuntime reports whether a goroutine belongs to the runtime or to the test
// runner and so outlives tests by design.
func ofRuntime(stack string) bool {
	for _, mark := range []string{
		"\ncreated by runtime.",
		"\ncreated by runtime/",
		"\ncreated by os/signal.",
		"\ncreated by testing.",
		"\ncreated by internal/fuzz.",
	} {
		if strings.Contains(stack, mark) {
			return true
		}
	}
	return strings.Contains(stack, "\nos/signal.signal_recv(")
}

// goroutines lists all goroutines, the calling one first.
func goroutines() []goroutine {
	buf := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			return parse(string(buf[:n]))
		}
		buf = make([]byte, 2*len(buf))
	}
}

// parse splits a dump. An entry begins "goroutine 7 [state]:"; what does not is
// kept under its own text, so that a new format shows up and hides nothing.
func parse(dump string) []goroutine {
	var all []goroutine
	for entry := range strings.SplitSeq(strings.TrimSpace(dump), "\n\n") {
		id := entry
		if rest, ok := strings.CutPrefix(entry, "goroutine "); ok {
			id, _, _ = strings.Cut(rest, " ")
		}
		all = append(all, goroutine{id, entry})
	}
	return all
}

func join(list []goroutine) string {
	stacks := make([]string, len(list))
	for i, g := range list {
		stacks[i] = g.stack
	}
	return strings.Join(stacks, "\n\n")
}
