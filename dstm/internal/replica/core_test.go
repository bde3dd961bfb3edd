package replica

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

func TestPredictionIsSeenAtOnceAndOnceOnly(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.do("a", add(2, "n"))
	d.sees("a", 2, "n")
	d.sync()
	d.sees("a", 2, "n")
	d.expect("1 ok")
	if s := d.state("a"); len(s.Pending) > 0 || s.Version != 1 {
		t.Fatalf("state %+v", s)
	}
}

func TestConflictComesBehindTheChangeThatCausedIt(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.foreign("a", set(1, "x")) // not yet here
	d.do("a", set(2, "x"))
	d.sees("a", 2, "x")
	d.send()
	d.take(d.link.toClient[0]) // the change alone takes the prediction back
	d.link.toClient = d.link.toClient[1:]
	d.sees("a", 1, "x")
	d.expect()
	d.receive()
	d.expect("1 dstm.conflict")
	d.do("a", set(2, "x"))
	d.sync()
	d.expect("2 ok")
	d.sees("a", 2, "x")
}

func TestLostAnswer(t *testing.T) {
	for _, forget := range []int{0, 100} {
		t.Run(fmt.Sprint("snapshot ", forget), func(t *testing.T) {
			d := newDesk(t)
			d.server.forget = forget
			d.connect()
			d.open("a")
			d.do("a", add(1, "n"))
			d.send()
			d.do("a", add(10, "n")) // never sent
			d.cut()
			d.sees("a", 11, "n")
			d.connect()
			d.send()
			if k := d.core.Next(); k != nil {
				t.Fatal("a transaction goes before all objects are open")
			}
			d.receive()
			d.sees("a", 11, "n") // nothing twice, the unsent one still shown
			d.sync()
			d.sees("a", 11, "n")
			d.expect("1 ok", "2 ok")
			if v := d.server.object("a").version; v != 2 {
				t.Fatalf("version %d", v)
			}
		})
	}
}

func TestGapOpensAgainWithoutResume(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.foreign("a", set(1, "x"))
	d.foreign("a", set(2, "x"))
	d.link.toClient = d.link.toClient[1:]
	d.receive()
	if d.state("a").Version != 0 {
		t.Fatal("a change behind a gap was applied")
	}
	b := d.core.Next()
	f, _ := parse(b)
	f.Body.Skip()
	f.Body.Skip()
	if f.Kind != kindOpen || !f.Body.Nil() {
		t.Fatalf("after a gap the core sends kind %d with a resume point", f.Kind)
	}
	d.sync()
	d.sees("a", 2, "x")
}

func TestDependentsFallWithWhatTheyPresume(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.foreign("a", set(1, "x"))
	d.do("a", set(2, "x"))
	d.do("a", func(t *draft) { t.observe(tree.Path{"x"}); t.set(3, "y") })
	d.do("a", set(4, "z"))
	d.sync()
	d.expect("1 dstm.conflict", "2 dstm.depends", "3 ok")
	d.sees("a", 0, "y")
}

func TestDependentsNeverSentFallAtOnce(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.cut()
	first := d.do("a", set(2, "x"))
	d.do("a", func(t *draft) { t.observe(tree.Path{"x"}); t.set(3, "y") })
	if !d.core.Withdraw(first) {
		t.Fatal("not withdrawn")
	}
	d.expect("2 dstm.depends")
	d.sees("a", 0, "x")
	if len(d.state("a").Pending) > 0 {
		t.Fatal("predictions are left")
	}
}

func TestWithdrawAfterSendingIsRefused(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	seq := d.do("a", add(1, "n"))
	d.send()
	d.cut()
	if d.core.Withdraw(seq) {
		t.Fatal("withdrawn although it may have been sent")
	}
	d.connect()
	d.sync()
	d.expect("1 ok")
}

func TestAfterNamesWhatIsStillRemembered(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.do("a", set(1, "x"))
	old := d.state("a")
	d.sync()
	d.expect("1 ok")
	// Made on a state in which 1 was pending, given after it was answered.
	d.on(old, "a", func(t *draft) { t.observe(tree.Path{"x"}); t.set(2, "y") })
	d.sync()
	d.expect("2 ok")
	d.do("a", add(1, "n")) // tells the server that 1 and 2 are settled
	d.sync()
	d.expect("3 ok")
	td := draft{State: old, part: txn.Part{Object: "a", Epoch: "e1"}}
	td.observe(tree.Path{"x"})
	_, _, err := d.core.Submit(txn.Transaction{After: td.after, Parts: []txn.Part{td.part}}, 1)
	if err == nil || err.Reason != reason.Depends {
		t.Fatalf("depends on a settled one: %v", err)
	}
}

