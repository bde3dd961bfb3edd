package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

func again(tx *txn.Transaction) *txn.Transaction {
	c := *tx
	c.Again = true
	return &c
}

func TestExactlyOnce(t *testing.T) {
	w := newWorld(t, Options{})
	first := w.tx(5, set(1, "x"))
	expect(t, w.decide(1, first), "committed 1")
	position := w.state.Position
	for _, copy := range []*txn.Transaction{first, again(first)} {
		d := w.decide(1, copy)
		if expect(t, d, "committed 1"); d.Position != position || d.Data != nil {
			t.Fatalf("not the first outcome: %+v", d)
		}
	}
	// The content counts, not when it was sent.
	moved := again(first)
	moved.Position, moved.Settled, moved.Metadata = 1, 3, raw(map[string]any{"trace": "1"})
	expect(t, w.decide(1, moved), "committed 1")
	other := w.tx(5, set(2, "x"))
	other.Parts[0].Base = 0
	expect(t, w.decide(1, other), "dstm.sequence_reused")
	expect(t, w.decide(1, w.tx(4, set(2, "x"))), "dstm.stale_sequence")
	expect(t, w.decide(1, again(w.tx(4, set(2, "x")))), "dstm.stale_sequence")
	// Another client has its own numbers.
	expect(t, w.decide(2, w.tx(5, set(2, "x"))), "committed 2")
	// What is settled is forgotten.
	next := w.tx(6, set(3, "x"))
	next.Settled = 5
	expect(t, w.decide(1, next), "committed 3")
	expect(t, w.decide(1, again(first)), "dstm.stale_sequence")
}

func TestRefusalsOnce(t *testing.T) {
	w := newWorld(t, Options{})
	stale := w.tx(1, set(9, "x"))
	stale.Parts[0].Reads = []txn.Read{{Kind: txn.ReadAbsent, Path: path("x")}}
	expect(t, w.decide(2, w.tx(1, set(1, "x"))), "committed 1")

	// A first sending leaves no trace in the log ...
	d := w.decide(1, stale)
	if expect(t, d, "dstm.conflict"); d.Data != nil {
		t.Fatal("the refusal of a first sending was logged")
	}
	// ... and is refused for good, though it would hold by now.
	expect(t, w.decide(2, w.tx(2, del("x"))), "committed 2")
	d = w.decide(1, stale)
	if expect(t, d, "dstm.conflict"); d.Data != nil {
		t.Fatal("logged")
	}
	// Sent again, the refusal goes to the log, once.
	d = w.decide(1, again(stale))
	if expect(t, d, "dstm.conflict"); d.Data == nil || d.Entry.Kind != Refuse {
		t.Fatal("the refusal of what was sent again was not logged")
	}
	w.memory = Memory{} // as after a restart
	d = w.decide(1, again(stale))
	if expect(t, d, "dstm.conflict"); d.Data != nil || len(d.Refusal.Conflicts) != 1 {
		t.Fatal("not the first outcome")
	}
	expect(t, w.decide(1, w.tx(1, set(1, "y"))), "dstm.conflict")
}

// After a restart a refusal that was not logged is forgotten; whoever did not hear it may send again, and it is run.
// TestRefusalBelowCommit: the refusal of a first sending is told again also when the client has committed under higher sequences since.
func TestRefusalBelowCommit(t *testing.T) {
	w := newWorld(t, Options{})
	expect(t, w.decide(2, w.tx(1, set(1, "x"))), "committed 1")
	stale := w.tx(5, set(9, "x"))
	stale.Parts[0].Base, stale.Parts[0].Reads = 0, []txn.Read{{Kind: txn.ReadAbsent, Path: path("x")}}
	expect(t, w.decide(1, stale), "dstm.conflict")
	expect(t, w.decide(1, w.tx(6, add(1, "n"))), "committed 2")
	for _, copy := range []*txn.Transaction{stale, again(stale)} {
		if d := w.decide(1, copy); d.Data != nil {
			t.Error("it is logged")
		} else {
			expect(t, d, "dstm.conflict")
		}
	}
	expect(t, w.decide(1, again(w.tx(4, set(9, "x")))), "dstm.stale_sequence")
}

func TestUnloggedRefusalIsForgotten(t *testing.T) {
	w := newWorld(t, Options{})
	stale := w.tx(1, set(9, "x"))
	stale.Parts[0].Reads = []txn.Read{{Kind: txn.ReadAbsent, Path: path("x")}}
	expect(t, w.decide(2, w.tx(1, set(1, "x"))), "committed 1")
	expect(t, w.decide(1, stale), "dstm.conflict")
	expect(t, w.decide(2, w.tx(2, del("x"))), "committed 2")
	w.memory = Memory{}
	expect(t, w.decide(1, again(stale)), "committed 3")
	expect(t, w.decide(1, again(stale)), "committed 3")
}

