package dstm_test

import (
	"context"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/keep"
	"github.com/trefoilgo/trefoil/transport"
)

// TestEditStaysWhenTakenAway: a work's record does not go before what is stored of its object holds the commit, though the object was taken away meanwhile.
func TestEditStaysWhenTakenAway(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o, err := p.Open(h.ctx, "board")
	if err != nil {
		t.Fatal(err)
	}
	h.done(h.submit(addStep, o, "n", 1))
	h.until(func() bool { return p.storage.count(t, "work/") == 0 })
	p.line.hold()
	w := h.submit(addStep, o, "n", 10)
	h.until(func() bool { return h.truth("board", "n") == 11 })
	writing, release := make(chan struct{}), make(chan struct{})
	p.storage.set(func() {
		p.storage.fail = func(int, []transport.StorageChange) error { // holds up one batch
			p.storage.fail = nil
			close(writing)
			<-release
			return nil
		}
	})
	go setStep.Submit(h.ctx, o, step{"m", 1})
	<-writing
	p.line.let()
	h.done(w)
	h.store.Close(h.ctx)
	for _, err := range o.Changes(h.ctx) {
		if err != nil {
			break // it is taken away
		}
	}
	close(release)
	h.until(func() bool { return p.storage.count(t, keep.WorkPrefix+w.ID()) == 0 })
	p = h.process(p.crash(), false)
	if pending := p.Pending(); len(pending) != 1 || pending[0].Name() != "test.set" {
		t.Fatal(pending)
	}
	if o, err = p.Open(h.ctx, "board"); err != nil || number(t, o, "n") != 11 {
		t.Errorf("the edit has vanished: n is %d, %v", number(t, o, "n"), err)
	}
}

// TestStoredNotBehind: what is stored of an object that was taken away is not shown as it was before a commit whose record is gone.
func TestStoredNotBehind(t *testing.T) {
	log := dstm.NewMemoryLog()
	m := newMoved(t, log)
	p := m.process(newProbe(), true)
	m.guest = p.guest
	o, err := p.Open(m.ctx, "board")
	if err != nil {
		t.Fatal(err)
	}
	other := m.open(p.guest, "other")
	m.done(m.submit(addStep, o, "n", 1))
	m.until(func() bool { return p.storage.count(t, "work/") == 0 })
	p.line.drop(false)
	p.offline(m.ctx)
	m.submit(addStep, other, "n", 1)
	m.submit(addStep, o, "n", 10)
	writing, release := make(chan struct{}), make(chan struct{})
	p.storage.set(func() {
		p.storage.fail = func(int, []transport.StorageChange) error { // holds up the next batch, that the works may have been sent
			p.storage.fail = nil
			close(writing)
			<-release
			return nil
		}
	})
	p.line.up()
	<-writing
	m.store.Close(m.ctx)
	for _, err := range o.Changes(m.ctx) {
		if err != nil {
			break // it is taken away
		}
	}
	p.line.drop(false)
	m.stop()
	close(release)
	m.store, err = dstm.NewStore(log, &dstm.StoreOptions{Rules: allowAll, MaxOpen: 1}) // there is room for the other one
	if err != nil {
		t.Fatal(err)
	}
	m.server = transport.NewServer(&transport.ServerOptions{Logger: quiet()}, m.store)
	p.line.mu.Lock()
	p.line.dialer, p.line.down = m.server.Pipe(), false
	p.line.mu.Unlock()
	for _, w := range p.Pending() {
		m.done(w)
	}
	m.until(func() bool { return p.storage.count(t, "work/") == 0 })
	p = m.process(p.crash(), false)
	ctx, cancel := context.WithCancel(m.ctx)
	cancel()
	if o, err = p.Open(ctx, "board"); err == nil && number(t, o, "n") != 11 {
		t.Errorf("the edit has vanished: n is %d", number(t, o, "n"))
	}
}
