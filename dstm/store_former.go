package dstm

import (
	"context"
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
)

// keepFormer has w save the state of an object that is about to be replaced, so that versions between it and the new one
// can be made from it and the log.
func (s *Store) keepFormer(w *pieceWriter, c *storeCheckpoint, name string, o *engine.Object) error {
	former, err := s.log.Load(w.ctx, objectKey(name))
	if err != nil || former.Position >= Position(o.Position) {
		return err
	}
	span := storeSpan{from: c.last, until: o.Position}
	if former.Value == nil {
		former.Value = engine.ObjectPiece(name, &engine.Object{})
	} else {
		info, err := engine.ReadObjectInfo(former.Value)
		if err != nil {
			return err
		}
		span.version = info.Version
	}
	w.add(span.key(name), uint64(former.Position), former.Value)
	return nil
}

// dropFormer removes former states whose use was to be a base for entries that are gone.
func (s *Store) dropFormer(ctx context.Context, c *storeCheckpoint) error {
	if !s.rules.keepHistory() {
		return nil
	}
	w := pieceWriter{ctx: ctx, log: s.log}
	for key, err := range s.log.Keys(ctx, keyHistory, "") {
		if err != nil {
			return err
		}
		if span, ok := parseSpan(key); ok && span.until <= c.head.Reach {
			if err := w.put(key, c.state.Position, nil); err != nil {
				return err
			}
		}
	}
	return w.flush()
}

// keepsHistory reports whether former states of an object are kept.
func (rules storeRules) keepsHistory(object string) bool {
	rule := rules.find(object)
	return rule != nil && rule.History != nil
}

// keepHistory reports whether former states of any object are kept.
func (rules storeRules) keepHistory() bool {
	return slices.ContainsFunc(rules, func(r storeRule) bool { return r.History != nil })
}