func TestDecidedBefore(t *testing.T) {
	denied := &Refusal{Code: status.PermissionDenied, Reason: "dstm.denied"}
	w := newWorld(t, Options{})
	tx := w.tx(1, set(1, "x"))
	expect(t, w.decide(1, tx), "committed 1")
	// It was allowed when it committed.
	expect(t, w.request(&Request{Client: ID{1}, Tx: again(tx), Refusal: denied}), "committed 1")
	d := w.request(&Request{Client: ID{1}, Tx: again(w.tx(2, set(1, "x"))), Refusal: denied})
	if expect(t, d, "dstm.denied"); d.Data == nil {
		t.Error("a copy might commit elsewhere")
	}
	malformed := &txn.Transaction{Sequence: 3, Again: true}
	d = w.request(&Request{Client: ID{1}, Tx: malformed, Refusal: &Refusal{Code: status.InvalidArgument, Reason: "dstm.invalid"}})
	if expect(t, d, "dstm.invalid"); d.Data != nil {
		t.Error("what can never commit need not be logged")
	}
}

func TestEpochs(t *testing.T) {
	w := newWorld(t, Options{})
	first := w.tx(1, set(1, "x"))
	expect(t, w.decide(1, first), "committed 1")
	second, third := w.tx(2, set(2, "x")), w.tx(3, set(2, "x"))
	w.begin("epoch-2")
	expect(t, w.decide(1, again(first)), "committed 1") // it is in this log
	expect(t, w.decide(1, second), "dstm.conflict")
	d := w.decide(1, again(third))
	if expect(t, d, "dstm.outcome_unknown"); !d.Refusal.Unknown || d.Refusal.Code != status.Unavailable || d.Data != nil {
		t.Errorf("%+v", d)
	}
	expect(t, w.decide(1, w.tx(4, set(2, "x"))), "committed 2")
}

