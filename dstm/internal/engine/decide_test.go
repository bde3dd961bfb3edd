package engine

import (
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/internal/fault"
	"github.com/trefoilgo/trefoil/status"
)

func TestReadsHold(t *testing.T) {
	start := map[string]any{"leaf": 1, "map": map[string]any{"a": 1, "deep": map[string]any{"x": 1}}, "empty": map[string]any{}}
	hash := func(v any) []byte {
		n, _ := tree.New(raw(v), nil, 0, 0)
		sum, _ := n.Hash()
		return sum
	}
	keys := func(v any) []byte {
		n, _ := tree.New(raw(v), nil, 0, 0)
		sum, _ := n.KeysHash()
		return sum
	}
	read := func(kind txn.ReadKind, keys ...string) txn.Read { return txn.Read{Kind: kind, Path: keys} }
	hashed := func(kind txn.ReadKind, sum []byte, keys ...string) txn.Read {
		return txn.Read{Kind: kind, Path: keys, Hash: sum}
	}
	for _, c := range []struct {
		read  txn.Read
		after txn.Write // what another did since
		holds bool
	}{
		{read(txn.ReadValue, "leaf"), set(1, "other"), true},
		{read(txn.ReadValue, "leaf"), set(1, "leaf"), false}, // written, even if the same
		{read(txn.ReadValue, "leaf"), del("leaf"), false},
		{read(txn.ReadValue, "nothing"), set(1, "other"), false},
		{read(txn.ReadValue, "map"), set(2, "map", "a"), true},
		{read(txn.ReadValue, "map"), set(map[string]any{}, "map"), false},
		{read(txn.ReadAbsent, "nothing"), set(1, "other"), true},
		{read(txn.ReadAbsent, "nothing"), set(1, "nothing"), false},
		{read(txn.ReadAbsent, "leaf", "below"), set(1, "other"), true},
		{read(txn.ReadKeys, "map"), set(2, "map", "a"), true},
		{read(txn.ReadKeys, "map"), set(2, "map", "deep", "x"), true},
		{read(txn.ReadKeys, "map"), set(2, "map", "deep", "y"), true},
		{read(txn.ReadKeys, "map"), set(2, "map", "b"), false},
		{read(txn.ReadKeys, "map"), del("map", "a"), false},
		{read(txn.ReadKeys, "map"), set(map[string]any{"a": 1}, "map"), false},
		{read(txn.ReadKeys, "leaf"), set(1, "other"), false},
		{read(txn.ReadKeys), set(1, "other"), false},
		{read(txn.ReadKeys), set(1, "leaf"), true},
		{read(txn.ReadSubtree, "map"), set(1, "other"), true},
		{read(txn.ReadSubtree, "map"), set(2, "map", "deep", "x"), false},
		{read(txn.ReadSubtree, "map"), del("map", "deep", "x"), false},
		{read(txn.ReadSubtree, "map"), del("map", "nothing"), true},
		{read(txn.ReadSubtree, "leaf"), set(1, "leaf"), false},
		{read(txn.ReadSubtree), set(1, "map", "deep", "x"), false},
		{hashed(txn.ReadHash, hash(1), "leaf"), set(1, "leaf"), true}, // by value
		{hashed(txn.ReadHash, hash(1), "leaf"), set(2, "leaf"), false},
		{hashed(txn.ReadHash, nil, "nothing"), set(1, "other"), true},
		{hashed(txn.ReadHash, nil, "leaf"), set(1, "other"), false},
		{hashed(txn.ReadHash, hash(map[string]any{}), "empty"), set(1, "other"), true},
		{hashed(txn.ReadKeysHash, keys(map[string]any{"a": 0, "deep": 0}), "map"), set(9, "map", "a"), true},
		{hashed(txn.ReadKeysHash, keys(map[string]any{"a": 0, "deep": 0}), "map"), set(9, "map", "b"), false},
		{hashed(txn.ReadKeysHash, nil, "leaf"), set(9, "other"), true},
	} {
		t.Run(fmt.Sprint(c.read.Kind, c.read.Path, " after ", c.after.Path), func(t *testing.T) {
			w := newWorld(t, Options{})
			expect(t, w.decide(1, w.tx(1, set(start))), "committed 1")
			tx := w.tx(1, set("mine", "out"))
			tx.Parts[0].Reads = []txn.Read{c.read}
			expect(t, w.decide(2, w.tx(1, c.after)), "committed 2")
			d := w.decide(3, tx)
			if c.holds {
				expect(t, d, "committed 3")
				return
			}
			expect(t, d, "dstm.conflict")
			if len(d.Refusal.Conflicts) != 1 || d.Refusal.Conflicts[0].Path.String() != c.read.Path.String() {
				t.Errorf("conflicts %v", d.Refusal.Conflicts)
			}
		})
	}
}

