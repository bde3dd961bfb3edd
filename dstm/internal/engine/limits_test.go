package engine

import (
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

func TestReadable(t *testing.T) {
	w := newWorld(t, Options{})
	expect(t, w.decide(1, w.tx(1, set(1, "open", "x"), set(1, "secret"))), "committed 1")
	for i, c := range []struct {
		read txn.Read
		want string
	}{
		{txn.Read{Kind: txn.ReadValue, Path: path("open", "x")}, "committed"},
		{txn.Read{Kind: txn.ReadSubtree, Path: path("open")}, "committed"},
		{txn.Read{Kind: txn.ReadAbsent, Path: path("open", "y")}, "committed"},
		{txn.Read{Kind: txn.ReadSubtree, Path: path()}, "dstm.denied"},
		{txn.Read{Kind: txn.ReadKeys, Path: path()}, "dstm.denied"},
		{txn.Read{Kind: txn.ReadValue, Path: path("secret")}, "dstm.denied"},
		{txn.Read{Kind: txn.ReadGuard, Path: path("secret"), Guard: txn.Equal, Value: raw(1), Truth: true}, "dstm.denied"},
		{txn.Read{Kind: txn.ReadHash, Path: path("secret"), Hash: make([]byte, 16)}, "dstm.denied"},
		{txn.Read{Kind: txn.ReadAbsent, Path: path("op")}, "dstm.denied"},
	} {
		tx := w.tx(uint64(i+1), set(1, "out"))
		tx.Parts[0].Reads = []txn.Read{c.read}
		d := w.request(&Request{Client: ID{7}, Time: 1, Tx: tx, Readable: func(object string) []tree.Path {
			if object != "o" {
				t.Error("asked about", object)
			}
			return []tree.Path{path("other"), path("open")}
		}})
		if c.want == "committed" {
			c.want = fmt.Sprint("committed ", w.state.Object("o").Version)
		}
		expect(t, d, c.want)
		if d.Refusal != nil && d.Refusal.Code != status.PermissionDenied {
			t.Errorf("%+v", d.Refusal)
		}
	}
	all := w.tx(100, set(1, "out"))
	all.Parts[0].Reads = []txn.Read{{Kind: txn.ReadValue, Path: path("secret")}}
	if d := w.request(&Request{Client: ID{7}, Time: 1, Tx: all, Readable: func(string) []tree.Path { return nil }}); d.Refusal != nil {
		t.Errorf("%+v", d.Refusal)
	}
}

func TestMaxObject(t *testing.T) {
	w := newWorld(t, Options{MaxObject: 30})
	expect(t, w.decide(1, w.tx(1, set("0123456789", "a"))), "committed 1")
	d := w.decide(1, w.tx(2, set("0123456789012345", "b")))
	if expect(t, d, "dstm.too_large"); d.Refusal.Code != status.ResourceExhausted {
		t.Errorf("%+v", d.Refusal)
	}
	if d.Refusal.Message != `"o" would take more than 30 bytes` { // how many it takes may be hidden from the author
		t.Error(d.Refusal.Message)
	}
	expect(t, w.decide(1, w.tx(3, set("012345678901", "b"))), "committed 2") // 29 bytes
	if size := w.state.Object("o").Root.Size(); size != 29 {
		t.Errorf("%d bytes", size)
	}
	expect(t, w.decide(1, w.tx(4, insert("id", last, 1, "l"))), "dstm.too_large")
	w.state.opts.MaxObject = 10
	expect(t, w.decide(1, w.tx(5, set("0123", "a"))), "committed 3") // too large still, but smaller
	expect(t, w.decide(1, w.tx(6, set("0124", "a"))), "committed 4") // or not larger
	expect(t, w.decide(1, w.tx(7, set("01234", "a"))), "dstm.too_large")
}

// A list of small elements is large by its ids.
func TestMaxObjectCountsIds(t *testing.T) {
	w := newWorld(t, Options{MaxObject: 400})
	id := func(i int) string { return fmt.Sprintf("%036d", i) }
	for i := range 9 {
		expect(t, w.decide(1, w.tx(uint64(i+1), insert(id(i), last, 1, "l"))), fmt.Sprintf("committed %d", i+1))
	}
	if size := w.state.Object("o").Root.Size(); size > 20 {
		t.Errorf("the value has %d bytes", size)
	}
	expect(t, w.decide(1, w.tx(10, insert(id(9), last, 1, "l"))), "dstm.too_large")
}

// What a rule says reaches the author whole, and is said again after a restart.
func TestDetails(t *testing.T) {
	long := false
	w := newWorld(t, Options{Invariant: func(string, *Object, *Object) error {
		e := status.New(status.FailedPrecondition, "", "too dear").WithDetail("least", 42).WithDetail("deep", map[string]any{"list": []any{"a", 1.5}})
		if long {
			e = e.WithDetail("text", string(make([]byte, 2000)))
		}
		return e
	}})
	ask := func(sequence uint64) Decision {
		tx := w.tx(sequence, set(1, "price"))
		tx.Again = true // so that the refusal goes to the log
		return w.decide(1, tx)
	}
	const want = "map[deep:map[list:[a 1.5]] least:42]"
	for range 2 {
		d := ask(1)
		expect(t, d, "dstm.invariant")
		if got := fmt.Sprint(d.Refusal.Details); got != want || d.Refusal.Message != "too dear" {
			t.Fatalf("%s %+v", got, d.Refusal)
		}
		w.state = w.restart(&w.state).Hold("o", Object{})
	}
	if _, ok := ask(1).Refusal.Details["least"].(int64); !ok {
		t.Error("a number is not what the codec makes of it")
	}
	long = true
	if d := ask(2); len(d.Refusal.Details) != 3 {
		t.Errorf("the first answer is cut: %v", d.Refusal.Details)
	}
	if d := ask(2); d.Refusal.Details != nil || d.Refusal.Message != "too dear" {
		t.Errorf("long details are remembered: %v", d.Refusal)
	}
}
