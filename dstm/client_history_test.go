package dstm_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// archive is a hall whose history may be read, and a client with an object of so many versions.
func archive(t *testing.T, versions int) (*hall, *guest, dstm.Object) {
	t.Helper()
	h := historyHall(t)
	g := h.guest()
	o := h.open(g, "a")
	for range versions {
		if _, err := o.Update(h.ctx, increase); err != nil {
			t.Fatal(err)
		}
	}
	return h, g, o
}

// TestHistoryInSeveralRequests reads more revisions than a client asks for at once.
func TestHistoryInSeveralRequests(t *testing.T) {
	h, _, o := archive(t, 200)
	next := uint64(3)
	for r, err := range o.History(h.ctx, 2, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Version != next {
			t.Fatalf("version %d in place of %d", r.Version, next)
		}
		next++
	}
	if next != 201 {
		t.Fatalf("it ends before %d", next)
	}
}

// TestEndsOfHistory: whoever asks about the past is told when no answer comes any more.
func TestEndsOfHistory(t *testing.T) {
	for name, end := range map[string]func(*guest, context.CancelFunc){
		"context":    func(_ *guest, cancel context.CancelFunc) { cancel() },
		"connection": func(g *guest, _ context.CancelFunc) { g.line.drop(false) },
		"client":     func(g *guest, _ context.CancelFunc) { g.Client.Close() },
		"for good":   func(g *guest, _ context.CancelFunc) { g.conn.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			h, g, o := archive(t, 5)
			ctx, cancel := context.WithCancel(h.ctx)
			defer cancel()
			g.line.hold()
			ended := make(chan error, 2)
			go func() { ended <- o.ViewAt(ctx, 3, func(*dstm.Tx) error { return nil }) }()
			go func() {
				var last error
				for _, err := range o.History(ctx, 0, 0) {
					last = err
				}
				ended <- last
			}()
			h.until(func() bool { return g.Client.Asking() == 2 })
			end(g, cancel)
			for range 2 {
				if err := <-ended; err == nil || !errors.Is(err, status.Unavailable) && !errors.Is(err, status.Canceled) {
					t.Error(err)
				}
			}
			g.line.let()
		})
	}
}

// TestManyAsk: more questions than the server answers at once are asked one after the other, and who stops in the middle is in nobody's way.
func TestManyAsk(t *testing.T) {
	h, g, o := archive(t, 30)
	ended := make(chan error, 40)
	for i := range 40 {
		go func() {
			at := uint64(i % 30)
			if i%2 == 0 {
				ended <- o.ViewAt(h.ctx, at, func(tx *dstm.Tx) error {
					if n := count.Get(tx); n != int64(at) {
						return fmt.Errorf("at version %d it was %d", at, n)
					}
					return nil
				})
				return
			}
			var last error
			for r, err := range o.History(h.ctx, at, 0) {
				if last = err; err != nil || r.Version > at+3 {
					break
				}
			}
			ended <- last
		}()
	}
	for range 40 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if n := g.Client.Asking(); n != 0 {
		t.Fatalf("%d questions are left", n)
	}
}
