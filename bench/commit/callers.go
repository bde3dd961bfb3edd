// Package commit is what the durable cases have in common: the text that is written, and callers in the process that is measured.
package commit

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/bench/stats"
)

// Outcome is what a process that makes load itself answers to the command "run CALLERS MILLISECONDS".
type Outcome struct {
	Ops     int64         `json:"ops"`
	Elapsed time.Duration `json:"elapsed"`
	P50     time.Duration `json:"p50"`
	P99     time.Duration `json:"p99"`
	// Bytes is what its connections have carried meanwhile, 0 if it has none.
	Bytes int64 `json:"bytes"`
}

// Command is the command "run" made of what runs so many callers for so long.
func Command(run func(callers int, lasts time.Duration) (Outcome, error)) map[string]child.Command {
	return map[string]child.Command{"run": func(argument string) (string, error) {
		var callers int
		var milliseconds int64
		if _, err := fmt.Sscan(argument, &callers, &milliseconds); err != nil {
			return "", err
		}
		o, err := run(callers, time.Duration(milliseconds)*time.Millisecond)
		if err != nil {
			return "", err
		}
		text, err := json.Marshal(o)
		return string(text), err
	}}
}

// Run has callers do one after another for so long, at least once, and waits for the last of each.
func Run(callers int, lasts time.Duration, one func(caller int) error) (Outcome, error) {
	var ops atomic.Int64
	var took stats.Histogram
	var failure atomic.Pointer[error]
	var all sync.WaitGroup
	begin := time.Now()
	for c := range callers {
		all.Go(func() {
			for first := true; first || time.Since(begin) < lasts && failure.Load() == nil; first = false {
				from := time.Now()
				if err := one(c); err != nil {
					failure.Store(&err)
					return
				}
				took.Add(time.Since(from))
				ops.Add(1)
			}
		})
	}
	all.Wait()
	if err := failure.Load(); err != nil {
		return Outcome{}, *err
	}
	return Outcome{Ops: ops.Load(), Elapsed: time.Since(begin), P50: took.Percentile(0.5), P99: took.Percentile(0.99)}, nil
}
