package dstm

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
)

// update runs a function as a transaction until it is decided.
type update struct {
	objects  []*object // of one home, no two of one name
	fn       func(tx *Tx) error
	options  updateOptions
	metadata codec.Raw
}

func newUpdate(objects []*object, fn func(tx *Tx) error, opts []UpdateOption) (*update, error) {
	u := &update{objects: objects, fn: fn}
	for _, opt := range opts {
		opt(&u.options)
	}
	if u.options.maxAttempts < 1 {
		u.options.maxAttempts = DefaultAttempts
	}
	var err error
	u.metadata, err = encodeMetadata(u.options.metadata)
	return u, err
}

// run returns a commit for each object.
func (u *update) run(ctx context.Context) ([]Commit, error) {
	for attempt := 1; ; attempt++ {
		t, err := u.try(ctx)
		switch {
		case err != nil:
			return nil, err
		case t.retrying:
			if err := t.sleep(ctx, u.objects); err != nil {
				return nil, err
			}
			attempt = 0 // it has lost nothing
			continue
		case !t.writes() && !u.options.strict:
			return t.seen(), nil
		case len(t.awaited) > 0:
			if err := t.await(ctx, u.objects); err != nil {
				return nil, err
			}
			attempt--
			continue
		}
		commits, asked, err := u.decide(ctx, t, attempt)
		if err == nil || attempt == u.options.maxAttempts || !lost(err) {
			return commits, err
		}
		if err := t.home.whole(ctx, u.objects); err != nil {
			return nil, err
		}
		if err := pause(ctx, u.objects[0].origin.home().runsOn(), attempt, asked && errors.Is(err, ErrConflict)); err != nil {
			return nil, err
		}
	}
}

// try runs the function once on the present state.
func (u *update) try(ctx context.Context) (*transaction, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.From(context.Cause(ctx))
	}
	views, err := viewsOf(ctx, u.objects)
	if err != nil {
		return nil, err
	}
	t := newTransaction(views, false)
	t.home = u.objects[0].origin.home()
	t.random = t.home.runsOn().Random
	return t, t.run(u.fn)
}

// decide has what the function did decided. asked reports whether the server was.
func (u *update) decide(ctx context.Context, t *transaction, attempt int) (commits []Commit, asked bool, err error) {
	if len(t.after) > txn.MaxAfter {
		return nil, false, status.New(status.ResourceExhausted, ErrBusy, "the transaction depends on more than %d unanswered ones", txn.MaxAfter)
	}
	tx, known, places := t.assemble(u.options.strict)
	tx.Metadata, tx.Attempt = u.metadata, uint64(attempt)
	decided, asked, err := t.home.submit(ctx, u.objects, tx, known)
	if err != nil {
		return nil, asked, err
	}
	commits = t.seen()
	for i, at := range places {
		commits[at] = decided[i]
	}
	return commits, asked, nil
}

// assemble is what the run is to the core: known is the last of the own unanswered transactions that it has seen, places are those of the
// parts among the facets. What was neither read nor written is part of it only if all are asked for.
func (t *transaction) assemble(all bool) (tx *txn.Transaction, known uint64, places []int) {
	tx = &txn.Transaction{After: t.after}
	for i, facet := range t.facets {
		tx.Position = max(tx.Position, uint64(facet.view.position))
		known = max(known, facet.view.lastPending())
		if len(facet.part.Reads)+len(facet.part.Writes) > 0 || all {
			tx.Parts = append(tx.Parts, facet.part)
			places = append(places, i)
		}
	}
	return tx, known, places
}

// viewsOf returns views of objects of one home that fit each other.
func viewsOf(ctx context.Context, objects []*object) ([]*view, error) {
	if len(objects) > 1 {
		return objects[0].origin.home().together(ctx, objects)
	}
	v, err := objects[0].origin.view()
	if err != nil {
		return nil, err
	}
	return []*view{v}, nil
}

// run calls fn with the first facet and closes the transaction, also when fn panics.
func (t *transaction) run(fn func(tx *Tx) error) error {
	defer func() { t.done = true }()
	err := t.call(t.facets[0], fn)
	if t.retrying { // whatever fn made of that
		return t.err
	}
	if err != nil {
		return err
	}
	return t.err
}

// seen is the state that the transaction saw of each object.
func (t *transaction) seen() []Commit {
	commits := make([]Commit, len(t.facets))
	for i, facet := range t.facets {
		v := facet.view
		commits[i] = Commit{Log: v.log, Epoch: v.epoch, Version: v.base, Position: v.position}
	}
	return commits
}

// await waits until the own transactions that were read in strict objects are answered.
func (t *transaction) await(ctx context.Context, objects []*object) error {
	for i, facet := range t.facets {
		if !facet.view.strict {
			continue
		}
		origin := objects[i].origin
		var stalled error
		err := origin.changed().wait(ctx, func() bool {
			v, err := origin.view()
			if err != nil || !v.shows(t.awaited) {
				return true
			}
			stalled = origin.changed().whyStalled()
			return stalled != nil
		})
		if err = cmp.Or(err, stalled); err != nil {
			return err
		}
	}
	return nil
}

// lost reports whether err is a refusal after which the transaction may be run again.
func lost(err error) bool {
	return errors.Is(err, ErrConflict) || errors.Is(err, ErrDepends)
}

// patience is from which attempt on a refused transaction pauses in any case.
const patience = 8

// pause waits between attempts: not at all after the first, since the view is fresh already, then for a random time that grows with
// the attempts up to 64 ms. A refusal by the server says whose turn it is, so that the next attempt goes at once, unless so
// many failed that it seems to have none to give.
func pause(ctx context.Context, w *world.World, attempt int, turn bool) error {
	if attempt == 1 || turn && attempt < patience {
		return nil
	}
	w.Sleep(ctx, w.Jitter(time.Millisecond<<min(attempt-1, 6)))
	if ctx.Err() != nil {
		return status.From(context.Cause(ctx))
	}
	return nil
}

// encodeMetadata checks and encodes a transaction's metadata.
func encodeMetadata(m map[string]string) (codec.Raw, error) {
	if len(m) == 0 {
		return nil, nil
	}
	if len(m) > 32 {
		return nil, status.New(status.InvalidArgument, ErrInvalid, "metadata has more than 32 entries")
	}
	for key, value := range m {
		if len(key) > 255 || len(value) > 4<<10 {
			return nil, status.New(status.InvalidArgument, ErrInvalid, "the metadata entry %.20q is too long", key)
		}
	}
	raw, err := codec.Marshal(m)
	if err != nil {
		return nil, status.New(status.InvalidArgument, ErrInvalid, "the metadata cannot be encoded").Because(err)
	}
	return raw, nil
}
