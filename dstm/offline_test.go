package dstm_test

import (
	"errors"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// TestOfflineRestart: what was seen is there before any connection, and so is what was done without one, also in a later process; it is
// committed once.
func TestOfflineRestart(t *testing.T) {
	h := newHall(t, false, false)
	h.write("board", "other", 7)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	h.done(h.submit(addStep, o, "n", 1))
	p.line.drop(false)
	p.offline(h.ctx)
	h.submit(addStep, o, "n", 10)
	h.submit(doubleStep, o, "n", 1) // depends on the one before: 23
	h.sees(o, "n", 23)

	p = h.process(p.crash(), false)
	o = h.open(p.guest, "board")
	if n := number(t, o, "n"); n != 23 || number(t, o, "other") != 7 {
		t.Fatalf("n is %d, other %d", n, number(t, o, "other"))
	}
	h.submit(addStep, o, "n", 100)
	pending := p.Pending()
	if len(pending) != 3 || pending[1].Name() != "test.double" || !pending[2].Durable() {
		t.Fatal(pending)
	}

	p = h.process(p.crash(), false)
	o = h.open(p.guest, "board")
	pending = p.Pending()
	h.sees(o, "n", 123)
	p.line.up()
	for _, w := range pending {
		h.done(w)
	}
	if n := h.truth("board", "n"); n != 123 {
		t.Fatalf("n is %d", n)
	}
	h.until(func() bool { return p.storage.count(t, "work/") == 0 })
	if n := len(p.Pending()) + len(p.Inbox().Items()); n != 0 {
		t.Errorf("%d works are left", n)
	}

	p = h.process(p.crash(), false) // and the edit does not vanish
	if n := number(t, h.open(p.guest, "board"), "n"); n != 123 {
		t.Errorf("n is %d", n)
	}
}

// TestAnswerLost: a work that was committed, but whose answer did not arrive before the process ended, is not done twice.
func TestAnswerLost(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	h.done(h.submit(addStep, o, "n", 1))
	p.line.hold()
	h.submit(addStep, o, "n", 10)
	h.until(func() bool { return h.truth("board", "n") == 11 })
	p = h.process(p.crash(), false)
	o = h.open(p.guest, "board")
	pending := p.Pending()
	h.sees(o, "n", 11)
	p.line.up()
	h.done(pending[0])
	h.done(h.submit(addStep, o, "n", 100))
	if n := h.truth("board", "n"); n != 111 {
		t.Fatalf("n is %d", n)
	}
	h.sees(o, "n", 111)
}

// TestStoredBeforeSent is rule I1: nothing goes out of which it is not stored that it may have, and what comes behind waits, too.
func TestStoredBeforeSent(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	h.done(h.submit(addStep, o, "n", 1))
	h.until(func() bool { return p.storage.count(t, "work/") == 0 })
	p.storage.set(func() { p.storage.gate = make(chan struct{}) })
	late := make(chan error, 2)
	go func() { _, err := addStep.Submit(h.ctx, o, step{"n", 10}); late <- err }()
	h.sees(o, "n", 11)
	go func() {
		_, err := o.Update(h.ctx, func(tx *dstm.Tx) error { tx.Add(100, nil, nil, "n"); return nil })
		late <- err
	}()
	h.sees(o, "n", 111)
	other := h.guest() // whatever was sent before would be decided by now
	for range 3 {
		if _, err := h.open(other, "board").Update(h.ctx, increase); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.truth("board", "n"); n != 1 {
		t.Fatalf("n is %d before it is stored that it may be", n)
	}
	p.storage.set(func() { close(p.storage.gate); p.storage.gate = nil })
	for range 2 {
		if err := <-late; err != nil {
			t.Fatal(err)
		}
	}
	h.until(func() bool { return h.truth("board", "n") == 111 })
}

// TestConflictsOffline: what others changed meanwhile is met in the order of submission, and what was to happen once at most is in the
// inbox, where it survives; retried, it is done.
func TestConflictsOffline(t *testing.T) {
	h := newHall(t, false, false)
	h.write("board", "n", 1)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	p.line.drop(false)
	p.offline(h.ctx)
	h.submit(setStep, o, "n", 2)
	h.submit(doubleStep, o, "n", 1) // 5
	h.submit(firmStep, o, "m", 3)
	h.write("board", "n", 50)
	h.write("board", "m", 60)
	p = h.process(p.crash(), false)
	pending := p.Pending()
	p.line.up()
	h.done(pending[0])
	h.done(pending[1])
	if _, err := pending[2].Wait(h.ctx); !errors.Is(err, dstm.ErrConflict) {
		t.Fatal(err)
	}
	if n, m := h.truth("board", "n"), h.truth("board", "m"); n != 5 || m != 60 {
		t.Fatalf("n is %d, m %d", n, m)
	}
	h.until(func() bool { return p.storage.count(t, "inbox/") == 1 && p.storage.count(t, "work/") == 0 })

	p = h.process(p.crash(), false)
	items := p.Inbox().Items()
	if len(items) != 1 {
		t.Fatal(items)
	}
	item := items[0]
	if item.ID != pending[2].ID() || item.Name != "test.firm" || !item.Err.Is(dstm.ErrConflict) || item.Err.Unknown || len(item.Differences) != 1 {
		t.Fatalf("%+v", item)
	}
	if d := item.Differences[0]; d.Object != "board" || d.Path.String() != "m" || d.Base != nil || string(d.Mine) != "\x03" || string(d.Theirs) != "\x3c" {
		t.Errorf("%+v", d)
	}
	if _, err := p.Inbox().Retry(h.ctx, "none"); !errors.Is(err, dstm.ErrInvalid) {
		t.Error(err)
	}
	w, err := p.Inbox().RetryWith(h.ctx, item.ID, step{"m", 4})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Inbox().Items()) != 0 || p.storage.count(t, "inbox/") != 0 || p.storage.count(t, "work/") != 1 {
		t.Error("the item is still there, or the work is not")
	}
	p.line.up()
	h.done(w)
	if m := h.truth("board", "m"); m != 4 {
		t.Errorf("m is %d", m)
	}
}

// TestFirstRunFails: an error of the first run is the caller's, and nothing is left of it.
func TestFirstRunFails(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	h.done(h.submit(setStep, o, "n", 2_000_000))
	if _, err := doubleStep.Submit(h.ctx, o, step{"n", 1}); err != errTooMuch {
		t.Error(err)
	}
	wait := dstm.NewTransaction("test.wait", func(tx *dstm.Tx, in int) error { tx.Retry(); return nil })
	if _, err := wait.Submit(h.ctx, o, 1); !errors.Is(err, dstm.ErrInvalid) {
		t.Error(err)
	}
	if n := len(p.Pending()) + len(p.Inbox().Items()); n != 0 {
		t.Error(n)
	}
}

// TestLaterRunFails: an error of a later run is in the inbox.
func TestLaterRunFails(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	p.line.drop(false)
	p.offline(h.ctx)
	w := h.submit(doubleStep, o, "n", 1)
	h.write("board", "n", 2_000_000)
	p.line.up()
	if _, err := w.Wait(h.ctx); !errors.Is(err, errTooMuch) || status.From(err).Message != errTooMuch.Error() {
		t.Fatal(err)
	}
	if items := p.Inbox().Items(); len(items) != 1 || items[0].ID != w.ID() {
		t.Fatal(items)
	}
	if err := p.Inbox().Discard(w.ID()); err != nil {
		t.Fatal(err)
	}
	h.until(func() bool { return p.storage.count(t, "inbox/") == 0 })
	h.sees(o, "n", 2_000_000)
}
