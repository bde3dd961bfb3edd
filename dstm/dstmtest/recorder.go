// Package dstmtest judges, at the end of a test that commits, what clients were told and hold against the
// log: told committed means logged exactly once, with that version at that position; told refused means
// never; what began after a commit was known stands behind it; versions are dense; and whatever a replica
// holds is what the log makes of the object.
//
// A [Recorder] takes down what happens, [Recorder.Check] judges it. That takes time linear in the log.
package dstmtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/witness"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
)

// Recorder takes down the outcomes of transactions of one log. The zero Recorder is ready. All methods may be
// called from several goroutines.
type Recorder struct {
	record witness.Recorder
	name   atomic.Pointer[string] // makes tags differ from those of another Recorder
	count  atomic.Int64
}

// Watch returns o with an Update that records; everything else is o's.
func (r *Recorder) Watch(o dstm.Object) dstm.Object { return &watched{o, r} }

type watched struct {
	dstm.Object
	recorder *Recorder
}

// Update implements [dstm.Object].
func (w *watched) Update(ctx context.Context, fn func(tx *dstm.Tx) error, opts ...dstm.UpdateOption) (dstm.Commit, error) {
	return w.recorder.Update(ctx, w.Object, fn, opts...)
}

// Update is o.Update, recorded. It takes the place of a dstm.Metadata among opts: the metadata name the transaction.
func (r *Recorder) Update(ctx context.Context, o dstm.Object, fn func(tx *dstm.Tx) error, opts ...dstm.UpdateOption) (dstm.Commit, error) {
	tag := r.tag()
	out := witness.Outcome{Tag: tag, Object: o.Name(), Since: r.record.Head()}
	wrote := false
	opts = append(opts[:len(opts):len(opts)], dstm.Metadata(map[string]string{witness.Tag: tag}))
	commit, err := o.Update(ctx, func(tx *dstm.Tx) error {
		err := fn(tx)
		wrote = world.Wrote(tx)
		return err
	}, opts...)
	if err == nil && !wrote {
		return commit, nil // it wrote nothing, and so is not in the log
	}
	out.Position, out.Version = uint64(commit.Position), commit.Version
	r.record.Add(out, err)
	return commit, err
}

func (r *Recorder) tag() string {
	if r.name.Load() == nil {
		name := rand.Text()[:8]
		r.name.CompareAndSwap(nil, &name)
	}
	return fmt.Sprintf("%s-%d", *r.name.Load(), r.count.Add(1))
}

// See records what o holds, at its version. No Update of the same client may be under way: what it predicts would be seen
// too. The error is that of View.
func (r *Recorder) See(o dstm.Object) error {
	var seen witness.Seen
	err := o.View(func(tx *dstm.Tx) error {
		seen = witness.Seen{Object: o.Name(), Version: tx.Version(), Value: tx.Read()}
		return nil
	})
	if err == nil && seen.Version > 0 {
		r.record.See(seen)
	}
	return err
}

// Check judges what was recorded against the whole log, which must not have been truncated. The error is the first thing
// that cannot be.
func (r *Recorder) Check(ctx context.Context, log dstm.Log) error {
	entries, err := Entries(ctx, log, 0)
	if err != nil {
		return err
	}
	return r.CheckEntries(entries)
}

// CheckEntries is Check for a log whose entries were put by while it was truncated; see [Entries].
func (r *Recorder) CheckEntries(entries []dstm.Entry) error {
	data := make([][]byte, len(entries))
	for i, e := range entries {
		if e.Position != dstm.Position(i+1) {
			return fmt.Errorf("entry %d stands where %d should", e.Position, i+1)
		}
		data[i] = e.Data
	}
	return r.record.Check(data)
}

// Entries are those of log behind after, up to its head.
func Entries(ctx context.Context, log dstm.Log, after dstm.Position) ([]dstm.Entry, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	head, err := log.Head(ctx)
	if err != nil || head <= after {
		return nil, err
	}
	entries := make([]dstm.Entry, 0, head-after)
	for e, err := range log.Read(ctx, after) {
		if err != nil {
			return nil, err
		}
		if entries = append(entries, e); e.Position >= head {
			return entries, nil
		}
	}
	return nil, fmt.Errorf("the log was read up to %d of %d: %w", after+dstm.Position(len(entries)), head, context.Cause(ctx))
}
