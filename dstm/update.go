package dstm

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// object is what the Objects of a store and of a client have in common: running
// functions as transactions over an origin.
type object struct {
	name   string
	origin origin
}

func (o *object) Name() string { return o.name }
func (o *object) sealed()      {}

func (o *object) View(fn func(tx *Tx) error) error {
	v, err := o.origin.view()
	if err != nil {
		return err
	}
	_, err = run(newTx(v, true), fn)
	return err
}

func (o *object) Update(ctx context.Context, fn func(tx *Tx) error, opts ...UpdateOption) (Commit, error) {
	var options updateOptions
	for _, opt := range opts {
		opt(&options)
	}
	if options.maxAttempts < 1 {
		options.maxAttempts = DefaultAttempts
	}
	if err := checkMetadata(options.metadata); err != nil {
		return Commit{}, err
	}
	for attempt := 1; ; attempt++ {
		commit, err := o.attempt(ctx, fn, &options)
		if err == nil || attempt == options.maxAttempts || !lost(err) {
			return commit, err
		}
		if err := pause(ctx, attempt); err != nil {
			return Commit{}, err
		}
	}
}

// attempt runs fn once on the present view and has the result decided.
func (o *object) attempt(ctx context.Context, fn func(tx *Tx) error, options *updateOptions) (Commit, error) {
	if err := ctx.Err(); err != nil {
		return Commit{}, status.From(err)
	}
	v, err := o.origin.view()
	if err != nil {
		return Commit{}, err
	}
	tx, err := run(newTx(v, false), fn)
	if err != nil {
		return Commit{}, err
	}
	if len(tx.part.Writes) == 0 {
		return Commit{Epoch: v.epoch, Version: v.base, Log: v.log, Position: v.position}, nil
	}
	if len(tx.after) > txn.MaxAfter {
		return Commit{}, status.New(status.ResourceExhausted, ErrBusy, "the transaction depends on more than %d unanswered ones", txn.MaxAfter)
	}
	if n := len(tx.part.Reads) + len(tx.part.Writes); n > txn.MaxOperations {
		return Commit{}, status.New(status.ResourceExhausted, ErrTooLarge, "a transaction has at most %d reads and writes, not %d", txn.MaxOperations, n)
	}
	return o.origin.submit(ctx, v, tx.part, tx.after, options.metadata)
}

// run calls fn and closes tx, also when fn panics.
func run(tx *Tx, fn func(tx *Tx) error) (*Tx, error) {
	defer func() { tx.done = true }()
	if err := fn(tx); err != nil {
		return tx, err
	}
	return tx, tx.err
}

// lost reports whether err is a refusal after which the transaction may be run again.
func lost(err error) bool {
	return errors.Is(err, ErrConflict) || errors.Is(err, ErrDepends)
}

// pause waits between attempts: not at all after the first, since the view is
// fresh already, then for a random time that grows with the attempts up to 64 ms.
func pause(ctx context.Context, attempt int) error {
	if attempt == 1 {
		return nil
	}
	timer := time.NewTimer(rand.N(time.Millisecond << min(attempt-1, 6)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return status.From(context.Cause(ctx))
	}
}

func checkMetadata(m map[string]string) error {
	if len(m) > 32 {
		return status.New(status.InvalidArgument, ErrInvalid, "metadata has more than 32 entries")
	}
	for key, value := range m {
		if len(key) > 255 || len(value) > 4<<10 {
			return status.New(status.InvalidArgument, ErrInvalid, "the metadata entry %.20q is too long", key)
		}
	}
	return nil
}
