package engine

import (
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

func insert(id string, at tree.Place, v any, keys ...string) txn.Write {
	return txn.Write{Op: txn.OpInsert, Path: keys, ID: id, Place: at, Value: raw(v)}
}

func move(id string, at tree.Place, keys ...string) txn.Write {
	return txn.Write{Op: txn.OpMove, Path: keys, ID: id, Place: at}
}

var first, last = tree.Place{Where: tree.First}, tree.Place{Where: tree.Last}

func behind(id string) tree.Place { return tree.Place{Where: tree.After, Anchor: id} }

func TestListsMeetTheState(t *testing.T) {
	start := []txn.Write{
		insert("a", last, 1, "l"), insert("b", last, map[string]any{"x": 1}, "l"), insert("c", last, 3, "l"),
		set([]int{1, 2}, "array"), set(map[string]any{}, "map"),
	}
	for _, c := range []struct {
		name     string
		after    []txn.Write // what another did since
		mine     []txn.Write
		want     string
		conflict string
	}{
		{"insert beside another insert", []txn.Write{insert("d", last, 4, "l")}, []txn.Write{insert("e", last, 5, "l")}, "committed 3", ""},
		{"insert into what another made", []txn.Write{insert("d", last, 4, "new")}, []txn.Write{insert("e", last, 5, "new")}, "dstm.conflict", "new"},
		{"insert into a list replaced by another", []txn.Write{{Op: txn.OpSet, Path: path("l"), Value: raw([]int{1}), Shape: raw([]any{[]any{[]string{}, []string{"a"}}})}}, []txn.Write{insert("e", last, 5, "l")}, "dstm.conflict", "l"},
		{"insert into an own new list", nil, []txn.Write{insert("e", last, 5, "new"), insert("f", behind("e"), 6, "new")}, "committed 2", ""},
		{"insert behind what is gone", []txn.Write{del("l", "b")}, []txn.Write{insert("e", behind("b"), 5, "l")}, "dstm.conflict", "l/b"},
		{"insert behind what never was", nil, []txn.Write{insert("e", behind("z"), 5, "l")}, "dstm.conflict", "l/z"},
		{"insert behind nothing in no list", nil, []txn.Write{insert("e", behind("z"), 5, "new")}, "dstm.conflict", "new/z"},
		{"insert of an id that is there", nil, []txn.Write{insert("a", last, 5, "l")}, "dstm.invalid", ""},
		{"insert into an old array", nil, []txn.Write{insert("e", last, 5, "array")}, "dstm.invalid", ""},
		{"insert into an old map", nil, []txn.Write{insert("e", last, 5, "map")}, "dstm.invalid", ""},
		{"insert into a new leaf", []txn.Write{set(1, "l")}, []txn.Write{insert("e", last, 5, "l")}, "dstm.conflict", "l"},
		{"insert below a new leaf", []txn.Write{set(1, "map")}, []txn.Write{insert("e", last, 5, "map", "l")}, "dstm.conflict", "map"},
		{"insert below an old leaf", nil, []txn.Write{insert("e", last, 5, "array", "l")}, "dstm.invalid", ""},
		{"insert below an element that is gone", []txn.Write{del("l", "b")}, []txn.Write{insert("e", last, 5, "l", "b", "m")}, "dstm.conflict", "l/b"},
		{"move beside a move of another", []txn.Write{move("a", last, "l")}, []txn.Write{move("c", first, "l")}, "committed 3", ""},
		{"move of the same", []txn.Write{move("a", last, "l")}, []txn.Write{move("a", behind("b"), "l")}, "committed 3", ""},
		{"move of what is gone", []txn.Write{del("l", "a")}, []txn.Write{move("a", last, "l")}, "dstm.conflict", "l/a"},
		{"move behind what is gone", []txn.Write{del("l", "b")}, []txn.Write{move("a", behind("b"), "l")}, "dstm.conflict", "l/b"},
		{"move in a list that is gone", []txn.Write{del("l")}, []txn.Write{move("a", last, "l")}, "dstm.conflict", "l/a"},
		{"move behind itself", nil, []txn.Write{move("a", behind("a"), "l")}, "dstm.invalid", ""},
		{"move in an array", nil, []txn.Write{move("a", last, "array")}, "dstm.invalid", ""},
		{"set of an element that is gone", []txn.Write{del("l", "a")}, []txn.Write{set(1, "l", "a")}, "dstm.conflict", "l/a"},
		{"set below an element that is gone", []txn.Write{del("l", "b")}, []txn.Write{set(1, "l", "b", "x")}, "dstm.conflict", "l/b"},
		{"set below an element that was replaced", []txn.Write{set(map[string]any{}, "l", "b")}, []txn.Write{set(1, "l", "b", "x")}, "dstm.conflict", "l/b"},
		{"set below an element that moved", []txn.Write{move("b", last, "l")}, []txn.Write{set(1, "l", "b", "x")}, "committed 3", ""},
		{"set of an element that moved", []txn.Write{move("a", last, "l")}, []txn.Write{set(7, "l", "a")}, "committed 3", ""},
		{"add to an element that is gone", []txn.Write{del("l", "a")}, []txn.Write{add(1, "l", "a")}, "dstm.conflict", "l/a"},
		{"min of an element that is a map", nil, []txn.Write{{Op: txn.OpMin, Path: path("l", "b"), Value: raw(1)}}, "dstm.conflict", "l/b"},
		{"delete of an element that is gone", []txn.Write{del("l", "a")}, []txn.Write{del("l", "a")}, "committed 3", ""},
		{"delete in a list that was replaced", []txn.Write{set(map[string]any{"a": 1}, "l")}, []txn.Write{del("l", "a")}, "dstm.conflict", "l"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			expect(t, w.decide(1, w.tx(1, start...)), "committed 1")
			mine := w.tx(1, c.mine...)
			if c.after != nil {
				expect(t, w.decide(2, w.tx(1, c.after...)), "committed 2")
			}
			before := stored(&w.state)
			d := w.decide(3, mine)
			expect(t, d, c.want)
			if d.Refusal != nil && string(before) != string(stored(&w.state)) {
				t.Error("a refusal changed the state")
			}
			if c.conflict != "" && (len(d.Refusal.Conflicts) != 1 || d.Refusal.Conflicts[0].Path.String() != c.conflict) {
				t.Errorf("conflicts %v in place of %s", d.Refusal.Conflicts, c.conflict)
			}
		})
	}
}

// An own unanswered transaction may have made the list.
func TestListAfter(t *testing.T) {
	w := newWorld(t, Options{})
	one, two, three := w.tx(1, insert("a", last, 1, "l")), w.tx(2, insert("b", last, 2, "l")), w.tx(3, insert("c", last, 3, "l"))
	two.After = []uint64{1}
	expect(t, w.decide(1, one), "committed 1")
	expect(t, w.decide(1, two), "committed 2")
	if d := w.decide(1, three); d.Refusal == nil || fmt.Sprint(d.Refusal.Conflicts) != "[{0 l}]" {
		t.Fatalf("%+v", d.Refusal)
	}
}