func TestWritesMeetTheState(t *testing.T) {
	start := map[string]any{"leaf": 1, "text": "t", "map": map[string]any{"a": map[string]any{}}}
	for _, c := range []struct {
		name  string
		after []txn.Write
		mine  []txn.Write
		want  string
	}{
		{"missing maps are created", nil, []txn.Write{set(1, "x", "y", "z")}, "committed 2"},
		{"below a map", nil, []txn.Write{set(1, "map", "a", "z")}, "committed 2"},
		{"below a map that changed below", []txn.Write{set(1, "map", "a", "b")}, []txn.Write{set(1, "map", "a", "c")}, "committed 3"},
		{"below a map that was replaced", []txn.Write{set(map[string]any{}, "map", "a")}, []txn.Write{set(1, "map", "a", "c")}, "dstm.conflict"},
		{"below a map whose parent was replaced", []txn.Write{set(map[string]any{"a": map[string]any{}}, "map")}, []txn.Write{set(1, "map", "a", "c")}, "dstm.conflict"},
		{"below a map that another created", []txn.Write{set(1, "new", "x")}, []txn.Write{set(1, "new", "y")}, "dstm.conflict"},
		{"below the root that another replaced", []txn.Write{set(map[string]any{})}, []txn.Write{set(1, "y")}, "committed 3"},
		{"over a value that another wrote", []txn.Write{set(7, "leaf")}, []txn.Write{set(8, "leaf")}, "committed 3"},
		{"through an old leaf", nil, []txn.Write{set(1, "leaf", "x")}, "dstm.invalid"},
		{"through a new leaf", []txn.Write{set(7, "map")}, []txn.Write{set(1, "map", "x")}, "dstm.conflict"},
		{"delete through an old leaf", nil, []txn.Write{del("leaf", "x")}, "committed 2"},
		{"delete of nothing", nil, []txn.Write{del("x", "y")}, "committed 2"},
		{"the root is a map", nil, []txn.Write{set(1)}, "dstm.invalid"},
		{"into an own new map", nil, []txn.Write{set(map[string]any{}, "n"), set(1, "n", "x")}, "committed 2"},
		{"through an own new leaf", nil, []txn.Write{set(1, "n"), set(1, "n", "x")}, "dstm.invalid"},
		{"after an own delete", nil, []txn.Write{del("leaf"), set(1, "leaf", "x")}, "committed 2"},
		{"into a map replaced by another, replaced again", []txn.Write{set(map[string]any{}, "map")}, []txn.Write{set(map[string]any{}, "map"), set(1, "map", "x")}, "committed 3"},
		{"add to nothing", nil, []txn.Write{add(2, "n")}, "committed 2"},
		{"add beside another", []txn.Write{add(5, "leaf")}, []txn.Write{add(2, "leaf")}, "committed 3"},
		{"add to text", nil, []txn.Write{add(2, "text")}, "dstm.conflict"},
		{"add to a map", nil, []txn.Write{add(2, "map")}, "dstm.conflict"},
		{"add beyond the range", []txn.Write{set(int64(1<<63-1), "leaf")}, []txn.Write{add(2, "leaf")}, "dstm.conflict"},
		{"add within bounds", nil, []txn.Write{{Op: txn.OpAdd, Path: path("leaf"), Value: raw(4), Most: raw(5)}}, "committed 2"},
		{"add beyond bounds", nil, []txn.Write{{Op: txn.OpAdd, Path: path("leaf"), Value: raw(5), Most: raw(5)}}, "dstm.conflict"},
		{"add below bounds", nil, []txn.Write{{Op: txn.OpAdd, Path: path("leaf"), Value: raw(-5), Least: raw(0)}}, "dstm.conflict"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.decide(1, w.tx(1, set(start)))
			mine := w.tx(1, c.mine...)
			if c.after != nil {
				expect(t, w.decide(2, w.tx(1, c.after...)), "committed 2")
			}
			before := image(t, &w.state)
			d := w.decide(3, mine)
			expect(t, d, c.want)
			if d.Refusal != nil && string(before) != string(image(t, &w.state)) {
				t.Error("a refusal changed the state")
			}
		})
	}
}

// A transaction may write into maps that its own unanswered ones created.
func TestAfter(t *testing.T) {
	w := newWorld(t, Options{})
	first, second, third, fourth := w.tx(1, set(1, "m", "x")), w.tx(2, set(2, "m", "y")), w.tx(3, set(3, "m", "z")), w.tx(4, set(1, "q"))
	second.After = []uint64{1}
	fourth.After = []uint64{3}
	expect(t, w.decide(1, first), "committed 1")
	expect(t, w.decide(1, second), "committed 2")
	expect(t, w.decide(1, third), "dstm.conflict")
	expect(t, w.decide(1, fourth), "dstm.depends")
	never := w.tx(9, set(1, "q"))
	never.After = []uint64{8}
	expect(t, w.decide(1, never), "dstm.depends")
	settled := w.tx(10, set(1, "q"))
	settled.After, settled.Settled = []uint64{1}, 9
	expect(t, w.decide(1, settled), "committed 3")
}

