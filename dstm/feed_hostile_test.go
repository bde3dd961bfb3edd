package dstm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// Forged attempts, and a refusal that is asked for again with other content, harm nobody: least of all by a reservation.
func TestHostileAttempts(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), nil, nil)
	good, bad := n.raw(nil), n.raw(nil)
	good.commit(good.tx("o", 0, set(1, "x")))
	good.commit(good.tx("o", 1, set(2, "x")))
	before := n.store.Position()
	// A conflict in part 1, then the same sequence with one part, and with none that can be read.
	tx := bad.tx("p", 0)
	tx.Parts = append(tx.Parts, bad.tx("o", 1, set(1, "x")).Parts...)
	tx.Parts[1].Reads = []txn.Read{{Kind: txn.ReadValue, Path: []string{"x"}}}
	bad.want(bad.commit(tx), `1 dstm.conflict [[1,["x"]]]`)
	tx.Parts, tx.Attempt = tx.Parts[:1], 2
	bad.want(bad.commit(tx), `1 dstm.conflict [[1,["x"]]]`)
	bad.send(commitOf(t, 1, 0, "null", "null", `[]`))
	bad.want(bad.answer(true), `1 dstm.conflict [[1,["x"]]]`)
	for i, attempt := range []string{"0", "-1", "9223372036854775807", `"x"`} {
		parts := fmt.Sprintf(`[["o",%q,2,[],[[1,["x"],1]]]]`, n.store.Epoch())
		frame := commitOf(t, int64(10+i), 0, "null", "null", parts)
		frame, err := codec.FromJSON(frame, []byte(attempt))
		if err != nil {
			t.Fatal(err)
		}
		frame[0]++ // one element more
		bad.send(frame)
		if a := bad.answer(true); a.err == nil || a.err.Reason != dstm.ErrInvalid {
			t.Errorf("attempt %s: %v", attempt, a)
		}
	}
	if n.store.Position() != before {
		t.Error("the log grew")
	}
	// The highest attempt there is earns no more than the second.
	far := n.raw(nil)
	tx = far.tx("o", 1, set(1, "x"))
	tx.Attempt, tx.Parts[0].Reads = 1<<53-1, []txn.Read{{Kind: txn.ReadValue, Path: []string{"x"}}}
	far.want(far.commit(tx), `1 dstm.conflict [[0,["x"]]]`)
	good.want(good.commit(good.tx("o", 2, txn.Write{Op: txn.OpAdd, Path: []string{"x"}, Value: set(1).Value})), "3 [3]")
	good.want(good.commit(good.tx("o", 3, set(5, "x"))), "4 [4]") // once it has lapsed
}

// Forged openings and requests for history are answered, or end their own session; the log does not grow beyond the one
// epoch a minute that anyone may cause.
func TestHostileOpenings(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), nil, nil)
	good := n.raw(nil)
	good.open("o", nil)
	good.want(good.commit(good.tx("o", 0, set(1, "x"))), "1 [1]")
	before := n.store.Position()
	epoch := n.store.Epoch()
	hash := make([]byte, 8)
	for _, at := range []resume{
		{epoch, 1 << 62, 2, hash}, {epoch, 1<<64 - 1, 1<<64 - 1, hash}, {epoch, 0, 1 << 62, hash}, {"other", 1, 2, hash}, {strings.Repeat("e", 1000), 1, 2, hash},
		{epoch, 5, 0, hash}, {epoch, 1, 1, hash},
	} {
		bad := n.raw(nil)
		if s := bad.open("o", &at); s.version != 1 || s.snapshot == nil {
			t.Errorf("%+v: at %d", at, s.version)
		}
	}
	if grown := n.store.Position() - before; grown > 1 {
		t.Errorf("the log grew by %d", grown)
	}
	header := func(n, kind int) []byte {
		return codec.AppendString(transport.AppendHeader(nil, n, transport.NumberDSTM, kind), "")
	}
	for name, frame := range map[string][]byte{
		"history of nothing":   header(3, 13),
		"history of a number":  codec.AppendInt(codec.AppendInt(header(5, 13), 1), 1),
		"history without to":   codec.AppendInt(codec.AppendString(codec.AppendInt(header(6, 13), 1), "o"), 0),
		"a state of text":      codec.AppendString(codec.AppendString(codec.AppendInt(header(6, 15), 1), "o"), "x"),
		"a piece":              header(3, 11),
		"a current":            header(3, 12),
		"a revision":           header(3, 14),
		"the end of a history": header(3, 17),
	} {
		t.Run(name, func(t *testing.T) {
			bad := n.raw(nil)
			bad.t = t
			bad.send(frame)
			if reason := bad.dead(); reason != "transport.malformed" && reason != "transport.protocol" {
				t.Errorf("ended with %s", reason)
			}
		})
	}
	good.want(good.commit(&txn.Transaction{Sequence: 50, Parts: []txn.Part{{Object: "o", Epoch: n.store.Epoch(), Base: 1, Writes: []txn.Write{set(1, "x")}}}}), "50 [2]")
}

