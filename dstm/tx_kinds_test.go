package dstm

import (
	"errors"
	"slices"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/replica"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// viewWithList is board with a list "todo" of two elements, a and b.
func viewWithList(t *testing.T) *view {
	t.Helper()
	v := viewOf(t, board)
	root, _, err := txn.Apply(*v.root, []txn.Write{
		{Op: txn.OpInsert, Path: Path{"todo"}, ID: "a", Place: Last().place, Value: codec.AppendInt(nil, 1)},
		{Op: txn.OpInsert, Path: Path{"todo"}, ID: "b", Place: Last().place, Value: codec.AppendInt(nil, 2)},
	}, 7)
	if err != nil {
		t.Fatal(err)
	}
	v.root = &root
	return v
}

func TestReadAndWriteSetsOfGuardsAndLists(t *testing.T) {
	for _, c := range []struct {
		name          string
		fn            func(tx *Tx)
		reads, writes string
	}{
		{"guard", func(tx *Tx) { tx.Guard(Less, 5, "n") }, "guard n", ""},
		{"guard twice", func(tx *Tx) { tx.Guard(Less, 5, "n"); tx.Guard(Less, 5, "n") }, "guard n", ""},
		{"two guards", func(tx *Tx) { tx.Guard(Less, 5, "n"); tx.Guard(Less, 6, "n") }, "guard n; guard n", ""},
		{"guard of what was set", func(tx *Tx) { tx.Overwrite(1, "n"); tx.Guard(Less, 5, "n") }, "", "set n"},
		{"guard of what was added to", func(tx *Tx) { tx.Add(1, nil, nil, "n"); tx.Guard(Less, 5, "n") }, "value n", "add n"},
		{"guard above a write", func(tx *Tx) { tx.Overwrite(1, "shapes", "a", "x"); tx.Guard(Equal, 1, "shapes") }, "value shapes", "set shapes/a/x"},
		{"guard beside a write", func(tx *Tx) { tx.Overwrite(1, "name"); tx.Guard(Less, 5, "n") }, "guard n", "set name"},
		{"exists", func(tx *Tx) { tx.GuardExists("q") }, "guard q", ""},
		{"exists, written below", func(tx *Tx) { tx.Overwrite(1, "shapes", "a", "x"); tx.GuardExists("shapes") }, "value shapes", "set shapes/a/x"},
		{"length", func(tx *Tx) { tx.GuardLength(Less, 5, "shapes") }, "guard shapes", ""},
		{"length, written below", func(tx *Tx) { tx.Overwrite(1, "shapes", "c"); tx.GuardLength(Less, 5, "shapes") }, "keys shapes", "set shapes/c"},
		{"length of a list with a new element", func(tx *Tx) { tx.Insert(First(), 1, "todo"); tx.GuardLength(Less, 5, "todo") }, "keys todo", "insert todo"},
		{"another element than the new one", func(tx *Tx) { tx.Insert(First(), 1, "todo"); tx.Guard(Less, 5, "todo", "a") }, "guard todo/a", "insert todo"},
		{"min and max", func(tx *Tx) { tx.Min(0, "n"); tx.Max(9, "n"); tx.Max(1, "fresh") }, "", "min n; max n; max fresh"},
		{"what was limited is read", func(tx *Tx) { tx.Min(0, "n"); tx.Read("n") }, "value n", "min n"},
		{"insert", func(tx *Tx) { tx.Insert(After("a"), 1, "todo") }, "", "insert todo"},
		{"insert into nothing", func(tx *Tx) { tx.Insert(Last(), 1, "p", "q") }, "", "insert p/q"},
		{"a new element is known", func(tx *Tx) {
			id := tx.Insert(Last(), shape{"k": 1}, "todo")
			tx.Read("todo", id, "k")
			tx.Set(2, "todo", id, "k")
		}, "", "insert todo; set todo/?/k"},
		{"the list around it is not", func(tx *Tx) { tx.Insert(Last(), 1, "todo"); tx.Keys("todo") }, "keys todo", "insert todo"},
		{"move", func(tx *Tx) { tx.Move("a", Last(), "todo") }, "", "move todo"},
		{"what was moved is read", func(tx *Tx) { tx.Move("a", Last(), "todo"); tx.Read("todo", "a") }, "value todo/a", "move todo"},
		{"a list", func(tx *Tx) { tx.Read("todo") }, "subtree todo", ""},
		{"ids", func(tx *Tx) { tx.Keys("todo") }, "keys todo", ""},
		{"len", func(tx *Tx) { tx.Len("todo"); tx.Len("name"); tx.Len("q") }, "keys todo; value name; absent q", ""},
		{"delete an element", func(tx *Tx) { tx.Delete("todo", "a") }, "value todo/a", "delete todo/a"},
		{"delete what is not there", func(tx *Tx) { tx.Delete("todo", "q") }, "absent todo/q", "delete todo/q"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tx := newTx(viewWithList(t), false)
			c.fn(tx)
			if tx.err != nil {
				t.Fatal(tx.err)
			}
			for i, w := range tx.part.Writes { // ids are random
				if len(w.Path) == 3 && w.Path[0] == "todo" {
					tx.part.Writes[i].Path = Path{w.Path[0], "?", w.Path[2]}
				}
			}
			reads, writes := describe(tx.part)
			if reads != c.reads || writes != c.writes {
				t.Errorf("reads %q writes %q, want %q and %q", reads, writes, c.reads, c.writes)
			}
			if n := len(tx.part.Reads) + len(tx.part.Writes); n != tx.operations {
				t.Errorf("%d operations, counted as %d", n, tx.operations)
			}
		})
	}
}

