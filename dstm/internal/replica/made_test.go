package replica

import (
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// made are the effects of the one commit that was told since the last call.
func (d *desk) made() []Made {
	d.t.Helper()
	var out []Made
	for _, e := range d.core.Events() {
		if e.Kind == Settled {
			if e.Err != nil || out != nil {
				d.t.Fatalf("settled %+v", e)
			}
			out = e.Made
		}
	}
	return out
}

func TestMade(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.open("b")
	a, b := d.state("a"), d.state("b")
	x := draft{State: a, part: txn.Part{Object: "a", Epoch: a.Epoch}}
	x.add(2, "n")
	y := draft{State: b, part: txn.Part{Object: "b", Epoch: b.Epoch}}
	y.observe(tree.Path{"n"})
	if _, _, err := d.core.Submit(txn.Transaction{Parts: []txn.Part{x.part, y.part}}, 0); err != nil {
		t.Fatal(err)
	}
	d.foreign("a", add(5, "n"))
	d.sync()
	m := d.made()
	if len(m) != 2 || m[0].Object != "a" || m[0].Version != 2 || number(m[0].Before, "n") != 5 || number(m[0].After, "n") != 7 || len(m[0].Writes) != 1 {
		t.Fatalf("made %+v", m)
	}
	if m[1].Object != "b" || m[1].Version != 0 || m[1].Before != nil || len(m[1].Writes) != 0 {
		t.Fatalf("made %+v", m[1])
	}
}

// TestMadeBehindASnapshot: what the commit alone did is not known then.
func TestMadeBehindASnapshot(t *testing.T) {
	d := newDesk(t)
	d.server.forget = 100
	d.connect()
	d.open("a")
	d.do("a", add(2, "n"))
	d.send()
	d.cut()
	d.connect()
	d.sync()
	if m := d.made(); len(m) != 1 || m[0].Version != 1 || m[0].Before != nil || m[0].After != nil {
		t.Fatalf("made %+v", m)
	}
}

func TestATransactionWithoutWrites(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.core.Events()
	look := func(t *draft) { t.observe(tree.Path{"x"}) }
	d.do("a", look)
	if e := d.core.Events(); len(e) > 0 || len(d.state("a").Pending) > 0 {
		t.Fatalf("it shows: %+v", e)
	}
	d.sync()
	if m := d.made(); len(m) != 1 || m[0].Version != 0 {
		t.Fatalf("made %+v", m)
	}
	d.foreign("a", set(1, "x"))
	d.do("a", look)
	d.sync()
	d.expect("2 dstm.conflict")
}

// TestWithoutWritesNothingIsRemembered: what the server does not remember does not count towards what it can.
func TestWithoutWritesNothingIsRemembered(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.do("a", add(1, "n"))
	d.send()
	held := d.link.toClient // the answer to the first is late
	d.link.toClient = nil
	for range 70 {
		d.do("a", func(t *draft) { t.observe(tree.Path{"x"}) })
	}
	if n := len(d.send()); n != MaxUnanswered-1 {
		t.Fatalf("%d sent", n)
	}
	d.receive()
	if n := len(d.send()); n != 70-MaxUnanswered+1 {
		t.Fatalf("%d more sent", n)
	}
	d.link.toClient = append(held, d.link.toClient...)
	d.sync()
}

// TestHalfIsNotShown: when one of the objects of a transaction that is not answered is taken away, its writes are not shown in the other
// one either: opened again, the two would show a half of it.
func TestHalfIsNotShown(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.open("b")
	a, b := d.state("a"), d.state("b")
	x := draft{State: a, part: txn.Part{Object: "a", Epoch: a.Epoch}}
	x.add(-2, "n")
	y := draft{State: b, part: txn.Part{Object: "b", Epoch: b.Epoch}}
	y.add(2, "n")
	if _, _, err := d.core.Submit(txn.Transaction{Parts: []txn.Part{x.part, y.part}}, 0); err != nil {
		t.Fatal(err)
	}
	if number(d.state("b").Root, "n") != 2 {
		t.Fatal("it is not shown at all")
	}
	d.core.ended("log", "a", status.New(status.Unavailable, reason.Closed, "the store closes"))
	d.core.done()
	if s := d.state("b"); s.Root.Find(tree.Path{"n"}) != nil || len(s.Pending) > 0 {
		t.Fatalf("b shows %+v", s.Pending)
	}
	d.core.Open("a")
	d.sync()
	if a, b := d.state("a"), d.state("b"); number(a.Root, "n") != -2 || number(b.Root, "n") != 2 {
		t.Error("committed, it is not shown")
	}
}
