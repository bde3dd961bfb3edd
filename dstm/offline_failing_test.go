package dstm_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/transport"
)

var errFull = errors.New("the disk is full")

func full(int, []transport.StorageChange) error { return errFull }

// TestRetryWaitsForStorage: what is retried is not done while the storage may still have it in the inbox, from where the next process could
// do it once more.
func TestRetryWaitsForStorage(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	p.line.drop(false)
	p.offline(h.ctx)
	w := h.submit(firmStep, o, "n", 1)
	h.write("board", "n", 50)
	p.line.up()
	if _, err := w.Wait(h.ctx); !errors.Is(err, dstm.ErrConflict) {
		t.Fatal(err)
	}
	h.until(func() bool { return p.storage.count(t, "inbox/") == 1 && p.storage.count(t, "work/") == 0 })
	p.storage.set(func() { p.storage.fail = full })
	again, err := p.Inbox().Retry(h.ctx, w.ID()) // the storage has worked so far
	if err != nil || again.Durable() {
		t.Fatal(again, err)
	}
	h.done(h.submit(addStep, o, "m", 1)) // what the storage knows nothing of goes on
	if n := h.truth("board", "n"); n != 50 {
		t.Errorf("n is %d, and the storage has it in the inbox", n)
	}
	p = h.process(p.crash(), true)
	if items := p.Inbox().Items(); len(items) != 1 || len(p.Pending()) != 0 {
		t.Fatal(items, p.Pending())
	}
	again, err = p.Inbox().Retry(h.ctx, w.ID())
	if err != nil {
		t.Fatal(err)
	}
	h.done(again)
	if n := h.truth("board", "n"); n != 1 {
		t.Errorf("n is %d", n)
	}
}

// TestUnsentWaitsForStorage: a work that is stored as never sent is not sent while the storage cannot say otherwise. The server may have forgotten the
// client before the next process comes, and could not tell then that it is done.
func TestUnsentWaitsForStorage(t *testing.T) {
	h := newHallWith(t, false, false, &dstm.StoreOptions{MaxClients: 1, Rules: []dstm.Rule{{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll}}})
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	p.line.drop(false)
	p.offline(h.ctx)
	h.submit(addStep, o, "n", 1)
	p.storage.set(func() { p.storage.fail = full })
	p.line.up()
	h.until(func() bool { return p.StorageErr() != nil })
	h.done(h.submit(addStep, o, "m", 1)) // what the storage knows nothing of goes on
	if n := h.truth("board", "n"); n != 0 {
		t.Errorf("n is %d, and the storage says that this was never sent", n)
	}
	p = h.process(p.crash(), false)
	if _, err := h.open(h.guest(), "board").Update(h.ctx, func(tx *dstm.Tx) error { tx.Set(1, "other"); return nil }); err != nil {
		t.Fatal(err)
	}
	pending := p.Pending()
	p.line.up()
	h.done(pending[0])
	if n := h.truth("board", "n"); n != 1 {
		t.Errorf("n is %d", n)
	}
}

// TestUnsentGoesOn: what waited for the storage is done once when that works again, in this process.
func TestUnsentGoesOn(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	p.line.drop(false)
	p.offline(h.ctx)
	works := []*dstm.Work{h.submit(setStep, o, "n", 1), h.submit(doubleStep, o, "n", 1)}
	p.storage.set(func() { p.storage.fail = full })
	p.line.up()
	h.until(func() bool { return p.StorageErr() != nil })
	h.done(h.submit(addStep, o, "m", 1))
	p.storage.set(func() { p.storage.fail = nil })
	for _, w := range works {
		h.done(w)
	}
	if n := h.truth("board", "n"); n != 3 {
		t.Errorf("n is %d", n)
	}
	h.until(func() bool { return p.StorageErr() == nil && p.storage.count(t, "work/") == 0 })
}

// TestFailingStorageIsBounded: works that come and go while the storage fails leave nothing that is to be written.
func TestFailingStorageIsBounded(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	p.storage.set(func() { p.storage.fail = full })
	h.done(h.submit(addStep, o, "n", 1))
	for range 20 {
		h.done(h.submit(addStep, o, "n", 1))
	}
	deleted := 0
	p.storage.set(func() {
		p.storage.fail = func(_ int, changes []transport.StorageChange) error {
			for _, c := range changes {
				if c.Value == nil && strings.HasPrefix(c.Key, "work/") {
					deleted++
				}
			}
			return nil
		}
	})
	h.until(func() bool { return p.StorageErr() == nil && p.storage.count(t, "replica/") == 1 })
	p.stop()
	if deleted > 1 { // the first may be there
		t.Errorf("%d works are deleted that were never stored", deleted)
	}
}

// TestStoragePanics: a Storage that panics is not hidden behind a mutex that is not held.
func TestStoragePanics(t *testing.T) {
	defer func() {
		if v := recover(); v != "a mistake in the storage" {
			t.Errorf("recovered %v", v)
		}
	}()
	s := newProbe()
	s.fail = func(int, []transport.StorageChange) error { panic("a mistake in the storage") }
	dstm.NewClient(&dstm.ClientOptions{Storage: s, Logger: quiet()})
}