func TestGuardsCompare(t *testing.T) {
	tx := newTx(viewWithList(t), false) // n is 1, name is "x"
	for name, c := range map[string]struct{ got, want bool }{
		"1 < 2":              {tx.Guard(Less, 2, "n"), true},
		"1 < 1":              {tx.Guard(Less, 1, "n"), false},
		"1 <= 1":             {tx.Guard(LessOrEqual, 1, "n"), true},
		"1 == 1.0":           {tx.Guard(Equal, 1.0, "n"), true},
		"1 == \"1\"":         {tx.Guard(Equal, "1", "n"), false},
		"1 != \"1\"":         {tx.Guard(NotEqual, "1", "n"), true},
		"1 >= 0.5":           {tx.Guard(GreaterOrEqual, 0.5, "n"), true},
		"x > w":              {tx.Guard(Greater, "w", "name"), true},
		"nothing < 1":        {tx.Guard(Less, 1, "q"), false},
		"nothing >= 1":       {tx.Guard(GreaterOrEqual, 1, "q"), false},
		"nothing != 1":       {tx.Guard(NotEqual, 1, "q"), true},
		"a map == 1":         {tx.Guard(Equal, 1, "shapes"), false},
		"there":              {tx.GuardExists("n"), true},
		"not there":          {tx.GuardExists("q"), false},
		"two in the list":    {tx.GuardLength(Equal, 2, "todo"), true},
		"two keys":           {tx.GuardLength(GreaterOrEqual, 2, "shapes"), true},
		"no length":          {tx.GuardLength(Equal, 0, "q"), false},
		"a number's length":  {tx.GuardLength(LessOrEqual, 9, "n"), false},
		"the length of text": {tx.GuardLength(Equal, 1, "name"), true},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v", name, c.got)
		}
	}
	for _, r := range tx.part.Reads {
		if r.Kind != txn.ReadGuard || txn.CompareGuard(tx.root.Find(r.Path), r.Guard, r.Value) != r.Truth {
			t.Errorf("the read %+v does not say what was seen", r)
		}
	}
	if tx.err != nil {
		t.Fatal(tx.err)
	}
}

func TestFailuresOfGuardsAndLists(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   func(tx *Tx)
	}{
		{"guard with a map", func(tx *Tx) { tx.Guard(Equal, shape{"a": 1}, "n") }},
		{"guard with a slice", func(tx *Tx) { tx.Guard(Equal, []int{1}, "n") }},
		{"no comparison", func(tx *Tx) { tx.Guard(0, 1, "n") }},
		{"guard a bad path", func(tx *Tx) { tx.GuardExists("") }},
		{"min of a text", func(tx *Tx) { tx.Min(1, "name") }},
		{"max with a text", func(tx *Tx) { tx.Max("1", "n") }},
		{"no place", func(tx *Tx) { tx.Insert(Place{}, 1, "todo") }},
		{"behind nothing", func(tx *Tx) { tx.Insert(After(""), 1, "todo") }},
		{"behind what is not there", func(tx *Tx) { tx.Insert(After("q"), 1, "todo") }},
		{"into a map", func(tx *Tx) { tx.Insert(Last(), 1, "shapes") }},
		{"into a leaf", func(tx *Tx) { tx.Insert(Last(), 1, "n") }},
		{"into the root", func(tx *Tx) { tx.Insert(Last(), 1) }},
		{"move what is not there", func(tx *Tx) { tx.Move("q", Last(), "todo") }},
		{"move nothing", func(tx *Tx) { tx.Move("", Last(), "todo") }},
		{"beside itself", func(tx *Tx) { tx.Move("a", After("a"), "todo") }},
		{"set an element that is not there", func(tx *Tx) { tx.Set(1, "todo", "q") }},
		{"add to an element that is not there", func(tx *Tx) { tx.Add(1, nil, nil, "todo", "q") }},
		{"not a number", func(tx *Tx) { tx.Insert(Last(), nan(), "todo") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			tx := newTx(viewWithList(t), false)
			c.fn(tx)
			if !errors.Is(tx.Err(), ErrInvalid) {
				t.Fatalf("got %v", tx.Err())
			}
			if len(tx.part.Writes) != 0 {
				t.Error("a failed transaction wrote")
			}
		})
	}
}

