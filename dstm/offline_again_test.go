package dstm_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// now opens an object without waiting for anything.
func (p *process) now(name string) (dstm.Object, error) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return p.Open(ctx, name)
}

func (h *hall) now(p *process, name string) dstm.Object {
	h.t.Helper()
	o, err := p.now(name)
	if err != nil {
		h.t.Fatalf("%s is not there: %v", name, err)
	}
	return o
}

// TestOpenedAgainOffline: what was open before is there without a connection, also in the process that had it open, and when there will be no
// connection any more.
func TestOpenedAgainOffline(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	h.done(h.submit(setStep, h.open(p.guest, "a"), "x", 1))
	p = h.process(p.crash(), false)
	for range 3 {
		o := h.now(p, "a")
		if n := number(t, o, "x"); n != 1 {
			t.Fatal(n)
		}
		o.Close()
	}
	p.conn.Close()
	if n := number(t, h.now(p, "a"), "x"); n != 1 {
		t.Fatal(n)
	}
	if _, err := p.now("b"); err == nil {
		t.Error("what was never open is there")
	}
}

// TestOpenedAgainUnsaved: what was closed before it was stored is there as it was, comes up to date with the connection, and what it held and what came is stored.
func TestOpenedAgainUnsaved(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o, err := p.Open(h.ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	h.done(h.submit(setStep, o, "x", 1))
	h.until(func() bool { return p.storage.count(t, "work/") == 0 })
	h.write("a", "x", 2)
	h.sees(o, "x", 2)
	o.Close() // within the delay of what is written without hurry
	p.line.drop(false)
	p.offline(h.ctx)
	o = h.now(p, "a")
	if n := number(t, o, "x"); n != 2 {
		t.Fatal(n)
	}
	h.write("a", "y", 3)
	p.line.up()
	h.sees(o, "y", 3)
	h.done(h.submit(setStep, o, "z", 4)) // takes all that the objects hold into the storage with it
	h.until(func() bool { return p.storage.count(t, "work/") == 0 })
	p = h.process(p.crash(), false)
	o = h.now(p, "a")
	if x, y, z := number(t, o, "x"), number(t, o, "y"), number(t, o, "z"); x != 2 || y != 3 || z != 4 {
		t.Error(x, y, z)
	}
}

// TestOpenedAgainDenied: what was revoked meanwhile is not there again, once the server has said so.
func TestOpenedAgainDenied(t *testing.T) {
	var revoked atomic.Bool
	may := func(context.Context, *dstm.Access) error {
		if revoked.Load() {
			return dstm.ErrDenied
		}
		return nil
	}
	h := newHallOf(t, false, false, dstm.Rule{Object: "**", Open: may, Write: may})
	p := h.process(newProbe(), true)
	o, err := p.Open(h.ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	h.done(h.submit(setStep, o, "x", 1))
	h.until(func() bool { return p.storage.count(t, "work/") == 0 })
	o.Close()
	revoked.Store(true)
	p.line.hold()
	o = h.now(p, "a") // nobody knows yet
	p.line.let()
	for _, err := range o.Changes(h.ctx) {
		if err != nil {
			if !errors.Is(err, dstm.ErrDenied) {
				t.Fatal(err)
			}
			break
		}
	}
	p.line.drop(false)
	p.offline(h.ctx)
	if _, err := p.now("a"); err == nil {
		t.Error("it is there")
	}
	h.until(func() bool { return p.storage.count(t, "replica/")+p.storage.count(t, "tail/") == 0 })
}

// TestOpenedAgainPending: what was sent and is not answered shows on top, once; so does what is submitted then.
func TestOpenedAgainPending(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o, err := p.Open(h.ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	h.done(h.submit(addStep, o, "n", 1))
	p.line.hold()
	answer := make(chan error)
	go func(o dstm.Object) {
		_, err := o.Update(h.ctx, func(tx *dstm.Tx) error { tx.Add(10, nil, nil, "n"); return nil })
		answer <- err
	}(o)
	h.until(func() bool { return h.truth("a", "n") == 11 })
	o.Close()
	if err := <-answer; !status.OutcomeUnknown(err) {
		t.Fatal(err)
	}
	p.line.drop(false)
	p.offline(h.ctx)
	for range 2 {
		if o = h.now(p, "a"); number(t, o, "n") != 11 {
			t.Fatal(number(t, o, "n"))
		}
		o.Close()
	}
	o = h.now(p, "a")
	w := h.submit(addStep, o, "n", 100)
	o.Close()
	if o = h.now(p, "a"); number(t, o, "n") != 111 {
		t.Fatal(number(t, o, "n"))
	}
	most := make(chan int64)
	go func() {
		highest := int64(0)
		for range o.Changes(h.ctx, "n") {
			n := number(t, o, "n")
			if n == 1000 {
				break
			}
			highest = max(highest, n)
		}
		most <- highest
	}()
	p.line.up()
	h.done(w)
	h.write("a", "n", 1000)
	if n := <-most; n > 111 {
		t.Errorf("n was %d", n)
	}
}

// TestOpenedAgainTogether: a transaction of several objects goes on without a connection when they were left and opened again.
func TestOpenedAgainTogether(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	names := []string{"a", "b"}
	open := func() (list []dstm.Object) {
		for _, name := range names {
			list = append(list, h.now(p, name))
		}
		return list
	}
	both := []dstm.Object{h.open(p.guest, "a"), h.open(p.guest, "b")}
	_, err := dstm.UpdateAll(h.ctx, both, func(tx *dstm.Tx) error {
		for _, o := range both {
			tx.In(o).Set(1, "x")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p.line.drop(false)
	p.offline(h.ctx)
	for _, o := range both {
		o.Close()
	}
	both = open()
	sum := int64(0)
	err = dstm.ViewAll(h.ctx, both, func(tx *dstm.Tx) error {
		for _, o := range both {
			n := int64(0)
			tx.In(o).Lookup(&n, "x")
			sum += n
		}
		return nil
	})
	if err != nil || sum != 2 {
		t.Error(sum, err)
	}
}

// TestOpenedAgainApart: what is stored was at one position, but what was opened since has moved on, and is not stored yet.
func TestOpenedAgainApart(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	both := []dstm.Object{h.open(p.guest, "a"), h.open(p.guest, "b")}
	h.done(h.submit(addStep, both[0], "n", 1))
	h.done(h.submit(addStep, both[1], "n", 1))
	h.until(func() bool { return p.storage.count(t, "work/") == 0 })
	look := func(o, other dstm.Object) error { // without waiting for anything
		ctx, cancel := context.WithCancel(h.ctx)
		cancel()
		return dstm.ViewAll(ctx, []dstm.Object{o, other}, func(tx *dstm.Tx) error { return nil })
	}
	p = h.process(p.crash(), false)
	a := h.now(p, "a")
	if err := look(a, h.now(p, "b")); err != nil {
		t.Fatal(err)
	}
	p = h.process(p.crash(), true)
	a = h.now(p, "a")
	h.write("a", "n", 2)
	h.sees(a, "n", 2)
	p.line.drop(false)
	p.offline(h.ctx)
	if err := look(a, h.now(p, "b")); err == nil {
		t.Error("they are seen together")
	}
}

// TestOpenedAgainBounded: what the storage has no room for is not kept in memory either.
func TestOpenedAgainBounded(t *testing.T) {
	h := newHall(t, false, false)
	h.write("large", "x", 1<<40)
	there := func(p *process, name string) bool {
		_, err := p.now(name)
		return err == nil
	}
	for _, open := range []bool{false, true} { // when the next one comes
		p := h.processWith(newProbe(), true, &dstm.ClientOptions{MaxCached: 2})
		var all []dstm.Object
		for _, name := range []string{"a", "b", "c"} {
			o, err := p.Open(h.ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			if all = append(all, o); !open {
				o.Close()
			}
		}
		for _, o := range all {
			o.Close()
		}
		p.line.drop(false)
		p.offline(h.ctx)
		if !there(p, "b") || !there(p, "c") || there(p, "a") { // the last looks for room, too
			t.Errorf("open %v: there is room for the last two of three", open)
		}
	}
	p := h.processWith(newProbe(), true, &dstm.ClientOptions{MaxCachedBytes: 5})
	for _, name := range []string{"large", "a"} {
		o, err := p.Open(h.ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		o.Close()
	}
	p.line.drop(false)
	p.offline(h.ctx)
	if !there(p, "a") || there(p, "large") {
		t.Error("there is room for five bytes")
	}
}
