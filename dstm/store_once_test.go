package dstm_test

import (
	"context"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// A client to which one entry of a batch is too large gets the others of the batch once.
func TestTooLargeWithinABatch(t *testing.T) {
	log := &faultyLog{Log: dstm.NewMemoryLog()}
	n := newNode(t, log, nil, nil)
	entered, release := make(chan struct{}), make(chan struct{})
	log.hook(func(attempt int, next func() (dstm.Position, error)) (dstm.Position, error) {
		if attempt == 1 {
			close(entered)
			<-release
		}
		return next()
	})
	small := n.raw(&transport.ClientOptions{MaxFrame: 50_000, MaxMessage: 50_000})
	small.open("large", nil)
	small.open("fine", nil)
	w := n.raw(nil)
	w.send(w.commitFrame(w.tx("first", 0, set(0, "x"))))
	<-entered
	w.send(w.commitFrame(w.tx("large", 0, set(strings.Repeat("x", 100_000), "y"))))
	w.send(w.commitFrame(w.tx("fine", 0, set(1, "x"))))
	w.send(w.commitFrame(w.tx("fine", 1, set(2, "x"))))
	w.open("p", nil) // the session has read what stands before
	close(release)
	body := small.frame(6)
	body.Skip()
	if name, err := body.String(), transport.ReadError(&body); name != "large" || err.Reason != dstm.ErrTooLarge {
		t.Fatal(name, err)
	}
	small.changed("[fine@1]")
	small.changed("[fine@2]")
	small.silent()
}

// Who comes back to an object that nobody has written meanwhile needs no snapshot, however far the rest of the log has gone.
func TestResumeOfWhatHasNotChanged(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), &dstm.StoreOptions{Recent: 4_000}, nil)
	w := n.raw(nil)
	w.open("o", nil)
	w.send(w.commitFrame(w.tx("o", 0, set(1, "x"))))
	c := w.changed("[o@1]")
	w.answer(false)
	at := resume{n.store.Epoch(), 1, c.position, c.hash}
	for i := range 50 {
		w.settled = w.sequence
		w.want(w.commit(w.tx("p", uint64(i), set(i, "x"))), answer{sequence: w.sequence, versions: []uint64{uint64(i + 1)}}.String())
	}
	r := n.raw(nil)
	if s := r.open("o", &at); s.snapshot != nil || s.version != 1 {
		t.Fatalf("%+v", s)
	}
	r.silent()
	w.commit(w.tx("o", 1, set(2, "x")))
	r.changed("[o@2]")
	r.silent()
}

// An open that is refused ends an earlier opening of the object too: the client holds nothing then.
func TestRefusedOpenEndsTheOldOne(t *testing.T) {
	allowed := true
	n := newNode(t, dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: []dstm.Rule{{
		Object: "**", Write: dstm.AllowAll,
		Open: func(context.Context, *dstm.Access) error { // asked on the session's goroutine, one frame after the other
			if allowed {
				allowed = false
				return nil
			}
			return dstm.ErrDenied
		},
	}}}, nil)
	r := n.raw(nil)
	r.open("o", nil)
	r.send(r.openFrame(8, "o", nil))
	body := r.frame(3)
	for range 3 {
		body.Skip()
	}
	if err := transport.ReadError(&body); err.Code != status.PermissionDenied {
		t.Fatal(err)
	}
	own := object(t, n.store, "o")
	if _, err := own.Update(n.ctx, func(tx *dstm.Tx) error { tx.Set(1, "x"); return nil }); err != nil {
		t.Fatal(err)
	}
	r.silent()
}
