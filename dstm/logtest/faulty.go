package logtest

import (
	"context"
	"sync"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// Fault is what becomes of one append.
type Fault int

// The faults. With each of the last three Append returns ErrUncertain; they differ in what is then true.
const (
	// None: the append is made.
	None Fault = iota
	// Moved: ErrMoved although the head is where it was expected; nothing is added.
	Moved
	// Lost: nothing is added and never will be.
	Lost
	// Kept: the batch is in the log, only the answer was lost.
	Kept
	// Late: the batch is added when the next Append is called or Release is, if the head still is where it was.
	Late
)

// Faulty is a log whose appends go wrong by plan: for the tests of whoever uses a log. Unlike a single-writer
// backend it stays open after ErrUncertain, as a shared backend does. All methods may be called from
// several goroutines.
type Faulty struct {
	dstm.Log
	mu   sync.Mutex
	n    int
	plan func(n int) Fault
	late []lateAppend
}

type lateAppend struct {
	after dstm.Position
	batch dstm.Batch
}

// NewFaulty wraps log. plan is asked before each append what becomes of it; n counts appends from 0.
// It is called from one goroutine at a time.
func NewFaulty(log dstm.Log, plan func(n int) Fault) *Faulty {
	return &Faulty{Log: log, plan: plan}
}

// Append implements [dstm.Log].
func (f *Faulty) Append(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
	f.mu.Lock()
	fault := f.plan(f.n)
	f.n++
	f.mu.Unlock()
	f.Release(ctx)
	uncertain := status.New(status.Unavailable, dstm.ErrUncertain, "injected: the answer to the append was lost").MaybeDone()
	switch fault {
	case Moved:
		return 0, status.New(status.Aborted, dstm.ErrMoved, "injected: the head has moved")
	case Lost:
		return 0, uncertain
	case Kept:
		if _, err := f.Log.Append(ctx, after, batch); err != nil {
			return 0, err
		}
		return 0, uncertain
	case Late:
		copied := dstm.Batch{ID: batch.ID}
		for _, e := range batch.Entries {
			copied.Entries = append(copied.Entries, append([]byte{}, e...))
		}
		f.mu.Lock()
		f.late = append(f.late, lateAppend{after, copied})
		f.mu.Unlock()
		return 0, uncertain
	}
	return f.Log.Append(ctx, after, batch)
}

// Release adds the late batches now, in the order of their appends; those that come too late vanish.
func (f *Faulty) Release(ctx context.Context) {
	f.mu.Lock()
	late := f.late
	f.late = nil
	f.mu.Unlock()
	for _, l := range late {
		_, _ = f.Log.Append(ctx, l.after, l.batch) // refused means vanished
	}
}
