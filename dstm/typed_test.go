package dstm_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
)

type stroke struct {
	Color  string    `json:"color"`
	Points []float64 `json:"points"`
	Tags   map[string]bool
}

var (
	strokes = dstm.NewList[stroke]("boards", "{id}", "strokes")
	named   = dstm.NewMap[stroke]("boards", "{id}", "named")
)

func TestTypedLists(t *testing.T) {
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		o := open("o")
		list := strokes.At("b")
		var red, blue, green string
		update(t, h.ctx, o, func(tx *dstm.Tx) error {
			blue = list.Insert(tx, dstm.First(), stroke{Color: "blue", Points: []float64{1, 2.5}})
			red = list.Insert(tx, dstm.Before(blue), stroke{Color: "red"})
			green = list.Insert(tx, dstm.After(red), stroke{Color: "green", Tags: map[string]bool{"new": true}})
			if !slices.Equal(list.IDs(tx), []string{red, green, blue}) || list.Len(tx) != 3 {
				t.Errorf("a transaction sees %q", list.IDs(tx))
			}
			return nil
		})
		if len(red) != 16 || red == blue || red == green {
			t.Errorf("the ids are %q, %q and %q", red, green, blue)
		}
		update(t, h.ctx, o, func(tx *dstm.Tx) error {
			list.Move(tx, red, dstm.Last())
			dstm.Field[string](list.Element(blue), "color").Set(tx, "navy")
			list.Remove(tx, green)
			list.Remove(tx, "none of them")
			if !list.GuardLen(tx, dstm.Equal, 2) || !list.Element(blue).GuardExists(tx) || list.Element(green).Exists(tx) {
				t.Error("the guards see something else")
			}
			return nil
		})
		var got []stroke
		err := o.View(func(tx *dstm.Tx) error {
			for _, s := range list.All(tx) {
				got = append(got, s)
			}
			for id := range list.All(tx) {
				if id != blue {
					t.Errorf("the first is %q", id)
				}
				break
			}
			return nil
		})
		if want := []stroke{{Color: "navy", Points: []float64{1, 2.5}}, {Color: "red"}}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v", got, err)
		}
		if got := list.Path().String(); got != "boards/b/strokes" {
			t.Error(got)
		}
	})
}

func TestTypedMaps(t *testing.T) {
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		o := open("o")
		m := named.At("b")
		update(t, h.ctx, o, func(tx *dstm.Tx) error {
			if m.Len(tx) != 0 || m.GuardLen(tx, dstm.GreaterOrEqual, 0) || m.Keys(tx) != nil {
				t.Error("what is not there has a length")
			}
			m.Set(tx, "one", stroke{Color: "red"})
			m.Set(tx, "two", stroke{Color: "blue"})
			m.Delete(tx, "one")
			dstm.Field[string](m.Value("two"), "color").Overwrite(tx, "navy")
			return nil
		})
		err := o.View(func(tx *dstm.Tx) error {
			if !slices.Equal(m.Keys(tx), []string{"two"}) || m.Get(tx, "two").Color != "navy" {
				t.Errorf("got %q, %+v", m.Keys(tx), m.Get(tx, "two"))
			}
			if _, ok := m.Lookup(tx, "one"); ok {
				t.Error("what was deleted is there")
			}
			for key, s := range m.All(tx) {
				if key != "two" || s.Color != "navy" {
					t.Errorf("%q is %+v", key, s)
				}
			}
			return nil
		})
		if got := m.Path().String(); err != nil || got != "boards/b/named" {
			t.Error(got, err)
		}
	})
}

