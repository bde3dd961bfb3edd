package dstm

import (
	"context"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/status"
)

// Entries that storeReader replays before it hands them on.
const (
	readEntries = 1024
	readBytes   = 1 << 20
)

// storeReader replays entries of the log. Objects that they name and that the state does not hold it finds
// elsewhere, possibly at later positions: then nothing is handed on before the state has got there too.
type storeReader struct {
	log   Log
	find  func(ctx context.Context, name string) (engine.Object, error)
	apply func(engine.State, []*engine.Entry) engine.State // returns the state to go on with
}

// readTo replays the entries behind the state up to last at least.
func (r *storeReader) readTo(ctx context.Context, state engine.State, last Position) error {
	if Position(state.Position) >= last {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var run []*engine.Entry
	size, ahead := 0, Position(0)
	for raw, err := range r.log.Read(ctx, Position(state.Position)) {
		if err != nil {
			return err
		}
		e, err := engine.Decode(raw.Data)
		if err != nil {
			return err
		}
		var found Position
		if state, found, err = r.complete(ctx, state, e); err != nil {
			return err
		}
		if ahead = max(ahead, found); ahead > last {
			if last, err = r.reachable(ctx, ahead); err != nil {
				return err
			}
		}
		if state, err = engine.Follow(state, e); err != nil {
			return err
		}
		run, size = append(run, e), size+e.Size
		there := raw.Position >= last
		if there || raw.Position >= ahead && (len(run) >= readEntries || size >= readBytes) {
			state = r.apply(state, run)
			run, size = nil, 0
		}
		if there {
			return nil
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return status.New(status.DataLoss, engine.ErrDamaged, "the log ends before its head %d", last)
}

// complete returns the state with what the entry names, and the highest position of what it found.
func (r *storeReader) complete(ctx context.Context, state engine.State, e *engine.Entry) (engine.State, Position, error) {
	ahead := Position(0)
	for i := range e.Parts {
		name := e.Parts[i].Object
		if _, ok := state.Resident(name); ok {
			continue
		}
		o, err := r.find(ctx, name)
		if err != nil {
			return state, 0, err
		}
		state, ahead = state.Hold(name, o), max(ahead, Position(o.Position))
	}
	return state, ahead, nil
}

// reachable is at if the log goes so far: what is stored of an object is in the log.
func (r *storeReader) reachable(ctx context.Context, at Position) (Position, error) {
	last, err := r.log.Head(ctx)
	if err == nil && at > last {
		err = status.New(status.DataLoss, engine.ErrDamaged, "an object was saved at position %d, but the log ends at %d", at, last)
	}
	return at, err
}
