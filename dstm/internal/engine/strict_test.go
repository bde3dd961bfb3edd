package engine

import (
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// scene runs what others do between the making of a transaction and its decision, in a strict object and in a plain one.
func scene(t *testing.T, name string, start []txn.Write, reads []txn.Read, others [][]txn.Write, plain, strict string) {
	t.Helper()
	for _, c := range []struct {
		object string
		want   string
	}{{"plain", plain}, {"strict", strict}} {
		t.Run(name+", "+c.object, func(t *testing.T) {
			w := newWorld(t, Options{Strict: func(object string) bool { return object == "strict" }})
			tx := func(sequence uint64, writes ...txn.Write) *txn.Transaction {
				tx := w.tx(sequence, writes...)
				tx.Parts[0].Object, tx.Parts[0].Base = c.object, w.state.Object(c.object).Version
				return tx
			}
			expect(t, w.decide(1, tx(1, start...)), "committed 1")
			mine := tx(1, set("mine", "out"))
			mine.Parts[0].Reads = reads
			for i, writes := range others {
				expect(t, w.decide(2, tx(uint64(i+1), writes...)), fmt.Sprint("committed ", i+2))
			}
			if c.want == "committed" {
				c.want = fmt.Sprint("committed ", len(others)+2)
			}
			expect(t, w.decide(3, mine), c.want)
		})
	}
}

// What was there before is there again: versions tell, and in a strict object absence and values do too.
func TestABA(t *testing.T) {
	read := func(kind txn.ReadKind, keys ...string) []txn.Read { return []txn.Read{{Kind: kind, Path: keys}} }
	one, _ := tree.New(raw(1), nil, 0, 0)
	sum, _ := one.Hash()
	scene(t, "a value", []txn.Write{set(1, "x")}, read(txn.ReadValue, "x"), [][]txn.Write{{set(2, "x")}, {set(1, "x")}}, "dstm.conflict", "dstm.conflict")
	scene(t, "deleted and created again", []txn.Write{set(1, "x")}, read(txn.ReadValue, "x"), [][]txn.Write{{del("x")}, {set(1, "x")}}, "dstm.conflict", "dstm.conflict")
	scene(t, "a map deleted and created again", []txn.Write{set(1, "m", "x")}, read(txn.ReadValue, "m"), [][]txn.Write{{del("m")}, {set(1, "m", "x")}}, "dstm.conflict", "dstm.conflict")
	scene(t, "absence", []txn.Write{set(1, "y")}, read(txn.ReadAbsent, "x"), [][]txn.Write{{set(2, "x")}, {del("x")}}, "committed", "dstm.conflict")
	scene(t, "absence below", []txn.Write{set(1, "m", "y")}, read(txn.ReadAbsent, "m", "x"), [][]txn.Write{{set(2, "m", "x")}, {del("m", "x")}}, "committed", "dstm.conflict")
	scene(t, "absence beside other writes", []txn.Write{set(1, "m", "y")}, read(txn.ReadAbsent, "m", "x"), [][]txn.Write{{set(2, "m", "y")}, {set(2, "z")}}, "committed", "committed")
	scene(t, "a key set", []txn.Write{set(1, "m", "y")}, read(txn.ReadKeys, "m"), [][]txn.Write{{set(2, "m", "x")}, {del("m", "x")}}, "dstm.conflict", "dstm.conflict")
	scene(t, "the order of a list", []txn.Write{insert("a", last, 1, "l"), insert("b", last, 1, "l")}, read(txn.ReadKeys, "l"), [][]txn.Write{{move("a", last, "l")}, {move("a", first, "l")}}, "dstm.conflict", "dstm.conflict")
	scene(t, "a value by hash", []txn.Write{set(1, "x")}, []txn.Read{{Kind: txn.ReadHash, Path: path("x"), Hash: sum}}, [][]txn.Write{{set(2, "x")}, {set(1, "x")}}, "committed", "dstm.conflict")
	scene(t, "absence by hash", []txn.Write{set(1, "y")}, []txn.Read{{Kind: txn.ReadHash, Path: path("x")}}, nil, "committed", "dstm.conflict")
	scene(t, `"1" is not 1`, []txn.Write{set("1", "x")}, []txn.Read{{Kind: txn.ReadHash, Path: path("x"), Hash: sum}}, nil, "dstm.conflict", "dstm.conflict")
	guard := func(c txn.Comparison, v any) []txn.Read {
		return []txn.Read{{Kind: txn.ReadGuard, Path: path("x"), Guard: c, Value: raw(v), Truth: true}}
	}
	scene(t, "a guard that still holds", []txn.Write{set(1, "x")}, guard(txn.Less, 10), [][]txn.Write{{set(2, "x")}, {set(9, "x")}}, "committed", "committed")
	scene(t, "a guard that no longer holds", []txn.Write{set(1, "x")}, guard(txn.Less, 10), [][]txn.Write{{set(10, "x")}}, "dstm.conflict", "dstm.conflict")
	scene(t, `a guard against "1"`, []txn.Write{set(1, "x")}, guard(txn.Equal, 1), [][]txn.Write{{set("1", "x")}}, "dstm.conflict", "dstm.conflict")
	scene(t, "a guard across a delete", []txn.Write{set(1, "x")}, guard(txn.NotEqual, 5), [][]txn.Write{{del("x")}}, "committed", "committed")
}

// Two read what both rely on, and each writes what the other has read: only one may commit.
func TestWriteSkew(t *testing.T) {
	w := newWorld(t, Options{})
	expect(t, w.decide(1, w.tx(1, set(true, "duty", "ann"), set(true, "duty", "bob"))), "committed 1")
	reads := []txn.Read{{Kind: txn.ReadValue, Path: path("duty", "ann")}, {Kind: txn.ReadValue, Path: path("duty", "bob")}}
	ann, bob := w.tx(1, set(false, "duty", "ann")), w.tx(1, set(false, "duty", "bob"))
	ann.Parts[0].Reads, bob.Parts[0].Reads = reads, reads
	expect(t, w.decide(2, ann), "committed 2")
	expect(t, w.decide(3, bob), "dstm.conflict")
}

// Who counted what is there does not miss what another adds.
func TestPhantom(t *testing.T) {
	for name, start := range map[string]txn.Write{"map": set(1, "seats", "a"), "list": insert("a", last, 1, "seats")} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{})
			expect(t, w.decide(1, w.tx(1, start)), "committed 1")
			book := func(id string, kind txn.ReadKind) *txn.Transaction {
				tx := w.tx(1, set(1, "seats", id))
				if name == "list" {
					tx = w.tx(1, insert(id, last, 1, "seats"))
				}
				read := txn.Read{Kind: kind, Path: path("seats")}
				if kind == txn.ReadGuard {
					read.Guard, read.Value, read.Truth = txn.Less.OfLength(), raw(2), true
				}
				tx.Parts[0].Reads = []txn.Read{read}
				return tx
			}
			keys, guard := book("c", txn.ReadKeys), book("d", txn.ReadGuard)
			expect(t, w.decide(2, book("b", txn.ReadKeys)), "committed 2")
			expect(t, w.decide(3, keys), "dstm.conflict")
			expect(t, w.decide(4, guard), "dstm.conflict")
		})
	}
}
