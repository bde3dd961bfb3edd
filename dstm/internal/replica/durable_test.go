package replica

import (
	"slices"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// adds is a transaction that adds to n of object a, made on what the core shows.
func adds(d *desk) txn.Transaction {
	s, _ := d.core.State("a")
	return txn.Transaction{Position: s.Seen, Parts: []txn.Part{{
		Object: "a", Epoch: s.Epoch, Base: s.Version,
		Writes: []txn.Write{{Op: txn.OpAdd, Path: tree.Path{"n"}, Value: codec.Raw{1}}},
	}}}
}

func (d *desk) submitDurable() uint64 {
	d.t.Helper()
	sequence, _, err := d.core.SubmitDurable(adds(d), 0)
	if err != nil {
		d.t.Fatal(err)
	}
	return sequence
}

// settledSent is what the next commit frame says is settled.
func (d *desk) settledSent() uint64 {
	d.t.Helper()
	f, err := parse(d.core.Next())
	if err != nil || f.Kind != kindCommit {
		d.t.Fatal("no commit is next: ", err)
	}
	x, err := txn.Decode(&f.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return x.Settled
}

// TestHeldUntilAllowed is rule I1.
func TestHeldUntilAllowed(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	first := d.submitDurable()
	if _, _, err := d.core.Submit(adds(d), first); err != nil {
		t.Fatal(err)
	}
	if d.core.Next() != nil {
		t.Fatal("it goes out, or what is behind it does")
	}
	if due := d.core.Due(); !slices.Equal(due, []uint64{first}) || d.core.Due() != nil {
		t.Fatal(due)
	}
	d.core.Allow(first)
	d.sync()
	if got := d.settled(); !slices.Equal(got, []string{"1 ok", "2 ok"}) {
		t.Fatal(got)
	}
}

// TestSettledWaitsForTheEnd is rule I2, also over the time when nothing of the log is open.
func TestSettledWaitsForTheEnd(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	first := d.submitDurable()
	d.core.Due()
	d.core.Allow(first)
	d.sync()
	d.core.Close("a")
	d.open("a")
	if _, _, err := d.core.Submit(adds(d), first); err != nil {
		t.Fatal(err)
	}
	if s := d.settledSent(); s >= first {
		t.Fatalf("%d is settled before its end is stored", s)
	}
	d.core.Release(first)
	if s := d.settledSent(); s != first {
		t.Fatalf("settled %d", s)
	}
}

// TestRestoredGoAsTheyWere is rule I4: what may have been sent goes with again, what never was without. Also what depends on something
// unknown is sent: a process whose storage failed may have sent what the record calls never sent, so only the server can refuse it.
func TestRestoredGoAsTheyWere(t *testing.T) {
	d := newDesk(t)
	d.server.losing = true
	d.connect()
	d.open("a")
	sent, unsent, orphan := adds(d), adds(d), adds(d)
	sent.Sequence, unsent.Sequence, orphan.Sequence, orphan.After = 11, 12, 13, []uint64{10}
	saved, _, _ := d.core.Save("a", true)
	d.core = New(100, 1024)
	d.core.Restore("log", orphan, false, false)
	d.core.Restore("log", unsent, false, false)
	d.core.Restore("log", sent, true, false)
	d.core.Restored(me)
	if got := d.settled(); len(got) > 0 {
		t.Fatal(got)
	}
	d.core.OpenSaved("a", saved, false)
	if s, ok := d.core.State("a"); !ok || len(s.Pending) != 2 || s.Root.Find(tree.Path{"n"}).Leaf[0] != 2 {
		t.Fatalf("%+v", s)
	}
	d.connect()
	d.send()
	d.receive()
	var again []bool
	for b := d.core.Next(); b != nil; b = d.core.Next() {
		f, _ := parse(b)
		x, err := txn.Decode(&f.Body)
		if err != nil {
			t.Fatal(err)
		}
		again = append(again, x.Again)
		d.send()
		for _, s := range d.core.Due() {
			d.core.Allow(s)
		}
	}
	if len(again) == 1 { // the others were held until the first had gone
		t.Fatal("the others do not go")
	}
	d.sync()
	if got := d.settled(); !slices.Equal(again, []bool{true, false}) || !slices.Equal(got, []string{"11 ok", "12 ok", "13 dstm.depends"}) {
		t.Fatal(again, got)
	}
	if n := d.server.object("a").root.Find(tree.Path{"n"}).Leaf[0]; n != 2 {
		t.Error(n)
	}
}

// TestRestoredIsNotRefusedHere: whatever becomes of what it read or depends on, a restored transaction is not refused before the server was
// asked under its sequence, though its record says that it was never sent.
func TestRestoredIsNotRefusedHere(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	first, second := adds(d), adds(d)
	first.Sequence, second.Sequence, second.After = 11, 12, []uint64{11}
	saved, _, _ := d.core.Save("a", true)
	d.core = New(100, 1024)
	d.core.Restore("log", first, true, false)
	d.core.Restore("log", second, false, false)
	d.core.Restored(me)
	d.core.OpenSaved("a", saved, false)
	d.core.refuse(d.core.logged("log").find(11), status.New(status.Aborted, reason.Conflict, "lost"), nil)
	d.core.done()
	if got := d.settled(); !slices.Equal(got, []string{"11 dstm.conflict"}) {
		t.Fatal("with what it depends on:", got)
	}
	d.connect()
	o := d.core.objects["a"]
	d.core.install(o, &snapshot{epoch: "another", version: 1, position: 5, root: o.root})
	d.core.done()
	if got := d.settled(); len(got) > 0 {
		t.Fatal("with its epoch:", got)
	}
	d.core.abandon(o)
	d.core.done()
	if got := d.settled(); !slices.Equal(got, []string{"12 dstm.outcome_unknown unknown"}) {
		t.Fatal("with its log:", got)
	}
}

// TestConfirmedIsNotShownTwice: an own write that a stored object holds already, though its answer has not come, is not to be shown above it.
func TestConfirmedIsNotShownTwice(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	first := d.submitDurable()
	d.core.Due()
	d.core.Allow(first)
	if d.core.Hidden(first) {
		t.Fatal("hidden at once")
	}
	d.send()
	d.take(d.link.toClient[0]) // the change, without the answer
	if s, _ := d.core.State("a"); s.Version != 1 || !d.core.Hidden(first) {
		t.Fatal(s.Version, d.core.Hidden(first))
	}
}

// TestHiddenLandsWithItsObject: a durable transaction whose prediction was taken back is over only when its object holds what it wrote: its
// record must not go before.
func TestHiddenLandsWithItsObject(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	sent := adds(d)
	sent.Sequence = 11
	saved, _, _ := d.core.Save("a", true)
	d.core = New(100, 1024)
	d.core.Restore("log", sent, true, true)
	d.core.Restored(me)
	d.core.OpenSaved("a", saved, false)
	d.connect()
	landed := func() bool {
		return slices.ContainsFunc(d.core.Events(), func(e Event) bool { return e.Kind == Landed })
	}
	if err := d.core.committed(d.core.logged("log"), 11, 5, []uint64{1}); err != nil {
		t.Fatal(err)
	}
	d.core.done()
	if landed() {
		t.Fatal("it has landed in version 0, which came before it")
	}
	o := d.core.objects["a"]
	d.core.install(o, &snapshot{epoch: o.epoch, version: 1, position: 5, root: o.root})
	d.core.done()
	if !landed() {
		t.Fatal("it does not land")
	}
}

// TestNothingOvertakesTheRecord: behind a durable transaction that was refused here without having been sent nothing is sent for the first time before
// its end is stored: a process that begins now would send it as its record says, out of order.
func TestNothingOvertakesTheRecord(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	before, _, err := d.core.Submit(adds(d), 0)
	if err != nil {
		t.Fatal(err)
	}
	first := d.submitDurable()
	d.core.refuse(d.core.logged("log").find(first), status.New(status.Aborted, reason.Depends, "lost"), nil)
	behind, _, err := d.core.Submit(adds(d), first)
	if err != nil {
		t.Fatal(err)
	}
	d.sync()
	if got := d.settled(); !slices.Equal(got, []string{"2 dstm.depends", "1 ok"}) {
		t.Fatalf("%v, want only what stands before %d: %d", got, first, before)
	}
	d.core.Release(first)
	d.sync()
	if got := d.settled(); !slices.Equal(got, []string{"3 ok"}) {
		t.Fatalf("%v, want %d", got, behind)
	}
}

// TestLeftEpochOutlivesTheProcess: what was sent in an epoch that was over when the object was stored is not sent again if that epoch comes back.
func TestLeftEpochOutlivesTheProcess(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	sent := adds(d)
	sent.Sequence = 11
	before := d.server.epoch
	d.server.epoch = "another"
	d.cut()
	d.connect()
	d.sync()
	saved, _, _ := d.core.Save("a", true)
	if saved.Epoch != "another" {
		t.Fatal(saved.Epoch)
	}
	d.core = New(100, 1024)
	d.core.Restore("log", sent, true, false)
	d.core.Restored(me)
	d.core.OpenSaved("a", saved, false)
	d.server.epoch = before // the log was put back once more
	d.connect()
	d.sync()
	d.expect("11 dstm.outcome_unknown unknown")
	if len(d.server.entries) > 0 {
		t.Error("it was done all the same")
	}
}
