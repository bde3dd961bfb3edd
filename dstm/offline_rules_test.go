package dstm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/keep"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// TestStorageFails is rule I6: work goes on in memory, says so, and is stored when the storage works again.
func TestStorageFails(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	h.done(h.submit(addStep, o, "n", 1))
	full := errors.New("the disk is full")
	p.storage.set(func() { p.storage.fail = func(int, []transport.StorageChange) error { return full } })
	w := h.submit(addStep, o, "n", 10)
	if w.Durable() || !errors.Is(p.StorageErr(), full) {
		t.Errorf("durable %v, %v", w.Durable(), p.StorageErr())
	}
	h.done(w)
	p.line.drop(false)
	p.offline(h.ctx)
	late := h.submit(addStep, o, "n", 100)
	p.storage.set(func() { p.storage.fail = nil })
	h.until(func() bool { return p.StorageErr() == nil && late.Durable() })
	p = h.process(p.crash(), false)
	pending := p.Pending()
	if len(pending) > 0 && pending[0].ID() == w.ID() {
		pending = pending[1:] // the line may have gone before the object showed it: it is found committed
	}
	if len(pending) != 1 || pending[0].ID() != late.ID() || !pending[0].Durable() {
		t.Fatal(pending)
	}
	p.line.up()
	h.done(pending[0])
	if n := h.truth("board", "n"); n != 111 {
		t.Error(n)
	}
}

// TestRunWaitsForStorage: a work that is stored is not run under another sequence that cannot be; otherwise the next process would find
// the old one refused, and run it once more.
func TestRunWaitsForStorage(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	p.line.drop(false)
	p.offline(h.ctx)
	h.submit(doubleStep, o, "n", 1)
	h.write("board", "n", 50)
	stored := uint64(0)
	p.storage.set(func() {
		p.storage.fail = func(_ int, changes []transport.StorageChange) error {
			for _, c := range changes { // the storage fails from the second run on
				if id, ok := strings.CutPrefix(c.Key, keep.WorkPrefix); ok {
					w, err := keep.ReadWork(id, c.Value)
					if err != nil || stored != 0 && w.Sequence != stored {
						p.storage.fail = full
						return errFull
					}
					stored = w.Sequence
				}
			}
			return nil
		}
	})
	p.line.up()
	h.until(func() bool { return p.StorageErr() != nil })
	h.sees(o, "n", 50) // it is refused, and its prediction gone
	free := h.submit(addStep, o, "m", 1)
	h.done(free) // what came later goes on
	if n := h.truth("board", "n"); n != 50 {
		t.Fatalf("n is %d", n)
	}
	p = h.process(p.crash(), true)
	for _, w := range p.Pending() {
		h.done(w)
	}
	if n := h.truth("board", "n"); n != 101 {
		t.Errorf("n is %d", n)
	}
}

// TestRevoked: permission that went meanwhile ends as denied in the inbox, and the replica is gone from the storage.
func TestRevoked(t *testing.T) {
	var revoked atomic.Bool
	may := func(context.Context, *dstm.Access) error {
		if revoked.Load() {
			return dstm.ErrDenied
		}
		return nil
	}
	h := newHallOf(t, false, false, dstm.Rule{Object: "**", Open: may, Write: may})
	p := h.process(newProbe(), true)
	o, err := p.Open(h.ctx, "board")
	if err != nil {
		t.Fatal(err)
	}
	h.done(h.submit(addStep, o, "n", 1))
	p.line.drop(false)
	p.offline(h.ctx)
	w := h.submit(addStep, o, "n", 10)
	revoked.Store(true)
	p = h.process(p.crash(), false)
	if o, err = p.Open(h.ctx, "board"); err != nil || number(t, o, "n") != 11 {
		t.Fatal(err)
	}
	pending := p.Pending()
	p.line.up()
	if _, err := pending[0].Wait(h.ctx); !errors.Is(err, dstm.ErrDenied) {
		t.Error(err)
	}
	items := p.Inbox().Items()
	if len(items) != 1 || items[0].ID != w.ID() || !items[0].Err.Is(dstm.ErrDenied) || items[0].Err.Unknown {
		t.Fatalf("%+v", items)
	}
	if err := o.View(func(tx *dstm.Tx) error { return nil }); !errors.Is(err, dstm.ErrDenied) {
		t.Errorf("the object goes on: %v", err)
	}
	h.until(func() bool { return p.storage.count(t, "replica/")+p.storage.count(t, "tail/") == 0 })
	if n := h.truth("board", "n"); n != 1 {
		t.Errorf("n is %d", n)
	}
}