func TestTooManyUnsettled(t *testing.T) {
	w := newWorld(t, Options{})
	for i := range uint64(MaxUnsettled) {
		if d := w.decide(1, w.tx(i+1, add(1, "n"))); d.Refusal != nil {
			t.Fatal(d.Refusal)
		}
	}
	expect(t, w.decide(1, w.tx(100, add(1, "n"))), "dstm.busy")
	tx := w.tx(101, add(1, "n"))
	tx.Settled = 1
	expect(t, w.decide(1, tx), "committed 65")
	if n := len(w.state.Client(ID{1}).Commits); n != MaxUnsettled {
		t.Errorf("%d commits are remembered", n)
	}
	expect(t, w.decide(1, again(w.tx(102, add(1, "n")))), "dstm.busy")
	if got := w.state.Client(ID{1}).Refusals; len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestRefusalsAreBounded(t *testing.T) {
	w := newWorld(t, Options{})
	w.decide(2, w.tx(1, set(1, "x")))
	for i := range uint64(200) {
		tx := w.tx(i+1, set(1, "y"))
		tx.Parts[0].Reads = []txn.Read{{Kind: txn.ReadAbsent, Path: path("x")}}
		expect(t, w.decide(1, again(tx)), "dstm.conflict")
		tx = w.tx(i+1, set(1, "y"))
		tx.Parts[0].Reads = []txn.Read{{Kind: txn.ReadAbsent, Path: path("x")}}
		expect(t, w.decide(3, tx), "dstm.conflict")
	}
	if n := len(w.state.Client(ID{1}).Refusals); n != maxRefusals {
		t.Errorf("%d logged refusals", n)
	}
	if m := w.memory.of(ID{3}); len(m.refusals) != maxRefusals || m.last != 200 {
		t.Errorf("%d refusals in memory", len(m.refusals))
	}
	// One that was dropped is still refused.
	expect(t, w.decide(1, again(w.tx(3, set(1, "y")))), "dstm.stale_sequence")
	expect(t, w.decide(3, w.tx(3, set(1, "y"))), "dstm.stale_sequence")
	for i := range 3 * generation {
		w.memory = w.memory.with(ID{byte(i), byte(i >> 8), 9}, 0, Refused{Sequence: 1})
	}
	if n := w.memory.young.Len() + w.memory.old.Len(); n > 2*generation {
		t.Errorf("the memory holds %d clients", n)
	}
}

func TestForgottenClients(t *testing.T) {
	w := newWorld(t, Options{Retention: time.Hour})
	lost := w.tx(2, add(1, "n"))
	expect(t, w.decide(1, w.tx(1, add(1, "n"))), "committed 1")
	expect(t, w.decide(1, lost), "committed 2")
	w.now += int64(time.Hour) + 1
	early := w.tx(1, add(1, "n"))
	early.Position = 2 // client 3 saw this before client 1 was forgotten
	expect(t, w.decide(2, w.tx(1, add(1, "n"))), "committed 3")
	if w.state.Client(ID{1}) != nil || w.state.Forgotten != 3 {
		t.Fatalf("client 1 is remembered, or forgotten at %d", w.state.Forgotten)
	}
	// It did commit: never again.
	expect(t, w.decide(1, again(lost)), "dstm.outcome_unknown")
	// A client that is not known and whose transaction is as old might have been forgotten as well.
	expect(t, w.decide(3, again(early)), "dstm.outcome_unknown")
	// A younger one cannot have committed before anything that was forgotten.
	expect(t, w.decide(3, again(w.tx(1, add(1, "n")))), "committed 4")
	expect(t, w.decide(1, w.tx(3, add(1, "n"))), "committed 5")
}

// A record that began again after one was dropped does not tell what the dropped one knew.
func TestForgottenClientsBeginAgain(t *testing.T) {
	w := newWorld(t, Options{Retention: time.Hour})
	lost, refused, late := w.tx(2, add(1, "n")), w.tx(3, add(1, "text")), w.tx(4, add(1, "n"))
	expect(t, w.decide(1, w.tx(1, set("t", "text"))), "committed 1")
	expect(t, w.decide(1, lost), "committed 2")
	expect(t, w.decide(1, refused), "dstm.conflict")
	expect(t, w.decide(1, late), "committed 3")
	w.now += int64(time.Hour) + 1
	expect(t, w.decide(2, w.tx(1, add(1, "n"))), "committed 4")
	if w.state.Client(ID{1}) != nil {
		t.Fatal("client 1 is remembered")
	}
	newer := *refused
	newer.Position = w.state.Position
	expect(t, w.decide(1, again(&newer)), "dstm.conflict") // remembered beside the log, and now in it
	if c := w.state.Client(ID{1}); c == nil || c.Began != w.state.Position || c.Last != 3 {
		t.Fatalf("%+v", c)
	}
	for _, tx := range []*txn.Transaction{lost, late} {
		d := w.decide(1, again(tx))
		if expect(t, d, "dstm.outcome_unknown"); !d.Refusal.Unknown || d.Data != nil {
			t.Errorf("%+v", d)
		}
	}
	w.state = w.restart(&w.state)
	expect(t, w.decide(1, again(late)), "dstm.outcome_unknown")
	// What it made since the record began is known as ever.
	next := w.tx(9, add(1, "n"))
	expect(t, w.decide(1, next), "committed 5")
	expect(t, w.decide(1, again(next)), "committed 5")
	expect(t, w.decide(1, again(w.tx(10, add(1, "n")))), "committed 6")
}

// A first copy that comes so late that what was sent again after it is forgotten is not run.
func TestLateFirstCopy(t *testing.T) {
	for _, test := range []struct {
		name  string
		fails bool // what was sent again was refused, and logged
		anew  bool // the client has a record again, which begins below the late ones
	}{{"committed", false, false}, {"refused", true, false}, {"begun anew", false, true}} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, Options{MaxClients: 1})
			expect(t, w.decide(2, w.tx(1, set(1, "x"))), "committed 1")
			small, first := w.tx(3, set(2, "y")), w.tx(5, add(1, "n"))
			if test.fails {
				first.Parts[0].Reads = []txn.Read{{Kind: txn.ReadAbsent, Path: path("x")}}
				expect(t, w.decide(1, again(first)), "dstm.conflict")
			} else {
				expect(t, w.decide(1, again(first)), "committed 2")
			}
			if d := w.decide(2, w.tx(2, del("x"))); d.Refusal != nil {
				t.Fatal(d.Refusal)
			}
			if w.state.Client(ID{1}) != nil {
				t.Fatal("client 1 is remembered")
			}
			if test.anew {
				small.Position = w.state.Position
				expect(t, w.decide(1, small), "committed 4")
			}
			for range 2 {
				d := w.decide(1, first)
				if expect(t, d, "dstm.conflict"); d.Data != nil || !d.Old {
					t.Fatalf("%+v", d)
				}
			}
			// Nobody was told that, nor is it remembered against those who ask.
			d := w.decide(1, again(first))
			if expect(t, d, "dstm.outcome_unknown"); d.Data != nil {
				t.Fatalf("%+v", d)
			}
			// The server's own transactions have no copies. Who has seen more is believed.
			version := w.state.Object("o").Version
			old := w.tx(1, add(1, "n"))
			old.Position = 0
			expect(t, w.request(&Request{Client: ID{9}, Time: w.now, Tx: old, Own: true}), fmt.Sprint("committed ", version+1))
			expect(t, w.decide(1, w.tx(6, add(1, "n"))), fmt.Sprint("committed ", version+2))
		})
	}
}