func TestAtMost64Unanswered(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	for range 200 {
		d.do("a", add(1, "n"))
	}
	if n := len(d.send()); n != MaxUnanswered {
		t.Fatalf("%d in flight", n)
	}
	d.sync()
	d.sees("a", 200, "n")
	if got := number(&d.server.object("a").root, "n"); got != 200 {
		t.Fatal(got)
	}
}

// TestManyDependOnOne has more transactions presume the first than the server remembers commits.
func TestManyDependOnOne(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.do("a", set(1, "x"))
	for i := range 150 {
		d.do("a", func(t *draft) { t.observe(tree.Path{"x"}); t.set(1, fmt.Sprint("y", i)) })
	}
	d.sync() // the server would find fault
	again := 0
	for _, s := range d.settled() {
		if s[len(s)-2:] != "ok" {
			again++
		}
	}
	if again > 150-MaxUnanswered+2 || d.core.queued != 0 {
		t.Fatalf("%d must run again, %d unanswered", again, d.core.queued)
	}
}

func TestNewEpoch(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.do("a", add(1, "n"))
	d.send()
	d.do("a", add(1, "n"))
	d.cut()
	d.server.epoch = "e2"
	d.connect()
	d.send()
	d.receive()
	d.sees("a", 1, "n")
	d.expect("2 dstm.conflict") // never sent: certainly not done
	f, _ := parse(d.core.Next())
	seq := f.Body.Int()
	f.Body.Skip()
	if flags := f.Body.Int(); seq != 1 || flags != 1 {
		t.Fatalf("sequence %d with flags %d", seq, flags)
	}
}

// TestEpochComesBack: a new epoch begins, and then the log is put back to before. What was sent before that is of another history,
// though it names this epoch.
func TestEpochComesBack(t *testing.T) {
	for _, again := range []bool{false, true} { // it was sent again in the new epoch
		d := newDesk(t)
		d.connect()
		d.open("a")
		d.do("a", add(1, "n"))
		d.core.Next()
		d.core.Sent() // and never came
		d.cut()
		first := d.server.epoch
		d.server.epoch = "e2"
		d.connect()
		d.server.handle(d.link, slices.Clone(d.core.Next()), nil)
		d.core.Sent()
		d.receive()
		if again {
			d.core.Next()
			d.core.Sent()
		}
		d.expect() // this epoch's log may have it
		d.cut()
		d.server.epoch = first
		d.connect()
		d.sync()
		d.expect("1 dstm.outcome_unknown unknown")
		d.sees("a", 0, "n")
		d.do("a", add(1, "n"))
		d.sync()
		d.expect("2 ok")
	}
}

func TestAnotherClientDoesNotSendAgain(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.do("a", add(1, "n"))
	d.send()
	d.cut()
	d.link = &link{client: [16]byte{9}, open: map[string]bool{}}
	d.core.Connected([16]byte{9})
	d.sync()
	d.expect("1 dstm.outcome_unknown unknown")
	d.sees("a", 1, "n")
}

func TestMovedToAnotherLog(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.do("a", add(1, "n"))
	d.send()
	d.do("a", add(1, "n"))
	d.cut()
	d.connect()
	request := int64(d.core.request)
	d.core.Next()
	d.core.Sent()
	b := codec.AppendInt(frame(kindOpened, "elsewhere", 7), request)
	b = d.server.appendPoint(codec.AppendString(b, "a"), 0, 0)
	d.take(codec.AppendMap(b, 0))
	d.expect("2 dstm.conflict", "1 dstm.outcome_unknown unknown")
	if s := d.state("a"); s.Log != "elsewhere" || len(s.Pending) > 0 || number(s.Root, "n") != 0 {
		t.Fatalf("state %+v", s)
	}
	if len(d.core.journals) != 1 {
		t.Fatal("the old log is kept")
	}
}

// A close goes at once, whatever is under way, in the stream of the opens.
func TestCloseGoesBeforeTheNextOpen(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.do("a", func(t *draft) {
		t.write(txn.Write{Op: txn.OpSet, Path: tree.Path{"x"}, Value: codec.AppendBytes(nil, make([]byte, 20_000))})
	})
	d.send()
	d.core.Close("a")
	d.core.Open("a")
	d.core.Close("a") // before that was sent
	d.core.Open("a")
	f, err := parse(d.core.Next())
	if stream, ok := f.StreamText(); err != nil || f.Kind != kindClose || !ok || stream != "" {
		t.Fatalf("kind %d in stream %q, %v", f.Kind, stream, err)
	}
	if kinds := d.send(); !slices.Equal(kinds, []int{kindClose, kindOpen}) {
		t.Fatalf("sent %v", kinds)
	}
	d.sync()
	if !d.link.open["a"] {
		t.Fatal("closed at the server")
	}
	// Closed while the answer to its opening is on the way: that answer is about nothing any more.
	d.core.Close("a")
	d.core.Open("a")
	d.send()
	d.core.Close("a")
	d.sync()
	if _, ok := d.core.State("a"); ok || d.link.open["a"] {
		t.Fatal("open after all")
	}
}