// TestOfflineServerRestored has the server come back without its tail: what may have been in it is in the inbox as unknown, the rest is done.
func TestOfflineServerRestored(t *testing.T) {
	leak.Check(t)
	m := &moved{hall: &hall{t: t, ctx: testContext(t)}}
	m.start(dstm.NewMemoryLog())
	t.Cleanup(m.stop)
	p := m.process(newProbe(), true)
	m.guest = p.guest
	o := m.open(p.guest, "board")
	for range 3 {
		m.done(m.submit(addStep, o, "n", 1))
	}
	p.line.hold()
	sent := m.submit(addStep, o, "n", 10)
	m.until(func() bool { return m.store.Position() >= 4 })
	p.line.drop(false)
	p.offline(m.ctx)
	m.submit(addStep, o, "n", 100)
	storage := p.crash()
	m.stop()
	m.start(dstm.NewMemoryLog())
	p = m.process(storage, false) // else all may be decided before anybody looks
	pending := p.Pending()
	p.line.up()
	if _, err := pending[0].Wait(m.ctx); !status.OutcomeUnknown(err) {
		t.Error(err)
	}
	m.done(pending[1])
	if items := p.Inbox().Items(); len(items) != 1 || items[0].ID != sent.ID() || !items[0].Err.Unknown {
		t.Errorf("%+v", items)
	}
	if n := m.truth("board", "n"); n != 100 {
		t.Error(n)
	}
}

// TestOfflineClockBack: a clock that goes back a day costs nothing, since sequences go on above what is stored.
func TestOfflineClockBack(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	h.done(h.submit(addStep, o, "n", 1))
	storage := p.crash()
	w := *world.Real
	w.Now = func() time.Time { return time.Now().Add(-24 * time.Hour) }
	back := &guest{line: &line{dialer: h.server.Pipe()}}
	back.Client = world.NewClient(&w, &dstm.ClientOptions{Storage: storage, Transactions: steps, Logger: quiet()}).(*dstm.Client)
	back.conn = transport.Connect("pipe:", &transport.ClientOptions{Dialer: back.line, Storage: storage, Logger: quiet()}, back.Client)
	p = &process{back, storage}
	defer p.stop()
	o = h.open(back, "board")
	h.done(h.submit(addStep, o, "n", 10))
	if _, err := o.Update(h.ctx, func(tx *dstm.Tx) error { tx.Add(100, nil, nil, "n"); return nil }); err != nil {
		t.Fatal(err)
	}
	if n := h.truth("board", "n"); n != 111 {
		t.Error(n)
	}
}

// TestSpoiledRecords: a record that is damaged or of a later version is not used, told, and stays as it is; everything else goes on.
func TestSpoiledRecords(t *testing.T) {
	for kind, spoil := range map[string]func(b []byte) []byte{
		"damaged": func(b []byte) []byte { b[len(b)/2]++; return b },
		"cut":     func(b []byte) []byte { return b[:len(b)/2] },
		"empty":   func(b []byte) []byte { return b[:0] },
		"newer":   func(b []byte) []byte { b[0]++; return b },
	} {
		for _, prefix := range []string{"work/", "inbox/", "replica/", "tail/", "ceiling", "cache"} {
			t.Run(kind+" "+strings.TrimSuffix(prefix, "/"), func(t *testing.T) { spoiled(t, prefix, spoil) })
		}
	}
}