func TestSeveralObjects(t *testing.T) {
	w := newWorld(t, Options{})
	part := func(object string, base uint64, writes ...txn.Write) txn.Part {
		return txn.Part{Object: object, Epoch: w.state.Epoch, Base: base, Writes: writes}
	}
	tx := &txn.Transaction{Sequence: 1, Position: 1, Parts: []txn.Part{part("a", 0, set(1, "x")), part("b", 0, set(1, "x"))}}
	d := w.decide(1, tx)
	if d.Refusal != nil || fmt.Sprint(d.Versions) != "[1 1]" {
		t.Fatalf("%+v", d)
	}
	stale := part("b", 0, set(2, "x"))
	stale.Reads = []txn.Read{{Kind: txn.ReadAbsent, Path: path("x")}}
	d = w.decide(2, &txn.Transaction{Sequence: 1, Position: 1, Parts: []txn.Part{part("a", 1, set(2, "x")), stale}})
	expect(t, d, "dstm.conflict")
	if d.Refusal.Conflicts[0].Part != 1 || w.state.Object("a").Version != 1 {
		t.Fatal("the other part was applied, or the wrong one is named")
	}
	// A part that only reads is validated, and makes no version.
	watch := txn.Part{Object: "b", Epoch: w.state.Epoch, Base: 1, Reads: []txn.Read{{Kind: txn.ReadValue, Path: path("x")}}}
	d = w.decide(3, &txn.Transaction{Sequence: 1, Position: 2, Parts: []txn.Part{watch, part("a", 1, set(2, "x"))}})
	if d.Refusal != nil || fmt.Sprint(d.Versions) != "[1 2]" || len(d.Entry.Parts) != 1 {
		t.Fatalf("%+v", d)
	}
	d = w.decide(3, &txn.Transaction{Sequence: 2, Position: 2, Parts: []txn.Part{watch}})
	if d.Refusal != nil || d.Data != nil || d.Position != w.state.Position {
		t.Fatalf("a transaction that only reads: %+v", d)
	}
}

func TestInvariant(t *testing.T) {
	opts := Options{Invariant: func(object string, before, after *Object) error {
		n := after.Root.Find(path("balance"))
		switch {
		case n == nil:
			return nil
		case string(n.Leaf) == string(raw("boom")):
			panic("a defect")
		case tree.CompareNumbers(n.Leaf, raw(0)) < 0:
			return status.New(status.FailedPrecondition, "", "no balance below zero")
		}
		return nil
	}}
	w := newWorld(t, opts)
	expect(t, w.decide(1, w.tx(1, set(5, "balance"))), "committed 1")
	d := w.decide(1, w.tx(2, add(-6, "balance")))
	expect(t, d, "dstm.invariant")
	if d.Refusal.Message != "no balance below zero" || d.Refusal.Code != status.FailedPrecondition {
		t.Errorf("%+v", d.Refusal)
	}
	d = w.decide(1, w.tx(3, set("boom", "balance")))
	if expect(t, d, "dstm.invariant"); d.Refusal.Code != status.Internal {
		t.Errorf("%+v", d.Refusal)
	}
	expect(t, w.decide(1, w.tx(4, add(-5, "balance"))), "committed 2")
}

func TestAboveTheHead(t *testing.T) {
	w := newWorld(t, Options{})
	w.decide(1, w.tx(1, set(1, "x")))
	forged := w.tx(1, set(2, "x"))
	forged.Parts[0].Base = 1000
	d := w.decide(2, forged)
	if expect(t, d, "dstm.conflict"); !d.Above {
		t.Error("not recognised")
	}
	ahead := w.tx(2, set(2, "x"))
	ahead.Position, ahead.Again = 1000, true
	d = w.decide(2, ahead)
	if expect(t, d, "dstm.outcome_unknown"); !d.Above || !d.Refusal.Unknown {
		t.Error("not recognised")
	}
}

// With conflict checking switched off the first scene goes wrong: that shows that the switch works.
func TestSkipConflicts(t *testing.T) {
	fault.SkipConflicts.Store(true)
	defer fault.SkipConflicts.Store(false)
	w := newWorld(t, Options{})
	tx := w.tx(1, set("code camp", "hello"))
	tx.Parts[0].Reads = []txn.Read{{Kind: txn.ReadAbsent, Path: path("hello")}}
	expect(t, w.decide(1, w.tx(1, set("world", "hello"))), "committed 1")
	expect(t, w.decide(2, tx), "committed 2")
}

// However much a transaction reads, what it may cost is bounded.
func TestHashBudget(t *testing.T) {
	w := newWorld(t, Options{})
	wide := map[string]any{}
	for i := range 5000 {
		wide[fmt.Sprint(i)] = i
	}
	expect(t, w.decide(1, w.tx(1, set(wide, "wide"))), "committed 1")
	sum, _ := w.state.Object("o").Root.Find(path("wide")).Hash()
	few, many := w.tx(2, set(1, "x")), w.tx(3, set(1, "x"))
	for i := range 100 {
		r := txn.Read{Kind: txn.ReadHash, Path: path("wide"), Hash: sum}
		if many.Parts[0].Reads = append(many.Parts[0].Reads, r); i < 5 {
			few.Parts[0].Reads = append(few.Parts[0].Reads, r)
		}
	}
	expect(t, w.decide(1, few), "committed 2")
	expect(t, w.decide(1, many), "dstm.conflict")
}
