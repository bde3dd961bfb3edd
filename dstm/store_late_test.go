package dstm_test

import (
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/transport"
)

// forgetful is a node that remembers one client.
func forgetful(t *testing.T, log dstm.Log) *node {
	return newNode(t, log, &dstm.StoreOptions{MaxClients: 1}, nil)
}

// addition is a transaction that conflicts with nothing.
func (r *raw) addition(object string, position dstm.Position) *txn.Transaction {
	tx := r.tx(object, 0, txn.Write{Op: txn.OpAdd, Path: []string{"n"}, Value: set(1).Value})
	tx.Position = uint64(position)
	return tx
}

// A client is cut off from one node, sends again to another, is answered and forgotten. Then the first copy comes out of the
// old connection.
func TestLateOnAnotherNode(t *testing.T) {
	log := dstm.NewMemoryLog()
	a, b := forgetful(t, log.Share()), forgetful(t, log.Share())
	key := transport.NewKey()
	old := a.raw(&transport.ClientOptions{Key: key})
	old.open("o", nil)
	first := old.addition("o", b.store.Position())
	again := *first
	again.Again = true
	after := b.raw(&transport.ClientOptions{Key: key})
	after.want(after.commit(&again), "1 [1]")
	other := b.raw(nil)
	other.want(other.commit(other.addition("o", b.store.Position())), "1 [2]")
	old.changed("[o@1]")
	old.changed("[o@2]")

	if got := old.commit(first); got.err == nil || got.err.Reason != dstm.ErrConflict {
		t.Errorf("the late copy: %v", got)
	}
	if n := len(entries(t, log)); n != 3 {
		t.Errorf("%d entries", n)
	}
	if got := after.commit(&again); got.err == nil || got.err.Reason != dstm.ErrOutcomeUnknown {
		t.Errorf("once more: %v", got)
	}
}

// Who has an object open that nobody writes learns how far the log has come when that is asked of it, before the answer, and so
// is believed the next time.
func TestSeenTooLittle(t *testing.T) {
	n := forgetful(t, dstm.NewMemoryLog())
	r := n.raw(nil)
	r.currents = true
	r.open("o", nil)
	r.frame(12)
	seen := n.store.Position()
	idle := dstm.NewClient(nil)
	conn, err := transport.Dial(n.ctx, "pipe:", &transport.ClientOptions{Dialer: n.server.Pipe(), Logger: silence}, idle)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	defer idle.Close()
	quiet, err := idle.Open(n.ctx, "quiet")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		other := n.raw(nil)
		if a := other.commit(other.addition("p", n.store.Position())); a.err != nil {
			t.Fatal(a.err)
		}
	}

	r.send(r.commitFrame(r.addition("o", seen)))
	body := r.frame(12)
	body.Skip() // the log
	head := dstm.Position(body.Int())
	if head != n.store.Position() {
		t.Errorf("current says %d, the log is at %d", head, n.store.Position())
	}
	r.want(r.answer(false), "1 dstm.conflict ")
	r.want(r.commit(r.addition("o", head)), "2 [1]")

	other := n.raw(nil)
	if a := other.commit(other.addition("p", n.store.Position())); a.err != nil {
		t.Fatal(a.err)
	}
	runs := 0
	commit, err := quiet.Update(n.ctx, func(tx *dstm.Tx) error {
		runs++
		tx.Add(1, nil, nil, "n")
		return nil
	})
	if err != nil || commit.Version != 1 || runs != 2 {
		t.Errorf("%v after %d runs, %v", commit, runs, err)
	}
}
