package dstm_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
)

// valueIn is all of an object, encoded.
func valueIn(t *testing.T, o dstm.Object) (raw []byte) {
	t.Helper()
	if err := o.View(func(tx *dstm.Tx) error { raw = tx.Read(); return nil }); err != nil {
		t.Fatal(err)
	}
	return raw
}

// randomWrites does a few random things to an object of maps, numbers and lists.
func randomWrites(r *rand.Rand) func(tx *dstm.Tx) error {
	key := func() string { return string(rune('a' + r.IntN(4))) }
	seed := r.Uint64()
	return func(tx *dstm.Tx) error {
		r := rand.New(rand.NewPCG(seed, 0))
		element := func() (string, bool) {
			ids := tx.Keys("list")
			if len(ids) == 0 {
				return "", false
			}
			return ids[r.IntN(len(ids))], true
		}
		for range 1 + r.IntN(4) {
			switch r.IntN(9) {
			case 0:
				tx.Set(r.IntN(100), "n", key())
			case 1:
				tx.Set(map[string]int{key(): r.IntN(9)}, "m", key())
			case 2:
				tx.Set(r.IntN(9), "deep", key(), key())
			case 3:
				tx.Delete([]string{"n", "m", "deep"}[r.IntN(3)], key())
			case 4:
				if k := key(); tx.Exists("n", k) { // else it would be left as 0
					tx.Add(r.IntN(9), nil, nil, "n", k)
				}
			case 5:
				tx.Min(r.IntN(9), "n", key())
			case 6:
				tx.Insert(dstm.First(), r.IntN(100), "list")
			case 7:
				if id, ok := element(); ok {
					tx.Move(id, dstm.Last(), "list")
				}
			case 8:
				if id, ok := element(); ok {
					tx.Delete("list", id)
				}
			}
		}
		return nil
	}
}

// Whatever was done, undoing it all in reverse goes back through every state, and redoing it forward again.
func TestUndoAndRedoOfEverything(t *testing.T) {
	seed := seedOf(t)
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		r := rand.New(rand.NewPCG(seed, 0))
		o := open("o")
		update(t, h.ctx, o, func(tx *dstm.Tx) error { tx.Insert(dstm.First(), 1, "list"); return nil }) // a list would be left empty
		stack := dstm.NewUndoStack(o, 0)
		states := [][]byte{valueIn(t, o)}
		for range 40 {
			before := o.Head().Version
			c, err := stack.Update(h.ctx, randomWrites(r))
			if err != nil {
				t.Fatal(err)
			}
			if c.Version > before {
				states = append(states, valueIn(t, o))
			}
		}
		for round := range 2 {
			for i := len(states) - 2; i >= 0; i-- {
				if _, err := stack.Undo(h.ctx); err != nil {
					t.Fatalf("undo %d, round %d: %v", i, round, err)
				}
				if got := valueIn(t, o); !bytes.Equal(got, states[i]) {
					t.Fatalf("undo %d, round %d: %x in place of %x", i, round, got, states[i])
				}
			}
			if stack.CanUndo() || !stack.CanRedo() {
				t.Error("the stack says otherwise")
			}
			for i := 1; i < len(states); i++ {
				if _, err := stack.Redo(h.ctx); err != nil {
					t.Fatalf("redo %d, round %d: %v", i, round, err)
				}
				if got := valueIn(t, o); !bytes.Equal(got, states[i]) {
					t.Fatalf("redo %d, round %d: %x in place of %x", i, round, got, states[i])
				}
			}
		}
	})
}