func TestRefusedForNowIsAskedAgain(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.cut()
	d.connect()
	d.core.Next()
	d.core.Sent()
	refuse := func(err *status.Error) {
		b := codec.AppendInt(frame(kindRefused, "", 3), int64(d.core.request))
		d.take(transport.AppendError(codec.AppendString(b, "a"), err))
	}
	refuse(status.New(status.Unavailable, reason.Closed, "not now"))
	if !d.core.Waiting() || d.core.Next() != nil {
		t.Fatal("does not wait")
	}
	d.sees("a", 0)
	d.core.Again()
	d.core.Next()
	d.core.Sent()
	d.core.Events()
	refuse(status.New(status.PermissionDenied, "dstm.denied", "no"))
	if e := d.core.Events(); len(e) != 1 || e[0].Kind != Ended || e[0].Object != "a" {
		t.Fatalf("events %+v", e)
	}
	if _, ok := d.core.State("a"); ok || d.core.Waiting() {
		t.Fatal("it is still there")
	}
}

func TestLimits(t *testing.T) {
	d := newDesk(t)
	d.core.limit = 3
	d.connect()
	d.open("a")
	for range 3 {
		d.do("a", add(1, "n"))
	}
	s := d.state("a")
	part := txn.Part{Object: "a", Epoch: s.Epoch}
	_, _, err := d.core.Submit(txn.Transaction{Parts: []txn.Part{part}}, 0)
	if err == nil || err.Reason != reason.Busy {
		t.Fatal(err)
	}
	d.sync()
	part.Writes = []txn.Write{{Op: txn.OpSet, Path: tree.Path{"x"}, Value: codec.AppendBytes(nil, make([]byte, txn.MaxBytes))}}
	if _, _, err = d.core.Submit(txn.Transaction{Parts: []txn.Part{part}}, 0); err == nil || err.Reason != reason.TooLarge {
		t.Fatal(err)
	}
	if _, _, err = d.core.Submit(txn.Transaction{Parts: []txn.Part{{Object: "b"}}}, 0); err == nil || err.Reason != reason.Closed {
		t.Fatal(err)
	}
}

func TestUnsendable(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.do("a", add(1, "n"))
	d.core.Next()
	d.core.Unsendable(status.New(status.ResourceExhausted, reason.TooLarge, "too large"))
	d.expect("1 dstm.too_large")
	d.sees("a", 0, "n")
}

func TestResetReplaces(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.foreign("a", set(1, "x"))
	d.link.toClient = nil
	d.server.reset(d.link, "a")
	d.receive()
	d.sees("a", 1, "x")
	d.foreign("a", set(2, "x"))
	d.receive()
	d.sees("a", 2, "x")
}

// TestTwoOnOneState has two users of one client start from the same state: the second is refused at once, since
// it could not commit behind the first.
func TestTwoOnOneState(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	s := d.state("a")
	d.on(s, "a", set(1, "x"))
	d.on(s, "a", set(1, "y")) // does not touch what the first wrote
	td := draft{State: s, part: txn.Part{Object: "a", Epoch: s.Epoch}}
	set(2, "x")(&td)
	_, path, err := d.core.Submit(txn.Transaction{Parts: []txn.Part{td.part}}, s.last())
	if err == nil || err.Reason != reason.Conflict || path.String() != "x" {
		t.Fatal(err, path)
	}
	d.sync()
	d.expect("1 ok", "2 ok")
	_, path, err = d.core.Submit(txn.Transaction{Parts: []txn.Part{td.part}}, s.last())
	if err == nil || err.Reason != reason.Conflict || path.String() != "x" {
		t.Fatal(err, path)
	}
}

// TestDependentsWithoutReads: what was written into a map that another transaction makes goes with that one, as soon as
// its prediction does.
func TestDependentsWithoutReads(t *testing.T) {
	for _, sent := range []bool{true, false} {
		d := newDesk(t)
		d.connect()
		d.open("a")
		d.foreign("a", set(1, "x"))
		held := d.link.toClient
		d.link.toClient = nil
		d.do("a", func(t *draft) { set(2, "x")(t); t.set(1, "map", "k") })
		d.do("a", func(t *draft) { t.set(7, "map", "other") })
		if sent {
			d.send()
		}
		d.sees("a", 7, "map", "other")
		answers := d.link.toClient
		d.take(held[0]) // the change
		d.sees("a", 0, "map", "other")
		d.link.toClient = answers
		d.sync()
		d.expect("1 dstm.conflict", "2 dstm.depends")
	}
}