func spoiled(t *testing.T, prefix string, spoil func(b []byte) []byte) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	for range 3 {
		h.done(h.submit(addStep, o, "n", 1))
		h.until(func() bool { return p.storage.count(t, "work/") == 0 })
	}
	p.line.drop(false)
	p.offline(h.ctx)
	h.submit(firmStep, o, "m", 1)
	h.write("board", "m", 2)
	p.line.up()
	h.until(func() bool { return p.storage.count(t, "inbox/") == 1 })
	p.line.drop(false)
	p.offline(h.ctx)
	h.submit(addStep, o, "n", 10)
	h.submit(addStep, o, "n", 100)
	storage := p.crash()
	var key string
	var value []byte
	for k, v := range storage.records(t) {
		if strings.HasPrefix(k, prefix) && (key == "" || k < key) {
			key, value = k, spoil(v)
		}
	}
	if key == "" {
		t.Fatal("there is no such record")
	}
	storage.Apply([]transport.StorageChange{{Space: "dstm", Key: key, Value: value}})
	p = h.process(storage, true)
	o = h.open(p.guest, "board")
	if err := p.StorageErr(); !errors.Is(err, dstm.ErrDamaged) {
		t.Errorf("it is not told: %v", err)
	}
	records := storage.records(t)
	if string(records[key]) != string(value) && string(records["aside/"+key]) != string(value) && prefix != "cache" {
		t.Errorf("%s is no longer what it was", key)
	}
	for _, w := range p.Pending() {
		h.done(w)
	}
	h.done(h.submit(addStep, o, "n", 1000))
	want := map[string]int64{"work/": 1103}[prefix]
	if prefix == "ceiling" && value != nil && len(value) > 0 && value[0] == 2 { // then all of it is a later version's
		want = 1003
	} else if want == 0 {
		want = 1113
	}
	if n := h.truth("board", "n"); n != want {
		t.Errorf("n is %d, not %d", n, want)
	}
	h.sees(o, "n", want)
}

// TestBounds: the queue and the inbox together are bounded, and nothing is dropped to make room.
func TestBounds(t *testing.T) {
	h := newHall(t, false, false)
	p := h.processWith(newProbe(), true, &dstm.ClientOptions{MaxPending: 3})
	o := h.open(p.guest, "board")
	p.line.drop(false)
	p.offline(h.ctx)
	h.submit(firmStep, o, "m", 1)
	h.write("board", "m", 2)
	p.line.up()
	h.until(func() bool { return len(p.Inbox().Items()) == 1 })
	p.line.drop(false)
	p.offline(h.ctx)
	h.submit(addStep, o, "n", 1)
	h.submit(addStep, o, "n", 10)
	if _, err := addStep.Submit(h.ctx, o, step{"n", 100}); !errors.Is(err, dstm.ErrBusy) {
		t.Fatal(err)
	}
	w, err := p.Inbox().Retry(h.ctx, p.Inbox().Items()[0].ID) // takes the room of its item
	if err != nil {
		t.Fatal(err)
	}
	p.line.up()
	h.done(w)
	h.done(h.submit(addStep, o, "n", 100))
	if n := h.truth("board", "n"); n != 111 {
		t.Error(n)
	}
}