func TestUndoIsRefusedWhereOthersChangedSomething(t *testing.T) {
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		o := open("o")
		other := h.open(h.guest(), "o")
		set := func(path ...string) func(tx *dstm.Tx) error {
			return func(tx *dstm.Tx) error { tx.Set("x", path...); return nil }
		}
		add := func(tx *dstm.Tx) error { dstm.Add(tx, count, 5); return nil }
		insert := func(tx *dstm.Tx) error { tx.Insert(dstm.Last(), 1, "list"); return nil }
		for _, c := range []struct {
			name         string
			mine, theirs func(tx *dstm.Tx) error
			conflict     string
		}{
			{"the same value", set("a"), set("a"), "a"},
			{"another value", set("b"), set("c"), ""},
			{"below", func(tx *dstm.Tx) error { tx.Set(map[string]int{"k": 1}, "m"); return nil }, set("m", "k"), "m"},
			{"the same value below", func(tx *dstm.Tx) error { tx.Set(map[string]string{"k": "x"}, "m"); return nil }, set("m", "k"), "m"},
			{"beside", set("m", "l"), set("m", "k"), ""},
			{"a sum", add, add, ""},
			{"a list that grew", insert, insert, ""},
			{"gone", set("d"), func(tx *dstm.Tx) error { tx.Delete("d"); return nil }, "d"},
			{"there again", func(tx *dstm.Tx) error { tx.Delete("a"); return nil }, set("a"), "a"},
		} {
			commit := update(t, h.ctx, o, c.mine)
			if err := other.Wait(h.ctx, commit.Version); err != nil {
				t.Fatal(err)
			}
			theirs := update(t, h.ctx, other, c.theirs)
			if err := o.Wait(h.ctx, theirs.Version); err != nil {
				t.Fatal(err)
			}
			before := valueIn(t, o)
			_, err := o.Undo(h.ctx, commit)
			if c.conflict == "" {
				if err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
				continue
			}
			paths := dstm.ConflictPaths(err)
			if !errors.Is(err, dstm.ErrConflict) || len(paths) == 0 || paths[0].String() != c.conflict {
				t.Errorf("%s: %v at %v", c.name, err, paths)
			}
			if !bytes.Equal(valueIn(t, o), before) {
				t.Errorf("%s: a refused undo did something", c.name)
			}
		}
		if n := valueOf(t, o); n != 5 {
			t.Errorf("of two additions one was undone, and %d is left", n)
		}
	})
}

// An own undo puts back what was there, but does not hide what another did meanwhile.
func TestUndoBehindAnotherUndo(t *testing.T) {
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		o := open("o")
		other := h.open(h.guest(), "o")
		remove := func(key string) func(tx *dstm.Tx) error {
			return func(tx *dstm.Tx) error { tx.Delete("m", key); return nil }
		}
		first := update(t, h.ctx, o, func(tx *dstm.Tx) error { tx.Set(map[string]int{"y": 1, "z": 2}, "m"); return nil })
		if err := other.Wait(h.ctx, first.Version); err != nil {
			t.Fatal(err)
		}
		theirs := update(t, h.ctx, other, remove("z"))
		if err := o.Wait(h.ctx, theirs.Version); err != nil {
			t.Fatal(err)
		}
		second := update(t, h.ctx, o, remove("y"))
		if _, err := o.Undo(h.ctx, second); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Undo(h.ctx, first); !errors.Is(err, dstm.ErrConflict) {
			t.Errorf("what another removed is gone: %v", err)
		}
	})
}

func TestUndoOfSeveralObjects(t *testing.T) {
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		a, b := open("a"), open("b")
		both := func(tx *dstm.Tx) error {
			count.Set(tx, count.Get(tx)+1)
			count.Set(tx.In(b), count.Get(tx.In(b))+10)
			return nil
		}
		commits, err := dstm.UpdateAll(h.ctx, []dstm.Object{a, b}, both)
		if err != nil {
			t.Fatal(err)
		}
		undone, err := b.Undo(h.ctx, commits[1])
		if err != nil || valueOf(t, a) != 0 || valueOf(t, b) != 0 || undone.Version != 2 {
			t.Fatalf("a is %d and b is %d, %+v: %v", valueOf(t, a), valueOf(t, b), undone, err)
		}
		if _, err := a.Undo(h.ctx, undone); err != nil || valueOf(t, a) != 1 || valueOf(t, b) != 10 {
			t.Fatalf("a is %d and b is %d: %v", valueOf(t, a), valueOf(t, b), err)
		}
		if _, err := a.Undo(h.ctx, commits[0]); !errors.Is(err, dstm.ErrHistory) {
			t.Errorf("undone twice: %v", err)
		}
	})
}