// An object of which a client may read "open" and "hands/me" alone: its replica holds nothing else.
func TestReadablePaths(t *testing.T) {
	v := viewOf(t, shape{"open": shape{"x": 1}})
	v.readable = []Path{{"open"}, {"hands", "me"}}
	const denied = "denied"
	for _, c := range []struct {
		name  string
		fn    func(tx *Tx)
		reads string
	}{
		{"what is readable", func(tx *Tx) { tx.Read("open", "x"); tx.Keys("open"); tx.Exists("hands", "me", "a") }, "value open/x; keys open; absent hands/me/a"},
		{"the root", func(tx *Tx) { tx.Read() }, denied},
		{"beside", func(tx *Tx) { tx.Exists("hands", "you") }, denied},
		{"above", func(tx *Tx) { tx.Keys("hands") }, denied},
		{"a guard beside", func(tx *Tx) { tx.GuardExists("hands", "you") }, denied},
		{"a set beside", func(tx *Tx) { tx.Set(1, "hands", "you") }, denied},
		{"a blind write beside", func(tx *Tx) { tx.Overwrite(1, "hands", "you"); tx.Read("hands", "you") }, ""},
		{"a set whose ancestors are hidden", func(tx *Tx) { tx.Set(1, "hands", "me", "a", "b") }, "absent hands/me"},
		{"a set of the readable path itself", func(tx *Tx) { tx.Set(1, "hands", "me") }, "absent hands/me"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tx := newTx(v, false)
			c.fn(tx)
			reads, _ := describe(tx.part)
			switch {
			case c.reads != denied && (tx.err != nil || reads != c.reads):
				t.Errorf("reads %q: %v", reads, tx.err)
			case c.reads == denied && (!errors.Is(tx.err, ErrDenied) || reads != "" || len(tx.part.Writes) > 0):
				t.Errorf("got %v", tx.err)
			}
		})
	}
	tx := newTx(v, true)
	if tx.Read("hands", "you"); !errors.Is(tx.err, ErrDenied) {
		t.Errorf("a View may read anything: %v", tx.err)
	}
}

// Writes below a map that an own unanswered transaction created presume the one that created it, however many others wrote below.
func TestDependenceOnTheMakerOfAMap(t *testing.T) {
	pending := func(paths ...Path) (list []replica.Pending) {
		for i, p := range paths {
			list = append(list, replica.Pending{Sequence: uint64(i + 1), Paths: []Path{p}})
		}
		return list
	}
	for _, c := range []struct {
		name    string
		pending []replica.Pending
		after   []uint64
	}{
		{"set with what is in it", pending(Path{"m"}), []uint64{1}},
		{"created on the way", pending(Path{"m", "a"}, Path{"m", "b"}, Path{"m", "c"}), []uint64{1}},
		{"set, then written below", pending(Path{"m"}, Path{"m", "b"}, Path{"m", "c"}), []uint64{1, 2}},
		{"deleted and created again", pending(Path{"m", "a"}, Path{"m"}, Path{"m", "b"}, Path{"m", "c"}), []uint64{2, 3}},
		{"among others", pending(Path{"x"}, Path{"m", "a"}, Path{"y"}), []uint64{2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := viewOf(t, board)
			root, err := v.root.Set(Path{"m", "a"}, codec.AppendInt(nil, 5), nil, 8) // the prediction
			if err != nil {
				t.Fatal(err)
			}
			v.root, v.pending = &root, c.pending
			tx := newTx(v, false)
			tx.Overwrite(1, "m", "mine")
			if reads, _ := describe(tx.part); reads != "" || !slices.Equal(tx.after, c.after) {
				t.Errorf("reads %q after %v, want %v", reads, tx.after, c.after)
			}
		})
	}
}