// TestNameGone: what was recorded under a name that is no longer registered is sent as it was; refused, it is in the inbox.
func TestNameGone(t *testing.T) {
	h := newHall(t, false, false)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	p.line.drop(false)
	p.offline(h.ctx)
	h.submit(addStep, o, "n", 1)
	h.submit(setStep, o, "m", 1)
	h.write("board", "m", 2)
	p = h.processWith(p.crash(), false, &dstm.ClientOptions{Transactions: []dstm.Named{firmStep}}) // else all may be decided before anybody looks
	pending := p.Pending()
	p.line.up()
	h.done(pending[0])
	if _, err := pending[1].Wait(h.ctx); !errors.Is(err, dstm.ErrInvalid) {
		t.Error(err)
	}
	items := p.Inbox().Items()
	if len(items) != 1 || items[0].ID != pending[1].ID() {
		t.Fatalf("%+v", items)
	}
	if _, err := p.Inbox().Retry(h.ctx, items[0].ID); !errors.Is(err, dstm.ErrInvalid) || len(p.Inbox().Items()) != 1 {
		t.Error(err)
	}
	h.until(func() bool { return p.storage.count(t, "inbox/") == 1 })
	p = h.process(p.crash(), true) // the name is back
	w, err := p.Inbox().Retry(h.ctx, items[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	h.done(w)
	if n, m := h.truth("board", "n"), h.truth("board", "m"); n != 1 || m != 1 {
		t.Error(n, m)
	}
}

// TestCacheBounds: the objects that were opened longest ago go first.
func TestCacheBounds(t *testing.T) {
	h := newHall(t, false, false)
	opts := &dstm.ClientOptions{MaxCached: 2}
	p := h.processWith(newProbe(), true, opts)
	for i := range 4 {
		name := fmt.Sprint("o", i)
		h.write(name, "n", int64(i))
		h.sees(h.open(p.guest, name), "n", int64(i))
	}
	storage := p.storage
	p.stop() // which stores what there is
	if n := storage.count(t, "replica/"); n != 2 {
		t.Fatalf("%d objects are stored", n)
	}
	p = h.processWith(storage.next(), false, opts)
	for i := 2; i < 4; i++ {
		o, err := p.Open(h.ctx, fmt.Sprint("o", i))
		if err != nil || number(t, o, "n") != int64(i) {
			t.Fatal(i, err)
		}
	}
}

// TestTails: what changes often is stored as what changed, and now and then as a whole.
func TestTails(t *testing.T) {
	h := newHall(t, false, false)
	h.write("board", "much", 0)
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	most := 0
	for range 400 {
		h.done(h.submit(addStep, o, "n", 1))
		most = max(most, p.storage.count(t, "tail/"))
	}
	if most < 5 || most > 300 {
		t.Errorf("up to %d tails", most)
	}
	h.until(func() bool { return p.storage.count(t, "work/") == 0 })
	p = h.process(p.crash(), false)
	if n := number(t, h.open(p.guest, "board"), "n"); n != 400 || p.StorageErr() != nil {
		t.Errorf("n is %d, %v", n, p.StorageErr())
	}
}

// TestSeveralObjectsOffline: one transaction of several objects, without a connection and in a process that has had none.
func TestSeveralObjectsOffline(t *testing.T) {
	h := newHall(t, false, false)
	move := dstm.NewTransaction("test.move", func(tx *dstm.Tx, in step) error {
		tx.Add(-in.N, nil, nil, "n")
		tx.InNamed(in.Key).Add(in.N, nil, nil, "n")
		return tx.Err()
	})
	opts := &dstm.ClientOptions{Transactions: []dstm.Named{addStep, move}}
	p := h.processWith(newProbe(), true, opts)
	h.open(p.guest, "b")
	h.done(h.submit(addStep, h.open(p.guest, "a"), "n", 100))
	storage := p.storage
	p.stop()
	p = h.processWith(storage.next(), false, opts)
	a, b := h.open(p.guest, "a"), h.open(p.guest, "b")
	w, err := move.SubmitAll(h.ctx, []dstm.Object{a, b}, step{"b", 30})
	if err != nil {
		t.Fatal(err)
	}
	if number(t, a, "n") != 70 || number(t, b, "n") != 30 {
		t.Error("it does not show")
	}
	p.line.up()
	h.done(w)
	if h.truth("a", "n") != 70 || h.truth("b", "n") != 30 {
		t.Error(h.truth("a", "n"), h.truth("b", "n"))
	}
}

// TestStrictOffline: in a strict object, what read an own unanswered write is stored, and runs when that is answered.
func TestStrictOffline(t *testing.T) {
	h := newHallOf(t, false, false, dstm.Rule{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll, Strict: true})
	p := h.process(newProbe(), true)
	o := h.open(p.guest, "board")
	p.line.drop(false)
	p.offline(h.ctx)
	h.submit(setStep, o, "n", 5)
	h.submit(doubleStep, o, "n", 1)
	p = h.process(p.crash(), false)
	o = h.open(p.guest, "board")
	h.sees(o, "n", 5)
	p.line.up()
	for _, w := range p.Pending() {
		h.done(w)
	}
	if n := h.truth("board", "n"); n != 11 {
		t.Error(n)
	}
}