func TestWhatIsTooLongAgoOrNotOwn(t *testing.T) {
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		o := open("o")
		theirs := update(t, h.ctx, h.open(h.guest(), "o"), increase)
		if err := o.Wait(h.ctx, theirs.Version); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Undo(h.ctx, theirs); !errors.Is(err, dstm.ErrHistory) {
			t.Errorf("of another: %v", err)
		}
		first := update(t, h.ctx, o, func(tx *dstm.Tx) error { tx.Set(1, "first"); return nil })
		for range 100 {
			update(t, h.ctx, o, increase)
		}
		if _, err := o.Undo(h.ctx, first); !errors.Is(err, dstm.ErrHistory) {
			t.Errorf("too many since: %v", err)
		}
		large := update(t, h.ctx, o, func(tx *dstm.Tx) error { tx.Set(make([]byte, 400<<10), "large"); return nil })
		for range 15 {
			update(t, h.ctx, o, func(tx *dstm.Tx) error { tx.Set(make([]byte, 400<<10), "large"); return nil })
		}
		if _, err := o.Undo(h.ctx, large); !errors.Is(err, dstm.ErrHistory) {
			t.Errorf("too much since: %v", err)
		}
	})
}

func TestUndoStack(t *testing.T) {
	h := newHall(t, false, false)
	o := h.open(h.guest(), "o")
	other := h.open(h.guest(), "o")
	stack := dstm.NewUndoStack(o, 3)
	if _, err := stack.Undo(h.ctx); !errors.Is(err, dstm.ErrInvalid) || stack.CanUndo() || stack.CanRedo() {
		t.Errorf("an empty stack: %v", err)
	}
	for i := range 5 {
		if _, err := stack.Update(h.ctx, func(tx *dstm.Tx) error { word.Set(tx, fmt.Sprint(i)); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := stack.Update(h.ctx, func(tx *dstm.Tx) error { word.Get(tx); return nil }); err != nil {
		t.Fatal(err)
	}
	for want := 3; want > 0; want-- {
		if _, err := stack.Undo(h.ctx); err != nil || wordOf(t, o) != fmt.Sprint(want) {
			t.Fatalf("%q: %v", wordOf(t, o), err)
		}
	}
	if _, err := stack.Undo(h.ctx); !errors.Is(err, dstm.ErrInvalid) {
		t.Errorf("more than the limit was remembered: %v", err)
	}
	if _, err := stack.Redo(h.ctx); err != nil || wordOf(t, o) != "2" {
		t.Errorf("%q: %v", wordOf(t, o), err)
	}
	// Something new, and what was undone before is gone.
	if _, err := stack.Update(h.ctx, increase); err != nil || stack.CanRedo() {
		t.Errorf("it can still be redone: %v", err)
	}
	// What another changed can never be undone: it does not stand in the way of what was before it.
	c := update(t, h.ctx, other, increase)
	if err := o.Wait(h.ctx, c.Version); err != nil {
		t.Fatal(err)
	}
	if _, err := stack.Undo(h.ctx); !errors.Is(err, dstm.ErrConflict) {
		t.Errorf("got %v", err)
	}
	if _, err := stack.Undo(h.ctx); err != nil || wordOf(t, o) != "1" {
		t.Errorf("%q: %v", wordOf(t, o), err)
	}
}

func wordOf(t *testing.T, o dstm.Object) (s string) {
	t.Helper()
	if err := o.View(func(tx *dstm.Tx) error { s = word.Get(tx); return nil }); err != nil {
		t.Fatal(err)
	}
	return s
}
