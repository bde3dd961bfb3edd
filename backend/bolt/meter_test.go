package bolt_test

import (
	"context"
	"iter"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/dstm"
)

// meter counts what a store wants of its log.
type meter struct {
	dstm.Log
	still      sync.Mutex   // held while pieces and the beginning of the log change
	objects    atomic.Int64 // that were read, one by one or in a list
	entries    atomic.Int64 // that were read
	checkpoint atomic.Int64 // position of the last one
	base       atomic.Int64 // up to which the log was truncated
}

// Keys of a store's pieces (docs/decisions/0011-state-in-pieces.md).
const (
	headKey    = "head"
	objectKeys = "o/"
)

func (m *meter) Load(ctx context.Context, key string) (dstm.Piece, error) {
	if strings.HasPrefix(key, objectKeys) {
		m.objects.Add(1)
	}
	return m.Log.Load(ctx, key)
}

func (m *meter) List(ctx context.Context, prefix, after string) iter.Seq2[dstm.Piece, error] {
	return func(yield func(dstm.Piece, error) bool) {
		for p, err := range m.Log.List(ctx, prefix, after) {
			if strings.HasPrefix(p.Key, objectKeys) {
				m.objects.Add(1)
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

func (m *meter) Read(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
	return func(yield func(dstm.Entry, error) bool) {
		for e, err := range m.Log.Read(ctx, after) {
			m.entries.Add(1)
			if !yield(e, err) {
				return
			}
		}
	}
}

func (m *meter) Save(ctx context.Context, pieces []dstm.Piece) error {
	m.still.Lock()
	defer m.still.Unlock()
	err := m.Log.Save(ctx, pieces)
	for i := range pieces {
		if err == nil && pieces[i].Key == headKey {
			m.checkpoint.Store(int64(pieces[i].Position))
		}
	}
	return err
}

func (m *meter) Truncate(ctx context.Context, upto dstm.Position) error {
	m.still.Lock()
	defer m.still.Unlock()
	err := m.Log.Truncate(ctx, upto)
	if err == nil {
		m.base.Store(int64(upto))
	}
	return err
}
