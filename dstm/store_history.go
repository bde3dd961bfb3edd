package dstm

import (
	"context"
	"iter"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// storeRevision is one commit of an object, as history tells it.
type storeRevision struct {
	Version  uint64
	Position uint64
	Time     int64 // nanoseconds since 1970
	Client   engine.ID
	User     string
	Sequence uint64
	Writes   []txn.Write
	Metadata codec.Raw // nil or a map
	// Before and After are the values around the commit.
	Before, After *tree.Node
}

// stateAt is an object as it was at a version, and the present epoch. Errors: ErrHistory if the version never was or the log
// no longer reaches it, and those of bring.
func (s *Store) stateAt(ctx context.Context, name string, version uint64) (*engine.Object, string, error) {
	p, err := s.past(ctx, name)
	if err != nil {
		return nil, "", err
	}
	switch {
	case version > p.present.Version:
		return nil, "", p.never(version)
	case version == p.present.Version:
		return p.present, p.epoch, nil
	case version == 0:
		return &engine.Object{}, p.epoch, nil
	}
	o, err := p.walk(ctx, version, version, nil)
	if err != nil {
		return nil, "", err
	}
	return o, p.epoch, nil
}

// revisions yields the commits of an object behind version from up to version to (0: the present one). Errors are those of
// stateAt; after one it ends.
func (s *Store) revisions(ctx context.Context, name string, from, to uint64) iter.Seq2[storeRevision, error] {
	return func(yield func(storeRevision, error) bool) {
		p, err := s.past(ctx, name)
		if err == nil {
			if to == 0 {
				to = p.present.Version
			}
			if last := max(from, to); last > p.present.Version {
				err = p.never(last)
			}
		}
		if err == nil && from < to {
			_, err = p.walk(ctx, from, to, func(r *storeRevision) bool { return yield(*r, nil) })
		}
		if err != nil && err != errWalkEnough {
			yield(storeRevision{}, err)
		}
	}
}

func (p *storePast) never(version uint64) error {
	return status.New(status.OutOfRange, ErrHistory, "%q is at version %d; version %d never was", p.name, p.present.Version, version)
}

func (p *storePast) tooOld(version uint64) error {
	return status.New(status.OutOfRange, ErrHistory, "the log no longer reaches version %d of %q", version, p.name)
}