// What would make the server work for long is bounded: hashes over many nodes are conflicts.
func TestHostileHashes(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), nil, nil)
	w := n.raw(nil)
	m := map[string]any{}
	for i := range 9000 {
		m[fmt.Sprint(i)] = i
	}
	for i := range 3 {
		w.want(w.commit(w.tx("o", uint64(i), set(m, "m", fmt.Sprint(i)))), fmt.Sprintf("%d [%d]", w.sequence, i+1))
	}
	before := n.store.Position()
	var reads []txn.Read
	sum := make([]byte, 16)
	for i := range 9000 {
		reads = append(reads, txn.Read{Kind: txn.ReadHash, Path: []string{"m", fmt.Sprint(i % 3)}, Hash: sum}, txn.Read{Kind: txn.ReadHash, Path: []string{"m"}, Hash: sum})
	}
	tx := w.tx("o", 3, set(1, "x"))
	tx.Parts[0].Reads = reads[:9000]
	if a := w.commit(tx); a.err == nil || a.err.Reason != dstm.ErrConflict {
		t.Error(a)
	}
	if n.store.Position() != before {
		t.Error("the log grew")
	}
}

// An invariant's error reaches the author with its details; one that panics refuses its transaction and no other.
func TestInvariantErrors(t *testing.T) {
	rules := []dstm.Rule{{
		Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll,
		Invariant: func(_, after *dstm.Tx) error {
			switch n := count.Get(after); {
			case n < 0:
				return status.New(status.FailedPrecondition, "bank.overdrawn", "no balance below zero").WithDetail("balance", n)
			case n == 13:
				panic("the thirteenth")
			case n == 14:
				return errors.New("a secret")
			}
			return nil
		},
	}}
	n := newNode(t, dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: rules}, nil)
	r := n.raw(nil)
	before := n.store.Position()
	a := r.commit(r.tx("o", 0, set(-5, "count")))
	if a.err == nil || a.err.Reason != dstm.ErrInvariant || a.err.Message != "no balance below zero" || fmt.Sprint(a.err.Details) != "map[balance:-5]" {
		t.Errorf("%+v", a.err)
	}
	for _, v := range []any{13, 14, "a secret that is no number"} {
		if a := r.commit(r.tx("o", 0, set(v, "count"))); a.err == nil || a.err.Reason != dstm.ErrInvariant || strings.Contains(a.err.Message, "secret") || strings.Contains(a.err.Message, "count") {
			t.Errorf("%+v", a.err)
		}
	}
	if n.store.Position() != before {
		t.Error("the log grew")
	}
	r.want(r.commit(r.tx("o", 0, set(1, "count"))), "5 [1]")
}

// In a strict object something that came and went counts as changed, and the client is told that the object is strict.
func TestStrictRule(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: []dstm.Rule{
		{Object: "strict/*", Open: dstm.AllowAll, Write: dstm.AllowAll, Strict: true}, {Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll},
	}}, nil)
	for name, want := range map[string]string{"strict/o": `1 dstm.conflict [[0,["x"]]]`, "plain": "1 [3]"} {
		r, w := n.raw(nil), n.raw(nil)
		if s := r.open(name, nil); (s.flags == 1) != (name == "strict/o") {
			t.Errorf("%s has flags %d", name, s.flags)
		}
		w.commit(w.tx(name, 0, set(1, "x")))
		w.commit(w.tx(name, 1, txn.Write{Op: txn.OpDelete, Path: []string{"x"}}))
		r.changed("[" + name + "@1]")
		r.changed("[" + name + "@2]")
		tx := r.tx(name, 0, set(1, "y"))
		tx.Parts[0].Reads = []txn.Read{absent("x")}
		r.want(r.commit(tx), want)
	}
}
