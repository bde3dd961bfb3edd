package logtest

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// Fault is what becomes of one append or save.
type Fault int

// The faults. With each of the last three Append and Save return ErrUncertain; they differ in what is then true.
const (
	// None: it is done.
	None Fault = iota
	// Moved: ErrMoved although the head is where it was expected; nothing is added. A Save knows no head: it fails
	// with unavailable, and nothing is saved.
	Moved
	// Lost: nothing is added or saved and never will be.
	Lost
	// Kept: the batch is in the log, or all pieces are saved; only the answer was lost.
	Kept
	// Late: as Lost at first. The batch is added when the next Append is called or Release is, if the head still is where it
	// was; the pieces are saved at the next Save or Release.
	Late
)

// Faulty is a log whose appends and saves go wrong by plan: for the tests of whoever uses a log. Unlike a single-writer
// backend it stays open after ErrUncertain, as a shared backend does. All methods may be called from
// several goroutines.
type Faulty struct {
	dstm.Log
	mu        sync.Mutex
	n, saves  int
	plan      func(n int) Fault
	planSave  func(n int) Fault // nil: all are done
	late      []lateAppend
	lateSaves [][]dstm.Piece
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

// PlanSaves sets what is asked before each Save what becomes of it, as the plan of NewFaulty is for appends; n counts the
// saves from 0. Without it all of them are done. Call it before the log is used.
func (f *Faulty) PlanSaves(plan func(n int) Fault) { f.planSave = plan }

// Append implements [dstm.Log].
func (f *Faulty) Append(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
	f.mu.Lock()
	fault := f.plan(f.n)
	f.n++
	f.mu.Unlock()
	f.releaseAppends(ctx)
	uncertain := status.New(status.Unavailable, dstm.ErrUncertain, "injected: the answer was lost").MaybeDone()
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

// Save implements [dstm.Log].
func (f *Faulty) Save(ctx context.Context, pieces []dstm.Piece) error {
	fault := None
	f.mu.Lock()
	if f.planSave != nil {
		fault = f.planSave(f.saves)
	}
	f.saves++
	f.mu.Unlock()
	f.releaseSaves(ctx)
	uncertain := status.New(status.Unavailable, dstm.ErrUncertain, "injected: the answer was lost").MaybeDone()
	switch fault {
	case Moved:
		return status.New(status.Unavailable, "", "injected: the pieces were not saved")
	case Lost:
		return uncertain
	case Kept:
		if err := f.Log.Save(ctx, pieces); err != nil {
			return err
		}
		return uncertain
	case Late:
		copied := slices.Clone(pieces)
		for i := range copied {
			copied[i].Value = bytes.Clone(copied[i].Value)
		}
		f.mu.Lock()
		f.lateSaves = append(f.lateSaves, copied)
		f.mu.Unlock()
		return uncertain
	}
	return f.Log.Save(ctx, pieces)
}

// Release adds the late batches and saves the late pieces now, in the order of their calls. A batch that comes too late
// vanishes.
func (f *Faulty) Release(ctx context.Context) {
	f.releaseAppends(ctx)
	f.releaseSaves(ctx)
}

func (f *Faulty) releaseAppends(ctx context.Context) {
	f.mu.Lock()
	late := f.late
	f.late = nil
	f.mu.Unlock()
	for _, l := range late {
		_, _ = f.Log.Append(ctx, l.after, l.batch) // refused means vanished
	}
}

func (f *Faulty) releaseSaves(ctx context.Context) {
	f.mu.Lock()
	late := f.lateSaves
	f.lateSaves = nil
	f.mu.Unlock()
	for _, pieces := range late {
		_ = f.Log.Save(ctx, pieces) // as above
	}
}
