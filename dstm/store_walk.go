package dstm

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// storePast is what the past of an object can be made from: states that are stored, and where in the log the commits
// between them are.
type storePast struct {
	log     Log
	name    string
	epoch   string
	present *engine.Object
	stored  engine.Object // the state of the last span
	spans   []storeSpan   // ascending by version
}

// errWalkEnough says that the consumer wants no more.
var errWalkEnough = errors.New("enough")

// past looks up what is stored of an object.
func (s *Store) past(ctx context.Context, name string) (*storePast, error) {
	s.mu.Lock()
	checkpoint := s.unsaved.last()
	s.mu.Unlock()
	state, present, err := s.look(ctx, name)
	if err != nil {
		return nil, status.From(err)
	}
	p := &storePast{log: s.log, name: name, epoch: state.Epoch, present: present}
	// In this order: an object that is saved meanwhile has its former state among the keys then.
	if p.stored, err = s.loadObject(ctx, name); err != nil {
		return nil, err
	}
	last := storeSpan{version: p.stored.Version, from: checkpoint, until: present.Position}
	for key, err := range s.log.Keys(ctx, historyPrefix(name), "") {
		if err != nil {
			return nil, err
		}
		if span, ok := parseSpan(key); ok && span.version < last.version {
			p.spans = append(p.spans, span)
		}
	}
	p.spans = append(p.spans, last)
	return p, nil
}

// walk goes from the stored state nearest below version from to version to, calls visit for each commit behind from, and
// returns the object at to.
func (p *storePast) walk(ctx context.Context, from, to uint64, visit func(*storeRevision) bool) (*engine.Object, error) {
	i := len(p.spans) - 1
	for i > 0 && p.spans[i].version > from {
		i--
	}
	if p.spans[i].version > from {
		return nil, p.tooOld(from)
	}
	o, err := p.base(ctx, i)
	if err != nil {
		return nil, err
	}
	for ; i < len(p.spans) && o.Version < to; i++ {
		// Two nodes may have saved different states: then there is no seam.
		if p.spans[i].version > o.Version {
			return nil, p.tooOld(o.Version + 1)
		}
		if o, err = p.walkSpan(ctx, p.spans[i], o, from, to, visit); err != nil {
			return nil, err
		}
	}
	if o.Version < to {
		return nil, p.tooOld(to)
	}
	return o, nil
}

// base is the state at which a span begins.
func (p *storePast) base(ctx context.Context, i int) (*engine.Object, error) {
	if i == len(p.spans)-1 {
		return &p.stored, nil
	}
	piece, err := p.log.Load(ctx, p.spans[i].key(p.name))
	if err != nil {
		return nil, err
	}
	if piece.Value == nil { // removed meanwhile
		return nil, p.tooOld(p.spans[i].version)
	}
	o, err := engine.ReadObject(p.name, piece.Value)
	return &o, err
}

// walkSpan applies the commits of a span to the object.
func (p *storePast) walkSpan(ctx context.Context, span storeSpan, o *engine.Object, from, to uint64, visit func(*storeRevision) bool) (*engine.Object, error) {
	if span.from >= span.until {
		return o, nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for raw, err := range p.log.Read(ctx, Position(span.from)) {
		if errors.Is(err, ErrTruncated) {
			return nil, p.tooOld(o.Version + 1)
		}
		if err != nil {
			return nil, err
		}
		if bytes.Contains(raw.Data, []byte(p.name)) { // most entries are about others
			if o, err = p.step(raw.Data, o, from, visit); err != nil {
				return nil, err
			}
		}
		if uint64(raw.Position) >= span.until || o.Version >= to {
			return o, nil
		}
	}
	return nil, status.From(context.Cause(ctx))
}

// step applies what an entry did to the object.
func (p *storePast) step(data []byte, o *engine.Object, from uint64, visit func(*storeRevision) bool) (*engine.Object, error) {
	e, err := engine.Decode(data)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(e.Parts, func(part engine.Part) bool { return part.Object == p.name })
	if i < 0 || e.Parts[i].Version <= o.Version {
		return o, nil
	}
	part := &e.Parts[i]
	if part.Version != o.Version+1 {
		return nil, p.tooOld(o.Version + 1)
	}
	next := &engine.Object{Version: part.Version, Position: e.Position, Hash: [8]byte(e.Hash[:8])}
	if next.Root, _, err = txn.Apply(o.Root, part.Writes, part.Version); err != nil {
		return nil, status.New(status.DataLoss, engine.ErrDamaged, "entry %d cannot be applied to %q: %v", e.Position, p.name, err)
	}
	if part.Version > from && visit != nil && !visit(p.revision(e, part, &o.Root, &next.Root)) {
		return nil, errWalkEnough
	}
	return next, nil
}

func (p *storePast) revision(e *engine.Entry, part *engine.Part, before, after *tree.Node) *storeRevision {
	return &storeRevision{
		Version: part.Version, Position: e.Position, Time: e.Time, Client: e.Client, User: e.User, Sequence: e.Sequence,
		Writes: part.Writes, Metadata: e.Metadata, Before: before, After: after,
	}
}
