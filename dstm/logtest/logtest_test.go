package logtest

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/internal/leak"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

func TestMemory(t *testing.T) {
	Backend{Open: func(*testing.T) dstm.Log { return dstm.NewMemoryLog() }}.Run(t)
}

// TestBrokenLogs proves the kit: each of these logs breaks the contract in one way, and some case must say so. That the
// kit finds nothing wrong with a sound log is TestMemory.
func TestBrokenLogs(t *testing.T) {
	for _, b := range append(brokenLogs, brokenPieces...) {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			found := b.suite()
			if found == "" {
				t.Fatal("no case found it")
			}
			t.Log("found by", found)
		})
	}
}

// suite runs the cases against the broken log until one fails, and returns what it says.
func (b brokenLog) suite() (found string) {
	for _, c := range cases {
		r := &recorder{}
		k := &kit{tb: r, patience: patience}
		k.open = func() dstm.Log { return b.wrap(dstm.NewMemoryLog()) }
		k.share = func(log dstm.Log) dstm.Log { return b.wrap(under(log).Share()) }
		k.reopen = func(log dstm.Log) dstm.Log {
			if b.reopen != nil {
				return b.reopen(log)
			}
			log.Close()
			return k.share(log)
		}
		r.do(func() { k.run(c.run) })
		if r.failed != "" {
			return c.name + ": " + r.failed
		}
	}
	return ""
}

// patience is how long a case may take that finds a log which waits for ever. A sound log needs a small part of it.
const patience = time.Second

// under is the memory log below a broken one.
func under(log dstm.Log) *dstm.MemoryLog {
	if b, ok := log.(*broken); ok {
		return b.MemoryLog
	}
	return log.(*dstm.MemoryLog)
}

// recorder is a test that keeps its first failure to itself.
type recorder struct {
	mu       sync.Mutex
	failed   string
	cleanups []func()
}

// do runs f on a goroutine of its own, which Fatalf ends, and then the cleanups.
func (r *recorder) do(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for i := len(r.cleanups) - 1; i >= 0; i-- {
				r.cleanups[i]()
			}
		}()
		f()
	}()
	<-done
}

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed == "" {
		r.failed = fmt.Sprintf(format, args...)
	}
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}
