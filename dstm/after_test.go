package dstm_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
)

// However many unanswered transactions wrote below a map that one of them created, the next one depends only on that one.
func TestManyPendingBelowOneMap(t *testing.T) {
	h := newHall(t, false, false)
	g := h.guest()
	o := h.open(g, "o")
	g.line.hold()
	const n = 200
	var wg sync.WaitGroup
	put := func(i int) {
		wg.Go(func() {
			_, err := o.Update(h.ctx, func(tx *dstm.Tx) error { tx.Set(i, "map", "inner", fmt.Sprint(i)); return nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	put(0)
	shown := func() (keys int) {
		o.View(func(tx *dstm.Tx) error { keys = tx.Len("map", "inner"); return nil })
		return keys
	}
	h.until(func() bool { return shown() == 1 })
	for i := 1; i < n; i++ {
		put(i)
	}
	h.until(func() bool { return shown() == n })
	g.line.let()
	wg.Wait()
	if got := shown(); got != n {
		t.Errorf("%d keys in place of %d", got, n)
	}
}

// One client has many transactions under way that each read what the one before wrote.
func TestPipelineOfDependentTransactions(t *testing.T) {
	h := newHall(t, false, false)
	g := h.guest()
	o := h.open(g, "o")
	g.line.hold()
	var wg sync.WaitGroup
	const n = 64
	for i := range n {
		wg.Go(func() {
			if _, err := o.Update(h.ctx, increase, dstm.MaxAttempts(1000)); err != nil {
				t.Error(err)
			}
		})
		h.until(func() bool { return valueOf(t, o) == int64(i+1) })
	}
	g.line.let()
	wg.Wait()
	if got := valueOf(t, o); got != n {
		t.Errorf("%d in place of %d", got, n)
	}
}