func TestRefusalTakesDependentsBack(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.server.busy = 100
	d.do("a", func(t *draft) { t.set(1, "map", "k") })
	d.do("a", func(t *draft) { t.set(7, "map", "other") })
	d.send()
	d.take(d.link.toClient[0])
	d.expect("1 dstm.busy")
	d.sees("a", 0, "map", "other")
}

func TestWriteIntoAnOwnMapHolds(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.do("a", func(t *draft) { t.set(1, "map", "k") })
	d.send()
	d.do("a", func(t *draft) { t.set(7, "map", "other") })
	d.foreign("a", set(1, "x"))
	d.receive()
	d.expect("1 ok")
	d.sees("a", 7, "map", "other")
	d.sync()
	d.expect("2 ok")
}

// TestPredictionAcrossASnapshot: what was not touched is still predicted, what was is not.
func TestPredictionAcrossASnapshot(t *testing.T) {
	d := newDesk(t)
	d.server.forget = 100
	d.foreign("a", func(t *draft) { t.set(1, "map", "x"); t.set(1, "map", "y"); t.set(1, "map", "z") })
	d.connect()
	d.open("a")
	d.cut()
	d.do("a", set(2, "map", "x"))
	d.do("a", set(2, "map", "y"))
	d.foreign("a", set(3, "map", "x"))
	d.connect()
	d.send()
	d.receive()
	d.sees("a", 3, "map", "x")
	d.sees("a", 2, "map", "y")
	d.sees("a", 1, "map", "z")
	d.sync()
	d.expect("1 dstm.conflict", "2 ok")
}

// TestOwnChangeThatDiffers: what the server says was written counts, whatever was asked for.
func TestOwnChangeThatDiffers(t *testing.T) {
	number := codec.AppendInt(nil, 5)
	list := codec.AppendArray(codec.AppendArray(codec.AppendArray(nil, 1), 2), 0) // the shape of a list that is the value itself
	shape := codec.AppendString(codec.AppendArray(slices.Clone(list), 1), "id")
	for _, differ := range []func(w *txn.Write){
		func(w *txn.Write) { w.Path = tree.Path{"other"} },
		func(w *txn.Write) { w.Value, w.Shape = number, nil },
		func(w *txn.Write) { w.Shape = nil },
		func(w *txn.Write) { w.ID = "j" },
		func(w *txn.Write) { w.Place = first },
	} {
		d := newDesk(t)
		d.foreign("a", insert("z", last))
		d.connect()
		d.open("a")
		w := txn.Write{Op: txn.OpInsert, Path: tree.Path{"list"}, ID: "i", Place: last, Value: append(codec.AppendArray(nil, 1), 1), Shape: shape}
		d.do("a", func(t *draft) { t.write(w) })
		d.do("a", add(1, "m"))
		d.send()
		d.link.toClient = nil
		e := d.server.entries[1]
		e.parts[0].writes = slices.Clone(e.parts[0].writes)
		differ(&e.parts[0].writes[0])
		d.take(appendChange(&e, func(string) bool { return true }))
		want := tree.Node{}
		want, _, err := txn.Apply(want, slices.Concat(d.server.entries[0].parts[0].writes, e.parts[0].writes), 1)
		if err == nil {
			want, err = want.Add(tree.Path{"m"}, codec.AppendInt(nil, 1), nil, nil, 2)
		}
		s := d.state("a")
		if err != nil || string(s.Root.Value()) != string(want.Value()) || string(s.Root.Shape()) != string(want.Shape()) {
			t.Fatalf("%+v: it is %x, %v", e.parts[0].writes, s.Root.Value(), err)
		}
	}
}

func TestGraft(t *testing.T) {
	value := func(v map[string]any) tree.Node {
		raw, err := codec.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		n, err := tree.New(raw, nil, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	rng := rand.New(rand.NewPCG(3, 3))
	random := func() map[string]any {
		m := map[string]any{}
		for range rng.IntN(4) {
			inner := map[string]any{}
			for range rng.IntN(3) {
				inner[string(rune('a'+rng.IntN(3)))] = rng.IntN(2)
			}
			m[string(rune('a'+rng.IntN(4)))] = []any{inner, 1, "x"}[rng.IntN(3)]
		}
		return m
	}
	for range 2000 {
		old, fresh := value(random()), value(random())
		got := tree.Graft(&old, &fresh, 9)
		if string(got.Value()) != string(fresh.Value()) {
			t.Fatalf("%x", got.Value())
		}
		if same := string(old.Value()) == string(fresh.Value()); same != (got == &old) {
			t.Fatal("an equal value is not shared, or another is")
		}
		tree.Diff(nil, &old, got, func(path tree.Path, before, after *tree.Node, _ bool) bool {
			if after != nil && after.Changed() != 9 && after.Changed() != 1 || got.Below != 9 {
				t.Fatal("versions")
			}
			return true
		})
	}
}
