package dstm_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
)

// newStrictHall has objects that are judged strictly.
func newStrictHall(t *testing.T) *hall {
	t.Helper()
	return newHallOf(t, false, false, dstm.Rule{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll, Strict: true})
}

// In a strict object a transaction that read what an own unanswered one wrote waits for that one, runs again and commits; no
// value is compared in place of a version, which the server would refuse.
func TestStrictObjectWaitsForOwnAnswers(t *testing.T) {
	h := newStrictHall(t)
	g := h.guest()
	o := h.open(g, "o")
	g.line.hold()
	first := make(chan error, 1)
	go func() { _, err := o.Update(h.ctx, increase); first <- err }()
	h.until(func() bool { return valueOf(t, o) == 1 })
	runs := make(chan struct{}, 100)
	second := make(chan error, 1)
	go func() {
		_, err := o.Update(h.ctx, func(tx *dstm.Tx) error { runs <- struct{}{}; return increase(tx) }, dstm.MaxAttempts(1))
		second <- err
	}()
	<-runs
	if n := valueOf(t, o); n != 1 {
		t.Errorf("what waits is shown already: %d", n)
	}
	g.line.let()
	if err := errors.Join(<-first, <-second); err != nil {
		t.Fatal(err)
	}
	if n := valueOf(t, o); n != 2 || len(runs) != 1 {
		t.Errorf("%d after %d more runs", n, len(runs))
	}
}

func TestEndOfTheWaitForOwnAnswers(t *testing.T) {
	h := newStrictHall(t)
	g := h.guest()
	o := h.open(g, "o")
	g.line.hold()
	ctx, cancel := context.WithCancel(h.ctx)
	go o.Update(h.ctx, increase)
	h.until(func() bool { return valueOf(t, o) == 1 })
	runs := make(chan struct{}, 1)
	done := make(chan error, 1)
	go func() {
		_, err := o.Update(ctx, func(tx *dstm.Tx) error { runs <- struct{}{}; return increase(tx) })
		done <- err
	}()
	<-runs
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Many goroutines of two clients count in a strict object: each waits for the others of its client.
func TestStrictCounter(t *testing.T) {
	h := newStrictHall(t)
	var wg sync.WaitGroup
	const each, goroutines = 10, 8
	var last dstm.Object
	for range 2 {
		o := h.open(h.guest(), "o")
		last = o
		for range goroutines {
			wg.Go(func() {
				for range each {
					if _, err := o.Update(h.ctx, increase, dstm.MaxAttempts(1000)); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	h.until(func() bool { return valueOf(t, last) == 2*each*goroutines })
}

// Strict asks the server, which knows what this client has not received yet.
func TestStrictReading(t *testing.T) {
	h := newHall(t, false, false)
	g := h.guest()
	o := h.open(g, "o")
	g.line.hold()
	late := update(t, h.ctx, h.open(h.guest(), "o"), increase)
	var seen int64
	look := func(tx *dstm.Tx) error { seen = count.Get(tx); return nil }
	if c, err := o.Update(h.ctx, look); err != nil || seen != 0 || c.Version != 0 {
		t.Fatalf("without Strict: saw %d at %d, %v", seen, c.Version, err)
	}
	done := make(chan error, 1)
	var c dstm.Commit
	go func() {
		var err error
		c, err = o.Update(h.ctx, look, dstm.Strict())
		done <- err
	}()
	g.line.let()
	if err := <-done; err != nil || seen != 1 || c.Version != late.Version {
		t.Errorf("saw %d at %d: %v", seen, c.Version, err)
	}
	// The same in the store itself, and without any read.
	own, err := h.store.Open(h.ctx, "o")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	for name, o := range map[string]dstm.Object{"store": own, "client": o} {
		if c, err := o.Update(h.ctx, func(*dstm.Tx) error { return nil }, dstm.Strict()); err != nil || c.Version != late.Version || c.Position < late.Position {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	if head := h.store.Position(); head != late.Position {
		t.Errorf("reading made the log longer: %d", head)
	}
}
