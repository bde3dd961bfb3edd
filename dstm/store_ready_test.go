package dstm_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// deafLog tells the store behind its start, which reads first, nothing of what others append, and its head only while it can.
type deafLog struct {
	dstm.Log
	reads    atomic.Int64
	headless atomic.Bool
}

func (l *deafLog) Read(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
	if l.reads.Add(1) != 2 {
		return l.Log.Read(ctx, after)
	}
	return func(func(dstm.Entry, error) bool) { <-ctx.Done() }
}

func (l *deafLog) Head(ctx context.Context) (dstm.Position, error) {
	if l.headless.Load() {
		return 0, status.New(status.Unavailable, "test.blip", "not now")
	}
	return l.Log.Head(ctx)
}

// A transaction that only reads is answered on the end of the log, also if this node has not heard of it yet; if that cannot be
// read, it is refused.
func TestReadsAreConfirmed(t *testing.T) {
	shared := dstm.NewMemoryLog()
	other := newNode(t, shared.Share(), nil, nil)
	mustUpdate(t, other.store, "o", func(tx *dstm.Tx) error { tx.Set(1, "x"); return nil })
	log := &deafLog{Log: shared.Share()}
	n := newNode(t, log, nil, nil)
	for log.reads.Load() < 2 {
		runtime.Gosched()
	}
	r := n.raw(nil)
	look := func(base uint64) *txn.Transaction {
		tx := r.tx("o", base)
		tx.Parts[0].Reads = []txn.Read{{Kind: txn.ReadValue, Path: dstm.Path{"x"}}}
		return tx
	}
	r.want(r.commit(look(1)), "1 [1]")
	mustUpdate(t, other.store, "o", func(tx *dstm.Tx) error { tx.Set(2, "x"); return nil })
	r.want(r.commit(look(1)), `2 dstm.conflict [[0,["x"]]]`)
	r.want(r.commit(look(2)), "3 [2]")
	log.headless.Store(true)
	if a := r.commit(look(2)); a.err == nil || a.err.Reason != dstm.ErrBusy {
		t.Errorf("without a head: %+v", a)
	}
	log.headless.Store(false)
	r.want(r.commit(look(2)), "5 [2]")
}

// An object whose stored state is damaged can neither be opened nor be in a transaction; the others can.
func TestDamagedObject(t *testing.T) {
	shared := dstm.NewMemoryLog()
	first := newNode(t, shared.Share(), &dstm.StoreOptions{CheckpointEntries: 1}, nil)
	for _, name := range []string{"bad", "good"} {
		mustUpdate(t, first.store, name, func(tx *dstm.Tx) error { tx.Set(1, "x"); return nil })
	}
	awaitSaved(t, shared, first.store.Position())
	first.close()
	if err := shared.Save(t.Context(), []dstm.Piece{{Key: "o/bad", Position: 9, Value: []byte{1, 2, 3}}}); err != nil {
		t.Fatal(err)
	}
	n := newNode(t, shared.Share(), nil, nil)
	if _, err := n.store.Open(n.ctx, "bad"); !errors.Is(err, engine.ErrDamaged) || status.CodeOf(err) != status.DataLoss {
		t.Error(err)
	}
	r := n.raw(nil)
	r.want(r.commit(r.tx("bad", 0, set(2, "x"))), "1 dstm.damaged ")
	r.want(r.commit(r.tx("good", 1, set(2, "x"))), "2 [2]")
	for _, err := range n.store.List(n.ctx, "") {
		if err != nil && !errors.Is(err, engine.ErrDamaged) {
			t.Error(err)
		}
	}
	object(t, n.store, "good")
}

// awaitSaved returns when the log has a checkpoint of that position.
func awaitSaved(t *testing.T, log dstm.Log, at dstm.Position) {
	t.Helper()
	for ctx := testContext(t); ; {
		head, err := log.Load(ctx, "head")
		if err != nil {
			t.Fatal(err)
		}
		if head.Position >= at {
			return
		}
	}
}
