package dstm_test

import (
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/transport"
)

// The scene of the talk, frame by frame, in both codecs.
func TestConflictOnTheWire(t *testing.T) {
	for _, json := range []bool{false, true} {
		t.Run(fmt.Sprint("json=", json), func(t *testing.T) {
			n := newNode(t, dstm.NewMemoryLog(), nil, nil)
			a, b := n.raw(&transport.ClientOptions{JSON: json}), n.raw(nil)
			for _, r := range []*raw{a, b} {
				s := r.open("o", nil)
				if s.version != 0 || s.position != 0 || string(s.hash) != "\x00\x00\x00\x00\x00\x00\x00\x00" || string(s.snapshot) != "\x80" || s.epoch != n.store.Epoch() {
					t.Fatalf("%+v", s)
				}
			}
			tx := b.tx("o", 0, set("world", "hello"))
			tx.Parts[0].Reads = []txn.Read{absent("hello")}
			b.send(b.commitFrame(tx))
			c := b.changed("[o@1]")
			if id := b.conn.ID(); c.position != 2 || c.sequence != 1 || string(c.client) != string(id[:]) {
				t.Fatalf("%+v", c)
			}
			b.want(b.answer(false), "1 [1]")
			stale := a.tx("o", 0, set("code camp", "hello"))
			stale.Parts[0].Reads = []txn.Read{absent("hello")}
			a.send(a.commitFrame(stale))
			a.changed("[o@1]") // the news come before the refusal
			a.want(a.answer(false), `1 dstm.conflict [[0,["hello"]]]`)
			a.send(a.commitFrame(a.tx("o", 1, set("code camp", "hello"))))
			a.changed("[o@2]")
			a.want(a.answer(false), "2 [2]")
			b.changed("[o@2]")
			a.want(a.commit(&txn.Transaction{Sequence: 2, Again: true, Parts: []txn.Part{{Object: "o", Epoch: n.store.Epoch(), Base: 1, Writes: []txn.Write{set("code camp", "hello")}}}}), "2 [2]")
			b.silent()
		})
	}
}

func TestOpen(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), &dstm.StoreOptions{Recent: 1, MaxOpen: 3}, nil)
	w := n.raw(nil)
	var points []resume
	w.open("o", nil)
	for i := range 3 {
		w.send(w.commitFrame(w.tx("o", uint64(i), set(i, "x"))))
		c := w.change()
		points = append(points, resume{n.store.Epoch(), uint64(i + 1), c.position, c.hash})
		w.answer(false)
	}
	r := n.raw(nil)
	// In step: no snapshot. Its past out of reach, or never there: a snapshot.
	if s := r.open("o", &points[2]); s.snapshot != nil || s.version != 3 {
		t.Fatalf("%+v", s)
	}
	for _, at := range []resume{
		points[0],
		{"other", 3, points[2].position, points[2].hash},
		{n.store.Epoch(), 3, points[2].position, points[1].hash},
		{n.store.Epoch(), 2, points[2].position, points[2].hash},
	} {
		if s := r.open("o", &at); s.snapshot == nil || s.version != 3 || s.position != points[2].position || string(s.hash) != string(points[2].hash) {
			t.Fatalf("%+v: %+v", at, s)
		}
	}
	w.send(w.commitFrame(w.tx("o", 3, set(9, "x"))))
	r.changed("[o@4]")
	// A closed object is silent.
	r.send(append(transport.AppendHeader(nil, 4, transport.NumberDSTM, 5), codec.AppendString(codec.AppendString(nil, ""), "o")...))
	r.open("p", nil)
	w.answer(true)
	w.commit(w.tx("o", 4, set(10, "x")))
	r.open("q", nil)
	r.open("r", nil)
	r.send(r.openFrame(8, "s", nil))
	body := r.frame(3)
	body.Skip()
	if request, object, err := body.Int(), body.String(), transport.ReadError(&body); request != 8 || object != "s" || err.Reason != dstm.ErrTooLarge {
		t.Fatal(request, object, err)
	}
}

// A client that comes back gets the changes that it missed, also after a restart of the server, and
// also if a part of them stands before a snapshot.
func TestResumeByChanges(t *testing.T) {
	log := dstm.NewMemoryLog()
	n := newNode(t, log, &dstm.StoreOptions{CheckpointEntries: 2}, nil)
	w := n.raw(nil)
	start := w.open("o", nil).resume
	var first resume
	for i := range 6 {
		w.send(w.commitFrame(w.tx("o", uint64(i), set(i, "x"))))
		if c := w.change(); i == 0 {
			first = resume{n.store.Epoch(), 1, c.position, c.hash}
		}
		w.answer(false)
		w.commit(w.tx("p", uint64(i), set(i, "x")))
	}
	check := func(n *node) {
		t.Helper()
		r := n.raw(nil)
		if s := r.open("o", &first); s.snapshot != nil || s.version != 1 {
			t.Fatalf("%+v", s)
		}
		for v := 2; v <= 6; v++ {
			r.changed(fmt.Sprintf("[o@%d]", v))
		}
		if s := r.open("o", &start); s.snapshot != nil || s.version != 0 {
			t.Fatalf("%+v", s)
		}
		for v := 1; v <= 6; v++ {
			r.changed(fmt.Sprintf("[o@%d]", v))
		}
		r.silent()
	}
	check(n)
	n.close()
	again := newNode(t, log.Share(), nil, nil)
	check(again)
	r := again.raw(nil)
	r.open("o", nil)
	r.send(r.commitFrame(r.tx("o", 6, set(1, "x"))))
	r.changed("[o@7]")
}

