package dstm

import (
	"context"
	"iter"
	"time"

	"github.com/trefoilgo/trefoil/transport"
)

// at implements origin.
func (o *storeObject) at(ctx context.Context, version uint64) (*view, error) {
	if _, err := o.view(); err != nil {
		return nil, err
	}
	state, epoch, err := o.store.stateAt(ctx, o.name, version)
	if err != nil {
		return nil, err
	}
	return &view{
		log: o.store.opts.LogName, object: o.name, epoch: epoch,
		base: state.Version, position: Position(state.Position), root: &state.Root,
	}, nil
}

// revisions implements origin.
func (o *storeObject) revisions(ctx context.Context, from, to uint64) iter.Seq2[*past, error] {
	return func(yield func(*past, error) bool) {
		if _, err := o.view(); err != nil {
			yield(nil, err)
			return
		}
		for r, err := range o.store.revisions(ctx, o.name, from, to) {
			if err != nil {
				yield(nil, err)
				return
			}
			p := past{before: r.Before, after: r.After, writes: r.Writes}
			p.Revision = Revision{
				Version: r.Version, Position: Position(r.Position), Time: time.Unix(0, r.Time).UTC(),
				Client: transport.ID(r.Client), User: r.User, Metadata: decodeMetadata(r.Metadata),
			}
			if o.store.own.is(r.Client) {
				p.origin = Mine
			}
			if !yield(&p, nil) {
				return
			}
		}
	}
}
