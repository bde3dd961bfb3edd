package dstm

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/replica"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// viewOf makes a view at version 7 of a Go value.
func viewOf(t *testing.T, value any) *view {
	t.Helper()
	raw, err := codec.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	root, err := tree.New(raw, nil, 7, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &view{object: "o", epoch: "e", base: 7, root: &root}
}

// describe writes a part's reads and writes as short words.
func describe(p txn.Part) (reads, writes string) {
	names := map[txn.ReadKind]string{
		txn.ReadValue: "value", txn.ReadAbsent: "absent", txn.ReadKeys: "keys",
		txn.ReadSubtree: "subtree", txn.ReadHash: "hash", txn.ReadKeysHash: "keyshash", txn.ReadGuard: "guard",
	}
	for _, r := range p.Reads {
		reads += fmt.Sprintf("%s %s; ", names[r.Kind], r.Path)
	}
	ops := map[txn.Op]string{
		txn.OpSet: "set", txn.OpDelete: "delete", txn.OpAdd: "add", txn.OpMin: "min", txn.OpMax: "max", txn.OpInsert: "insert", txn.OpMove: "move",
	}
	for _, w := range p.Writes {
		writes += fmt.Sprintf("%s %s; ", ops[w.Op], w.Path)
	}
	return strings.TrimSuffix(reads, "; "), strings.TrimSuffix(writes, "; ")
}

type shape = map[string]any

var board = shape{
	"n":      1,
	"name":   "x",
	"shapes": shape{"a": shape{"x": 1, "y": 2}, "b": shape{"x": 3}},
}

func TestReadAndWriteSets(t *testing.T) {
	var got string
	for _, c := range []struct {
		name          string
		fn            func(tx *Tx)
		reads, writes string
	}{
		{"leaf", func(tx *Tx) { tx.Read("n") }, "value n", ""},
		{"absent", func(tx *Tx) { tx.Read("nope", "below") }, "absent nope/below", ""},
		{"map", func(tx *Tx) { tx.Read("shapes", "a") }, "subtree shapes/a", ""},
		{"twice", func(tx *Tx) { tx.Read("n"); tx.Read("n") }, "value n", ""},
		{"keys", func(tx *Tx) { got = strings.Join(tx.Keys("shapes"), "") }, "keys shapes", ""},
		{"keys of a leaf", func(tx *Tx) { tx.Keys("n") }, "value n", ""},
		{"keys of nothing", func(tx *Tx) { tx.Keys("q") }, "absent q", ""},
		{"exists", func(tx *Tx) { tx.Exists("shapes") }, "value shapes", ""},
		{"set a leaf", func(tx *Tx) { tx.Set(2, "n") }, "value n", "set n"},
		{"set over a map", func(tx *Tx) { tx.Set(2, "shapes") }, "subtree shapes", "set shapes"},
		{"set something new", func(tx *Tx) { tx.Set(2, "m") }, "absent m", "set m"},
		{"set below missing maps", func(tx *Tx) { tx.Set(2, "p", "q", "r") }, "absent p", "set p/q/r"},
		{"overwrite", func(tx *Tx) { tx.Overwrite(2, "n") }, "", "set n"},
		{"delete a map", func(tx *Tx) { tx.Delete("shapes", "b") }, "subtree shapes/b", "delete shapes/b"},
		{"add", func(tx *Tx) { tx.Add(1, nil, 10, "n") }, "", "add n"},
		{"what was added to is read", func(tx *Tx) { tx.Add(1, nil, nil, "n"); tx.Read("n") }, "value n", "add n"},
		{"added to and set", func(tx *Tx) { tx.Add(1, nil, nil, "n"); tx.Overwrite(5, "n"); tx.Read("n") }, "", "add n; set n"},
		{"set and added to", func(tx *Tx) { tx.Overwrite(5, "n"); tx.Add(1, nil, nil, "n"); tx.Read("n") }, "", "set n; add n"},
		{"own write is no read", func(tx *Tx) { tx.Overwrite(2, "n"); tx.Read("n"); tx.Set(3, "n") }, "", "set n; set n"},
		{"below an own write", func(tx *Tx) { tx.Overwrite(shape{"k": 1}, "m"); tx.Read("m", "k"); tx.Keys("m") }, "", "set m"},
		{"above an own write", func(tx *Tx) { tx.Overwrite(9, "shapes", "a", "x"); tx.Read("shapes", "a") }, "subtree shapes/a", "set shapes/a/x"},
		{"second set below the same missing map", func(tx *Tx) { tx.Set(1, "p", "q"); tx.Set(1, "p", "r") }, "absent p", "set p/q; set p/r"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tx := newTx(viewOf(t, board), false)
			c.fn(tx)
			if tx.err != nil {
				t.Fatal(tx.err)
			}
			reads, writes := describe(tx.part)
			if reads != c.reads || writes != c.writes {
				t.Errorf("reads %q writes %q, want %q and %q", reads, writes, c.reads, c.writes)
			}
			if tx.after != nil {
				t.Errorf("depends on %v", tx.after)
			}
		})
	}
	if got != "ab" {
		t.Errorf("keys %q", got)
	}
}