func TestSeveralObjectsOnTheWire(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), nil, nil)
	both, one := n.raw(nil), n.raw(nil)
	both.open("a", nil)
	both.open("b", nil)
	one.open("b", nil)
	tx := both.tx("a", 0, set(1, "x"))
	tx.Parts = append(tx.Parts, txn.Part{Object: "b", Epoch: n.store.Epoch(), Writes: []txn.Write{set(2, "x")}})
	both.send(both.commitFrame(tx))
	both.changed("[a@1 b@1]")
	both.want(both.answer(false), "1 [1 1]")
	one.changed("[b@1]")
}

func TestRules(t *testing.T) {
	deny := []dstm.Rule{
		{Object: "read/*", Open: dstm.AllowAll},
		{Object: "none/**"},
		{Object: "free/**", Open: dstm.AllowAll, Write: dstm.AllowAll},
	}
	n := newNode(t, dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: deny}, nil)
	r := n.raw(nil)
	r.open("read/1", nil)
	r.open("free/1/2", nil)
	for _, object := range []string{"none/1", "read", "read/1/2", "free", "other"} {
		r.send(r.openFrame(7, object, nil))
		body := r.frame(3)
		body.Skip()
		body.Skip()
		if name, err := body.String(), transport.ReadError(&body); name != object || err.Reason != dstm.ErrDenied {
			t.Fatal(name, err)
		}
	}
	r.want(r.commit(r.tx("read/1", 0, set(1, "x"))), "1 dstm.denied ")
	r.want(r.commit(r.tx("other", 0, set(1, "x"))), "2 dstm.denied ")
	// Reading in a transaction would tell what is in an object that must not be opened.
	tx := r.tx("free/1/2", 0, set(1, "x"))
	tx.Parts = append(tx.Parts, txn.Part{Object: "none/1", Epoch: n.store.Epoch(), Reads: []txn.Read{absent("x")}})
	r.want(r.commit(tx), "3 dstm.denied ")
	r.want(r.commit(r.tx("free/1/2", 0, set(1, "x"))), "4 [1]")
	for _, bad := range []string{"", "a//b", "**/a", "a*", "/"} {
		if _, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: []dstm.Rule{{Object: bad}}}); err == nil {
			t.Errorf("the pattern %q was accepted", bad)
		}
	}
}

func TestInvariantOnTheWire(t *testing.T) {
	balance := dstm.NewVar[int]("balance").At()
	rules := []dstm.Rule{{Object: "*", Open: dstm.AllowAll, Write: dstm.AllowAll, Invariant: func(before, after *dstm.Tx) error {
		if balance.Get(after) < 0 && balance.Get(before) >= 0 {
			return fmt.Errorf("no debts")
		}
		return nil
	}}}
	n := newNode(t, dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: rules}, nil)
	r := n.raw(nil)
	r.want(r.commit(r.tx("a", 0, set(5, "balance"))), "1 [1]")
	r.want(r.commit(r.tx("a", 1, set(-5, "balance"))), "2 dstm.invariant ")
	r.want(r.commit(r.tx("a", 1, set("text", "balance"))), "3 dstm.invariant ")
	r.want(r.commit(r.tx("a", 1, set(0, "balance"))), "4 [2]")
}

// A client that holds more than there is proves that the log was restored: once, a new epoch begins.
func TestNewEpoch(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), nil, nil)
	a, b := n.raw(nil), n.raw(nil)
	a.open("o", nil)
	a.open("never", nil)
	a.send(a.commitFrame(a.tx("o", 0, set(1, "x"))))
	a.changed("[o@1]")
	a.answer(false)
	lost := a.tx("o", 1, set(2, "x"))
	old := n.store.Epoch()
	s := b.open("o", &resume{old, 5, 100, make([]byte, 8)})
	if s.epoch == old || s.epoch != n.store.Epoch() || s.snapshot == nil || s.version != 1 {
		t.Fatalf("%+v", s)
	}
	for range 2 {
		if r := a.reset(); r.epoch != s.epoch || r.snapshot == nil || r.reason != "epoch" || r.version > 1 {
			t.Fatalf("%+v", r)
		}
	}
	again := *lost
	again.Again = true
	a.want(a.commit(lost), "2 dstm.conflict ")
	again.Sequence = 3
	a.want(a.commit(&again), "3 dstm.outcome_unknown ")
	a.sequence = 3
	a.want(a.commit(a.tx("o", 1, set(2, "x"))), "4 [2]")
	b.changed("[o@2]")
	// Within a minute it is only this client's problem.
	s = b.open("o", &resume{s.epoch, 5, 100, make([]byte, 8)})
	if s.epoch != n.store.Epoch() || s.snapshot == nil || s.version != 2 {
		t.Fatalf("%+v", s)
	}
	a.silent()
	// So is a transaction on what is not there.
	b.send(b.commitFrame(b.tx("o", 77, set(2, "x"))))
	b.want(b.answer(false), "1 dstm.conflict ")
	if r := b.reset(); r.object != "o" || r.version != 2 || r.reason != "ahead" {
		t.Fatalf("%+v", r)
	}
	a.silent()
}
