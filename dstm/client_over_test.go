package dstm_test

import (
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
)

// A connection that ends for good ends the Updates that sleep in a Retry, or wait in a strict object for an
// own answer that will not come; later ones do not begin to.
func TestConnectionEndsWhileUpdatesWait(t *testing.T) {
	h := newStrictHall(t)
	g := h.guest()
	o := h.open(g, "o")
	g.line.hold()
	first := make(chan error, 1)
	go func() { _, err := o.Update(h.ctx, increase); first <- err }()
	h.until(func() bool { return valueOf(t, o) == 1 })
	waits := map[string]func(tx *dstm.Tx) error{
		"for an answer": increase,
		"for a change":  func(tx *dstm.Tx) error { word.Get(tx); tx.Retry(); return nil },
	}
	ran, done := make(chan string, 2), map[string]chan error{}
	for name, fn := range waits {
		done[name] = make(chan error, 1)
		go func() {
			_, err := o.Update(h.ctx, func(tx *dstm.Tx) error { ran <- name; return fn(tx) })
			done[name] <- err
		}()
	}
	<-ran
	<-ran
	g.conn.Close()
	<-first
	for name, fn := range waits {
		if err := <-done[name]; err == nil || h.ctx.Err() != nil {
			t.Errorf("it waits %s: %v", name, err)
		}
		if _, err := o.Update(h.ctx, fn); err == nil || h.ctx.Err() != nil {
			t.Errorf("it begins to wait %s: %v", name, err)
		}
	}
}
