package replica

import (
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// made is a transaction that sets x, in its n-th attempt.
func made(s State, n uint64) txn.Transaction {
	d := draft{State: s, part: txn.Part{Object: "a", Epoch: s.Epoch, Base: s.Version}}
	set(30, "x")(&d)
	return txn.Transaction{Position: s.Seen, Attempt: n, Parts: []txn.Part{d.part}}
}

// TestWhatComesTooLateEarnsATurn: refused here it would never reach the server, however often its function runs, if that takes
// longer than others leave in peace what it reads.
func TestWhatComesTooLateEarnsATurn(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	state := d.state("a")
	d.foreign("a", set(1, "x"))
	d.sync()
	if _, path, err := d.core.Submit(made(state, 1), state.last()); err == nil || err.Reason != reason.Conflict || path.String() != "x" {
		t.Fatalf("the first attempt: %v", err)
	}
	state = d.state("a")
	d.foreign("a", set(2, "x"))
	d.sync()
	sequence, _, err := d.core.Submit(made(state, 2), state.last())
	if err != nil {
		t.Fatal(err)
	}
	d.sees("a", 2, "x") // what cannot be is not shown
	if s := d.state("a"); len(s.Pending) != 0 {
		t.Errorf("pending: %v", s.Pending)
	}
	d.sync()
	d.expect("1 dstm.conflict")
	if sequence != 1 {
		t.Errorf("sequence %d", sequence)
	}
	d.sees("a", 2, "x")
}

// TestWhatOwnOnesOvertookIsRefusedAtOnce: it is this client's own doing, and run again it reads those by value.
func TestWhatOwnOnesOvertookIsRefusedAtOnce(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	state := d.state("a")
	d.do("a", set(1, "x"))
	if _, path, err := d.core.Submit(made(state, 2), state.last()); err == nil || err.Reason != reason.Conflict || path.String() != "x" {
		t.Errorf("got %v", err)
	}
	d.sync()
	d.expect("1 ok")
}