func TestReadsOfPendingWritesTravelByValue(t *testing.T) {
	v := viewOf(t, board)
	root, err := v.root.Set(Path{"fresh", "deep"}, codec.AppendInt(nil, 5), nil, 8) // the prediction
	if err != nil {
		t.Fatal(err)
	}
	v.root = &root
	v.pending = []replica.Pending{{Sequence: 3, Paths: []Path{{"fresh", "deep"}}}, {Sequence: 4, Paths: []Path{{"other"}}}}
	for _, c := range []struct {
		name  string
		fn    func(tx *Tx)
		reads string
		after []uint64
	}{
		{"untouched", func(tx *Tx) { tx.Read("n") }, "value n", nil},
		{"at", func(tx *Tx) { tx.Read("fresh", "deep") }, "hash fresh/deep", []uint64{3}},
		{"above", func(tx *Tx) { tx.Read("fresh") }, "hash fresh", []uint64{3}},
		{"below", func(tx *Tx) { tx.Read("other", "x") }, "hash other/x", []uint64{4}},
		{"keys", func(tx *Tx) { tx.Keys("fresh") }, "keyshash fresh", []uint64{3}},
		{"all", func(tx *Tx) { tx.Read("other"); tx.Read("fresh") }, "hash other; hash fresh", []uint64{3, 4}},
		{"a blind write below a predicted map", func(tx *Tx) { tx.Overwrite(1, "fresh", "beside") }, "", []uint64{3}},
		{"a set below a predicted map", func(tx *Tx) { tx.Set(1, "fresh", "beside") }, "absent fresh/beside", []uint64{3}},
		{"a blind write elsewhere", func(tx *Tx) { tx.Overwrite(1, "shapes", "a", "x") }, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			tx := newTx(v, false)
			c.fn(tx)
			reads, _ := describe(tx.part)
			if reads != c.reads || !reflect.DeepEqual(tx.after, c.after) {
				t.Errorf("reads %q after %v, want %q and %v", reads, tx.after, c.reads, c.after)
			}
		})
	}
}

func TestFailuresAreKept(t *testing.T) {
	long := strings.Repeat("k", 257)
	for _, c := range []struct {
		name   string
		fn     func(tx *Tx)
		reason status.Reason
	}{
		{"empty key", func(tx *Tx) { tx.Read("a", "") }, ErrInvalid},
		{"long key", func(tx *Tx) { tx.Set(1, long) }, ErrInvalid},
		{"bad UTF-8", func(tx *Tx) { tx.Keys("\xff") }, ErrInvalid},
		{"deep", func(tx *Tx) { tx.Set(1, strings.Split(strings.Repeat("k,", 32)+"k", ",")...) }, ErrInvalid},
		{"wrong type", func(tx *Tx) { var n int; tx.Lookup(&n, "name") }, ErrType},
		{"through a leaf", func(tx *Tx) { tx.Overwrite(1, "n", "below") }, ErrInvalid},
		{"root to a leaf", func(tx *Tx) { tx.Overwrite(1) }, ErrInvalid},
		{"delete the root", func(tx *Tx) { tx.Delete() }, ErrInvalid},
		{"add to a text", func(tx *Tx) { tx.Add(1, nil, nil, "name") }, ErrInvalid},
		{"add a text", func(tx *Tx) { tx.Add("1", nil, nil, "n") }, ErrInvalid},
		{"out of bounds", func(tx *Tx) { tx.Add(10, nil, 10, "n") }, ErrBounds},
		{"a channel", func(tx *Tx) { tx.Set(make(chan int), "n") }, ErrInvalid},
		{"not a number", func(tx *Tx) { tx.Set(shape{"deep": []any{nan()}}, "n") }, ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			tx := newTx(viewOf(t, board), false)
			c.fn(tx)
			if !errors.Is(tx.Err(), c.reason) {
				t.Fatalf("got %v, want %v", tx.Err(), c.reason)
			}
			reads := len(tx.part.Reads)
			tx.Set(1, "n") // must do nothing now
			if len(tx.part.Writes) != 0 || len(tx.part.Reads) != reads {
				t.Error("a failed transaction went on")
			}
		})
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func TestVar(t *testing.T) {
	type point struct {
		X int `json:"x"`
		Y int `json:"y"`
	}
	points := NewVar[point]("shapes", "{id}")
	x := NewVar[int]("shapes", "{id}", "x")
	tx := newTx(viewOf(t, board), false)
	if got := points.At("a").Get(tx); got != (point{1, 2}) {
		t.Errorf("got %v", got)
	}
	if _, ok := points.At("q").Lookup(tx); ok {
		t.Error("found what is not there")
	}
	x.At("a").Set(tx, 5)
	Add(tx, x.At("b"), 4)
	all := map[string]point{}
	for id, p := range points.All(tx) {
		all[id] = p
	}
	if want := map[string]point{"a": {5, 2}, "b": {7, 0}}; !reflect.DeepEqual(all, want) {
		t.Errorf("got %v, want %v", all, want)
	}
	if tx.Err() != nil {
		t.Fatal(tx.Err())
	}
	for name, misuse := range map[string]func(){
		"too few":  func() { x.At() },
		"too many": func() { x.At("a", "b") },
		"bad path": func() { NewVar[int]("") },
		"used after its end": func() {
			tx.done = true
			tx.Read("n")
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			misuse()
		}()
	}
}

// What a caller hands in or gets out shares no memory with the tree (so a change of a nested value corrupts nothing).
func TestValuesAreCopies(t *testing.T) {
	tx := newTx(viewOf(t, board), false)
	mine := shape{"list": []any{1, 2}}
	tx.Set(mine, "m")
	mine["list"].([]any)[0] = 99
	var got shape
	tx.Lookup(&got, "m")
	got["list"].([]any)[1] = 99
	var again struct {
		List []int `json:"list"`
	}
	tx.Lookup(&again, "m")
	if !reflect.DeepEqual(again.List, []int{1, 2}) {
		t.Errorf("the tree holds %v", again.List)
	}
}
