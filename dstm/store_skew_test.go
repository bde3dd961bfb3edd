package dstm_test

import (
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// The classic anomalies, on the wire: each time the second transaction presumes what the first has made untrue.
func TestAnomalies(t *testing.T) {
	value := func(keys ...string) txn.Read { return txn.Read{Kind: txn.ReadValue, Path: keys} }
	keys := func(keys ...string) txn.Read { return txn.Read{Kind: txn.ReadKeys, Path: keys} }
	subtree := func(keys ...string) txn.Read { return txn.Read{Kind: txn.ReadSubtree, Path: keys} }
	del := func(keys ...string) txn.Write { return txn.Write{Op: txn.OpDelete, Path: keys} }
	part := func(object string, reads []txn.Read, writes ...txn.Write) txn.Part {
		return txn.Part{Object: object, Base: 1, Reads: reads, Writes: writes}
	}
	type parts = []txn.Part
	for name, c := range map[string]struct {
		first  []parts
		second parts
		want   string
	}{
		"write skew over two objects": {
			[]parts{{part("a", nil, set(0, "on")), part("b", []txn.Read{value("on")})}},
			parts{part("a", []txn.Read{value("on")}), part("b", nil, set(0, "on"))},
			`dstm.conflict [[0,["on"]]]`,
		},
		"write skew in one": {
			[]parts{{part("a", []txn.Read{value("on")}, set(1, "m", "k"))}},
			parts{part("a", []txn.Read{value("m", "k")}, set(1, "on"))},
			`dstm.conflict [[0,["m","k"]]]`,
		},
		"phantom": {
			[]parts{{part("a", nil, set(1, "m", "new"))}},
			parts{part("a", []txn.Read{keys("m")}, set(1, "count"))},
			`dstm.conflict [[0,["m"]]]`,
		},
		"phantom in a subtree, gone again": {
			[]parts{{part("a", nil, set(1, "m", "new"))}, {part("a", nil, del("m", "new"))}},
			parts{part("a", []txn.Read{subtree("m")}, set(1, "count"))},
			`dstm.conflict [[0,["m"]]]`,
		},
		"deleted and created again, with the same value": {
			[]parts{{part("a", nil, del("on"))}, {part("a", nil, set(1, "on"))}},
			parts{part("a", []txn.Read{value("on")}, set(1, "count"))},
			`dstm.conflict [[0,["on"]]]`,
		},
		"a map deleted and created again": {
			[]parts{{part("a", nil, del("m"))}, {part("a", nil, set(1, "m", "k"))}},
			parts{part("a", nil, set(2, "m", "other"))},
			`dstm.conflict [[0,["m"]]]`,
		},
		"a delete below a map created again": {
			[]parts{{part("a", nil, del("m"))}, {part("a", nil, set(1, "m", "k"))}},
			parts{part("a", nil, del("m", "k"))},
			`dstm.conflict [[0,["m"]]]`,
		},
		"absent, then there": {
			[]parts{{part("b", nil, set(1, "x"))}},
			parts{part("b", []txn.Read{absent("x")}), part("a", nil, set(1, "count"))},
			`dstm.conflict [[0,["x"]]]`,
		},
		"different places": {
			[]parts{{part("a", nil, set(1, "m", "new"))}},
			parts{part("a", []txn.Read{value("m"), value("m", "k"), value("on")}, set(1, "m", "other"))},
			"[3]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, dstm.NewMemoryLog(), nil, nil)
			r := n.raw(nil)
			commit := func(base uint64, p parts) answer {
				tx := r.tx("", 0)
				tx.Parts = nil
				for _, part := range p {
					if part.Epoch = n.store.Epoch(); base > 0 && part.Object == "a" {
						part.Base = base
					}
					tx.Parts = append(tx.Parts, part)
				}
				r.settled = r.sequence - 1
				return r.commit(tx)
			}
			for _, object := range []string{"a", "b"} {
				tx := r.tx(object, 0, set(1, "on"), set(1, "m", "k"))
				r.commit(tx)
			}
			for i, p := range c.first {
				if a := commit(uint64(i+1), p); a.err != nil {
					t.Fatal(a.err)
				}
			}
			a := commit(0, c.second)
			if got := a.String()[2:]; got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