// What a node remembers of a copy that it refused says nothing about the copy that committed on another node after that, once the log
// has forgotten it.
func TestForgottenElsewhere(t *testing.T) {
	w := newWorld(t, Options{MaxClients: 1})
	expect(t, w.decide(2, w.tx(1, set(1, "x"))), "committed 1")
	tx := w.tx(1, add(1, "n"))
	tx.Parts[0].Reads = []txn.Read{{Kind: txn.ReadAbsent, Path: path("x")}}
	expect(t, w.decide(1, tx), "dstm.conflict") // here
	expect(t, w.decide(2, w.tx(2, del("x"))), "committed 2")
	here := w.memory
	w.memory = Memory{} // elsewhere
	expect(t, w.decide(1, again(tx)), "committed 3")
	expect(t, w.decide(2, w.tx(3, set(1, "x"))), "committed 4")
	w.memory = here
	d := w.decide(1, again(tx))
	if expect(t, d, "dstm.outcome_unknown"); d.Data != nil {
		t.Errorf("%+v", d)
	}
}

// What was tried once may be in the log though it was sent only once: if the record that could tell was dropped, it is not
// judged anew.
func TestForgottenAttempt(t *testing.T) {
	w := newWorld(t, Options{MaxClients: 1})
	tried := &Request{Client: ID{1}, Time: w.now, Tx: w.tx(1, add(1, "n")), Tried: true, Behind: w.state.Position}
	expect(t, w.request(tried), "committed 1") // not in the log yet, as is seen there
	expect(t, w.request(tried), "committed 1") // known
	expect(t, w.decide(2, w.tx(1, add(1, "n"))), "committed 2")
	if w.state.Client(ID{1}) != nil {
		t.Fatal("client 1 is remembered")
	}
	d := w.request(tried)
	if expect(t, d, "dstm.outcome_unknown"); !d.Refusal.Unknown || d.Data != nil {
		t.Errorf("%+v", d)
	}
	// Nothing that was forgotten stands behind this one.
	tried = &Request{Client: ID{3}, Time: w.now, Tx: w.tx(1, add(1, "n")), Tried: true, Behind: w.state.Position}
	expect(t, w.request(tried), "committed 3")
}

func TestClientLimit(t *testing.T) {
	w := newWorld(t, Options{MaxClients: 3})
	for i := range byte(10) {
		w.decide(i, w.tx(1, add(1, "n")))
		w.decide(0, w.tx(uint64(i)+2, add(1, "n"))) // one that is always there
	}
	if n := w.state.Clients(); n != 3 || w.state.Client(ID{0}) == nil || w.state.Client(ID{9}) == nil || w.state.Client(ID{7}) != nil {
		t.Errorf("%d clients", n)
	}
	if w.state.ages.Len() != w.state.clients.Len() {
		t.Errorf("%d ages of %d clients", w.state.ages.Len(), w.state.clients.Len())
	}
}

// Two states that follow on one are apart, although both remember the same commits and one more each.
func TestBranches(t *testing.T) {
	w := newWorld(t, Options{})
	for i := range uint64(5) {
		expect(t, w.decide(1, w.tx(1+i, set(1, "x"))), fmt.Sprint("committed ", 1+i))
	}
	var states []State
	for i := range uint64(3) {
		tx := w.tx(6+i, set(1, "x"))
		next, _, d := Decide(w.state, Memory{}, &Request{Client: ID{1}, Time: w.now, Tx: tx})
		expect(t, d, "committed 6")
		states = append(states, next)
	}
	for i, s := range states {
		commits := s.Client(ID{1}).Commits
		if len(commits) != 6 || commits[5].Sequence != 6+uint64(i) {
			t.Errorf("branch %d remembers %+v", i, commits)
		}
	}
	if n := len(w.state.Client(ID{1}).Commits); n != 5 {
		t.Errorf("the state before remembers %d", n)
	}
}