func TestTypedNumbers(t *testing.T) {
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		o := open("o")
		low, high := dstm.NewVar[int]("low").At(), dstm.NewVar[float64]("high").At()
		for _, n := range []int{5, 3, 8} {
			update(t, h.ctx, o, func(tx *dstm.Tx) error {
				dstm.Min(tx, low, n)
				dstm.Max(tx, high, float64(n)+0.5)
				dstm.Add(tx, count, int64(n))
				return nil
			})
		}
		o.View(func(tx *dstm.Tx) error {
			if low.Get(tx) != 3 || high.Get(tx) != 8.5 || count.Get(tx) != 16 {
				t.Errorf("%d, %v and %d", low.Get(tx), high.Get(tx), count.Get(tx))
			}
			if !low.Guard(tx, dstm.Less, 4) || high.Guard(tx, dstm.Greater, 8.5) {
				t.Error("the guards see something else")
			}
			return nil
		})
	})
}

// Two who insert, move and remove in one list at the same time both have their way.
func TestListsAreEditedTogether(t *testing.T) {
	h := newHall(t, false, false)
	mine, theirs := h.guest(), h.guest()
	a, b := h.open(mine, "o"), h.open(theirs, "o")
	list := dstm.NewList[string]("list").At()
	var first, second string
	c := update(t, h.ctx, a, func(tx *dstm.Tx) error {
		first, second = list.Insert(tx, dstm.Last(), "first"), list.Insert(tx, dstm.Last(), "second")
		return nil
	})
	if err := b.Wait(h.ctx, c.Version); err != nil {
		t.Fatal(err)
	}
	mine.line.hold()
	done := make(chan error, 1)
	runs := 0
	var own dstm.Commit
	go func() {
		var err error
		own, err = a.Update(h.ctx, func(tx *dstm.Tx) error {
			runs++
			list.Insert(tx, dstm.After(first), "mine")
			list.Move(tx, second, dstm.First())
			return nil
		})
		done <- err
	}()
	c = update(t, h.ctx, b, func(tx *dstm.Tx) error {
		list.Insert(tx, dstm.After(first), "theirs")
		list.Insert(tx, dstm.Last(), "last")
		return nil
	})
	mine.line.let()
	if err := <-done; err != nil || runs != 1 {
		t.Fatalf("%d runs: %v", runs, err)
	}
	if err := a.Wait(h.ctx, max(c.Version, own.Version)); err != nil {
		t.Fatal(err)
	}
	a.View(func(tx *dstm.Tx) error {
		var got []string
		for _, s := range list.All(tx) {
			got = append(got, s)
		}
		slices.Sort(got[2:4]) // whoever committed last stands directly behind
		if want := []string{"second", "first", "mine", "theirs", "last"}; !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		return nil
	})
	// What the other has removed is no neighbour any more: the function runs again, sees that, and decides.
	runs = 0
	_, err := a.Update(h.ctx, func(tx *dstm.Tx) error {
		if runs++; runs == 1 {
			defer update(t, h.ctx, b, func(tx *dstm.Tx) error { list.Remove(tx, first); return nil })
		}
		at := dstm.Last()
		if list.Element(first).GuardExists(tx) {
			at = dstm.After(first)
		}
		list.Insert(tx, at, "again")
		return nil
	})
	if err != nil || runs != 2 {
		t.Errorf("%d runs: %v", runs, err)
	}
}

// A value that does not fit its definition fails the transaction, also below.
func TestTypedValuesThatDoNotFit(t *testing.T) {
	h := newHall(t, false, false)
	o := h.open(h.guest(), "o")
	update(t, h.ctx, o, func(tx *dstm.Tx) error { tx.Set("text", "boards", "b", "named", "k"); return nil })
	for name, read := range map[string]func(tx *dstm.Tx){
		"get": func(tx *dstm.Tx) { named.At("b").Get(tx, "k") },
		"all": func(tx *dstm.Tx) { named.At("b").All(tx)(func(string, stroke) bool { return true }) },
		"field": func(tx *dstm.Tx) {
			dstm.Field[int](named.At("b").Value("k"), "color").Get(tx)
			named.At("b").Get(tx, "k")
		},
	} {
		if err := o.View(func(tx *dstm.Tx) error { read(tx); return nil }); !errors.Is(err, dstm.ErrType) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
