package replica

import (
	"slices"
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// leave closes an object and returns what is kept of it.
func (d *desk) leave(name string) Saved {
	d.t.Helper()
	s, ok := d.core.Keep(name)
	if !ok {
		d.t.Fatalf("nothing is kept of %s", name)
	}
	d.core.Close(name)
	return s
}

// TestKeptLevel: what was left and opened again is at the position of the others as long as there was no connection meanwhile.
func TestKeptLevel(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.open("b")
	d.sync()
	both := []string{"a", "b"}
	d.steady(true, both...)
	d.cut()
	a, b := d.leave("a"), d.leave("b")
	d.core.OpenSaved("b", b, false)
	d.core.OpenSaved("a", a, false)
	d.steady(true, both...)

	a = d.leave("a")
	d.connect()
	d.sync()
	d.foreign("b", set(1, "x"))
	d.sync()
	d.cut()
	d.core.OpenSaved("a", a, false) // as b was before
	d.steady(false, both...)
	d.connect()
	d.sync()
	d.steady(true, both...)

	a = d.leave("a") // while there is a connection
	d.foreign("b", set(2, "x"))
	d.sync()
	d.cut()
	d.core.OpenSaved("a", a, false)
	d.steady(false, both...)
}

// TestKeptUnsaved: what was not saved of an object that was left is so when it is opened again, and once.
func TestKeptUnsaved(t *testing.T) {
	d := newDesk(t)
	d.core.Track()
	d.connect()
	d.open("a")
	if _, _, ok := d.core.Save("a", true); !ok {
		t.Fatal("nothing is saved")
	}
	d.foreign("a", set(1, "x"))
	d.sync()
	a := d.leave("a")
	if names := d.core.Unsaved(); len(names) != 1 {
		t.Fatal(names)
	}
	d.core.OpenSaved("a", a, false)
	d.sync()
	d.foreign("a", set(2, "x"))
	d.sync()
	if names := d.core.Unsaved(); len(names) != 1 {
		t.Fatal(names)
	}
	_, steps, _ := d.core.Save("a", false)
	if len(steps) != 2 || steps[0].Version != a.Version || steps[1].Version != a.Version+1 {
		t.Fatalf("%+v", steps)
	}
	if names := d.core.Unsaved(); names != nil {
		t.Fatal(names)
	}
	d.core.OpenSaved("a", d.leave("a"), false)
	if names := d.core.Unsaved(); names != nil {
		t.Fatal(names)
	}
}

// TestKeptConfirmed: what an object held already when it was left is not shown above it once more, though no answer has come.
func TestKeptConfirmed(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	if _, _, err := d.core.Submit(adds(d), 0); err != nil {
		t.Fatal(err)
	}
	d.send()
	if kind := d.next(); kind != kindChange {
		t.Fatal("first comes ", kind)
	}
	d.cut()
	d.core.OpenSaved("a", d.leave("a"), false)
	if s, _ := d.core.State("a"); s.Version != 1 || len(s.Pending) != 0 || s.Root.Find(tree.Path{"n"}).Value()[0] != 1 {
		t.Fatalf("%+v", s)
	}
	d.connect()
	d.sync()
	if got := d.settled(); !slices.Equal(got, []string{"1 ok"}) {
		t.Fatal(got)
	}
}
