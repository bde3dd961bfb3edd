package replica

import (
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// narrow connects with a session that may read x and m/y of "a" alone.
func narrow(d *desk, paths ...tree.Path) {
	if paths == nil {
		paths = []tree.Path{{"m", "y"}, {"x"}}
	}
	d.link = &link{client: me, open: map[string]bool{}, readable: map[string][]tree.Path{"a": paths}}
	d.core.Connected(me)
}

func TestARestrictedReplica(t *testing.T) {
	d := newDesk(t)
	d.foreign("a", func(t *draft) { t.set(1, "x"); t.set(1, "m", "y"); t.set(1, "m", "secret") })
	narrow(d)
	d.open("a")
	d.sees("a", 1, "m", "y")
	d.sees("a", 0, "m", "secret")
	if s := d.state("a"); len(s.Readable) != 2 {
		t.Fatalf("readable %v", s.Readable)
	}
	d.core.Events()
	d.do("a", add(1, "x"))
	d.core.Events()
	before := d.state("a").Root
	d.foreign("a", func(t *draft) { t.set(2, "m", "secret") })
	d.receive()
	if d.state("a").Root != before {
		t.Fatal("a hidden change makes the predictions again")
	}
	if e := d.core.Events(); len(e) != 1 || e[0].Paths == nil || len(e[0].Paths) > 0 || e[0].Version != 2 {
		t.Fatalf("a hidden change tells %+v", e)
	}
	d.foreign("a", func(t *draft) {
		t.write(txn.Write{Op: txn.OpSet, Path: tree.Path{"m"}, Value: codec.AppendInt(codec.AppendString(codec.AppendMap(nil, 1), "y"), 5)})
	})
	d.receive()
	d.sees("a", 5, "m", "y")
}

// TestOwnWritesThatMayNotBeRead are neither predicted nor confirmed, and what of them may be read is seen once.
func TestOwnWritesThatMayNotBeRead(t *testing.T) {
	d := newDesk(t)
	narrow(d)
	d.open("a")
	d.do("a", func(t *draft) {
		t.add(3, "x")
		t.add(1, "secret")
		t.write(txn.Write{Op: txn.OpSet, Path: tree.Path{"m"}, Value: codec.AppendInt(codec.AppendString(codec.AppendMap(nil, 1), "y"), 5)})
	})
	seen := func() {
		t.Helper()
		d.sees("a", 3, "x")
		d.sees("a", 5, "m", "y")
		d.sees("a", 0, "secret")
	}
	seen()
	before := d.state("a").Root
	d.send()
	d.next()
	seen()
	if o := d.core.objects["a"]; len(o.layers) > 0 || string(before.Value()) != string(o.root.Value()) {
		t.Fatal("the change is not what was predicted")
	}
	d.receive()
	if m := d.made(); len(m) != 1 || m[0].Before != nil || len(m[0].Writes) != 3 {
		t.Fatalf("made %+v", m) // what it did where nothing may be read is not known
	}
	if n := number(&d.server.object("a").root, "secret"); n != 1 {
		t.Fatalf("the server has %d", n)
	}
}

// TestOtherReadablePaths: a resume point says where the replica is, not what of it is right. When another part may be read than
// before, it is opened anew.
func TestOtherReadablePaths(t *testing.T) {
	d := newDesk(t)
	d.foreign("a", func(t *draft) { t.set(1, "x"); t.set(1, "m", "y"); t.set(1, "m", "secret") })
	narrow(d)
	d.open("a")
	d.cut()
	narrow(d, tree.Path{"m", "secret"})
	d.sync()
	d.sees("a", 1, "m", "secret")
	d.sees("a", 0, "x")
	d.cut()
	d.do("a", func(t *draft) { t.add(1, "x"); t.add(1, "m", "secret") })
	d.sees("a", 0, "x")
	d.sees("a", 2, "m", "secret")
	d.connect()
	for len(d.core.requests) > 0 {
		d.core.Next()
		d.core.Sent()
	}
	d.server.snapshot(d.link, "a", func(value, shape codec.Raw, _ bool) []byte {
		b := codec.AppendInt(frame(kindOpened, theLog, 7), int64(d.core.objects["a"].request))
		b = d.server.appendPoint(codec.AppendString(b, "a"), 3, 1)
		return append(b, value...)
	})
	d.next()
	d.sees("a", 2, "x") // the prediction shows what may be read now
	d.sees("a", 2, "m", "secret")
	d.link.open["a"] = true
	d.sync()
	d.expect("1 ok")
}

func TestPiecesWithoutABeginning(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.cut()
	d.connect()
	d.core.Next()
	d.core.Sent()
	b := codec.AppendInt(frame(kindOpened, theLog, 9), int64(d.core.request))
	b = d.server.appendPoint(codec.AppendString(b, "a"), 0, 0)
	f, _ := parse(codec.AppendInt(codec.AppendNil(codec.AppendNil(b)), flagPieces))
	if d.core.Receive(f) == nil {
		t.Fatal("it was taken")
	}
}

func TestStrictAbsence(t *testing.T) {
	d := newDesk(t)
	d.server.object("a").strict = true
	d.connect()
	d.open("a")
	s := d.state("a")
	d.foreign("a", set(1, "x"))
	d.foreign("a", func(t *draft) { t.write(txn.Write{Op: txn.OpDelete, Path: tree.Path{"x"}}) })
	td := draft{State: s, part: txn.Part{Object: "a", Epoch: s.Epoch}}
	set(2, "x")(&td)
	try := txn.Transaction{Parts: []txn.Part{td.part}}
	d.core.Submit(try, 0) // x is still absent here, as far as is known
	d.receive()
	d.sees("a", 0, "x") // it came and went: the prediction does so too
	if _, path, err := d.core.Submit(try, 1); err == nil || err.Reason != reason.Conflict || path.String() != "x" {
		t.Fatal(err, path)
	}
}

// TestStrictAbsenceBehindAnOwnCommit: a prediction goes with what its own predecessor changed, although nothing else is seen of that.
func TestStrictAbsenceBehindAnOwnCommit(t *testing.T) {
	d := newDesk(t)
	d.server.object("a").strict = true
	d.connect()
	d.open("a")
	d.do("a", set(1, "x"))
	d.do("a", set(1, "y")) // it read that y is absent, and with it the keys above
	d.send()
	d.next()
	d.sees("a", 1, "x")
	d.sees("a", 0, "y")
	d.sync()
	d.expect("1 ok", "2 dstm.conflict")
}

// TestAGuardConflictsWithItsOutcomeAlone, here and in what is predicted.
func TestAGuardConflictsWithItsOutcomeAlone(t *testing.T) {
	d := newDesk(t)
	d.foreign("a", set(0, "n"))
	d.connect()
	d.open("a")
	few := func(t *draft) {
		t.part.Reads = append(t.part.Reads, txn.Read{Kind: txn.ReadGuard, Path: tree.Path{"n"}, Guard: txn.Less, Value: codec.AppendInt(nil, 3), Truth: true})
		t.add(1, "n")
	}
	first := d.state("a")
	for range 3 { // each is judged on those before, and depends on none
		if d.do("a", few); len(d.core.journals[0].queue[0].After) > 0 {
			t.Fatal("a guard makes a transaction depend on others")
		}
	}
	d.on(first, "a", func(t *draft) { // others have written there since: it does not matter to the outcome
		t.part.Reads = append(t.part.Reads, txn.Read{Kind: txn.ReadGuard, Path: tree.Path{"n"}, Guard: txn.Exists, Truth: true})
	})
	s := d.state("a")
	td := draft{State: s, part: txn.Part{Object: "a", Epoch: s.Epoch}}
	few(&td)
	if _, path, err := d.core.Submit(txn.Transaction{Parts: []txn.Part{td.part}}, 3); err == nil || path.String() != "n" {
		t.Fatal("a fourth passes", err, path)
	}
	d.sees("a", 3, "n")
	d.foreign("a", add(1, "n"))
	d.receive()
	d.sees("a", 3, "n") // the last of them no longer fits
	d.sync()
	d.expect("1 ok", "2 ok", "3 dstm.conflict", "4 ok")
	d.sees("a", 3, "n")
}

func TestAnnouncedLimits(t *testing.T) {
	d := newDesk(t)
	d.server.limits = Limits{Object: 100, Transaction: 300, Operations: 4}
	d.connect()
	d.open("a")
	if l := d.state("a").Limits; l != d.server.limits {
		t.Fatalf("limits %+v", l)
	}
	refused := func(fn func(*draft)) {
		t.Helper()
		s := d.state("a")
		td := draft{State: s, part: txn.Part{Object: "a", Epoch: s.Epoch}}
		fn(&td)
		if _, _, err := d.core.Submit(txn.Transaction{Parts: []txn.Part{td.part}}, s.last()); err == nil || err.Reason != reason.TooLarge {
			t.Fatal(err)
		}
	}
	bytes := func(n int, key string) func(*draft) {
		return func(t *draft) {
			t.write(txn.Write{Op: txn.OpSet, Path: tree.Path{key}, Value: codec.AppendBytes(nil, make([]byte, n))})
		}
	}
	refused(func(t *draft) {
		for i := range 5 {
			t.add(1, fmt.Sprint(i))
		}
	})
	refused(bytes(300, "x"))
	refused(bytes(100, "x"))
	d.do("a", bytes(60, "x"))
	refused(bytes(60, "y")) // with what is predicted
	d.foreign("a", bytes(200, "z"))
	d.sync()
	d.do("a", func(t *draft) { t.write(txn.Write{Op: txn.OpDelete, Path: tree.Path{"x"}}) }) // too large, but smaller than before
	d.sync()
	d.expect("1 ok", "2 ok")
}
