package bolt_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
)

// undoing is a client with an object and what it did to it.
type undoing struct {
	*site
	path   string
	guest  *guest
	o      dstm.Object
	stack  *dstm.UndoStack
	states [][]byte // before each step, and behind the last
}

func newUndoing(t *testing.T, every int) *undoing {
	u := &undoing{site: newSite(t, dstm.StoreOptions{CheckpointEntries: every}), path: newPath(t)}
	u.start(u.path)
	u.guest = u.site.guest()
	u.o = u.guest.open("drawing")
	u.stack = dstm.NewUndoStack(u.o, 0)
	mustUpdate(t, u.site, u.o, func(tx *dstm.Tx) error {
		tx.Insert(dstm.Last(), "first", "list")
		total.Set(tx, 1) // an addition to nothing would leave a zero when it is undone
		return nil
	})
	for _, step := range []func(tx *dstm.Tx) error{
		func(tx *dstm.Tx) error { tx.Set(map[string]int{"x": 1, "y": 2}, "shapes", "a"); return nil },
		func(tx *dstm.Tx) error { tx.Set(7, "shapes", "a", "x"); return nil },
		func(tx *dstm.Tx) error { tx.Insert(dstm.Last(), "second", "list"); dstm.Add(tx, total, 5); return nil },
		func(tx *dstm.Tx) error { tx.Move(tx.Keys("list")[1], dstm.First(), "list"); return nil },
	} {
		u.states = append(u.states, valueOf(t, u.o))
		if _, err := u.stack.Update(u.ctx, step); err != nil {
			t.Fatal(err)
		}
	}
	u.states = append(u.states, valueOf(t, u.o))
	return u
}

// restart has another process take over the file while the client is away.
func (u *undoing) restart(path string) {
	u.t.Helper()
	u.guest.leave()
	u.stop()
	u.start(path)
}

// TestUndoAfterReconnect undoes and redoes what was done before the server was another process.
func TestUndoAfterReconnect(t *testing.T) {
	for _, every := range []int{1, 1 << 20} {
		u := newUndoing(t, every)
		u.restart(u.path)
		u.guest.back()
		last := len(u.states) - 1
		for i := last - 1; i >= 0; i-- {
			if _, err := u.stack.Undo(u.ctx); err != nil || !bytes.Equal(valueOf(t, u.o), u.states[i]) {
				t.Fatalf("undo to %d: %v", i, err)
			}
			if i == 1 { // and in the middle too
				u.restart(u.path)
				u.guest.back()
			}
		}
		for i := 1; i <= last; i++ {
			if _, err := u.stack.Redo(u.ctx); err != nil || !bytes.Equal(valueOf(t, u.o), u.states[i]) {
				t.Fatalf("redo to %d: %v", i, err)
			}
		}
		var r dstmtest.Recorder
		u.same(&r, u.o)
		u.check(&r)
	}
}

// TestUndoOffline: an Undo whose answer is lost is done once; one that is begun without a connection is done when there is one.
func TestUndoOffline(t *testing.T) {
	for _, every := range []int{1, 1 << 20} {
		testUndoOffline(t, every)
	}
}

func testUndoOffline(t *testing.T, every int) {
	var m *meter
	u := newUndoing(t, every)
	u.wrap = func(log dstm.Log) dstm.Log {
		m = &meter{Log: log}
		return m
	}
	u.restart(u.path)
	u.guest.back()
	u.settle(u.o)
	mine := u.object("drawing")
	next := mine.Head().Version + 1
	undo := func() <-chan error {
		done := make(chan error, 1)
		before := valueOf(t, u.o)
		go func() {
			_, err := u.stack.Undo(u.ctx)
			done <- err
		}()
		u.until(func() bool { return !bytes.Equal(valueOf(t, u.o), before) })
		return done
	}
	u.guest.line.hold()
	move := undo()
	if err := mine.Wait(u.ctx, next); err != nil {
		t.Fatal(err)
	}
	if every == 1 { // what tells that it was done is not read from the log then
		u.until(func() bool { return m.checkpoint.Load() == int64(u.store.Position()) })
	}
	u.restart(u.path)
	u.guest.back()
	if err := <-move; err != nil {
		t.Fatal(err)
	}
	u.guest.leave()
	insert := undo()
	u.guest.back()
	if err := <-insert; err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(valueOf(t, u.o), u.states[2]) {
		t.Errorf("got %x, not %x", valueOf(t, u.o), u.states[2])
	}
	var r dstmtest.Recorder
	u.same(&r, u.o)
	u.check(&r)
}

// TestUndoRefused: what somebody touched while the client was away is not undone, whether the client knows of it already or not;
// what nobody touched still is.
func TestUndoRefused(t *testing.T) {
	for _, offline := range []bool{true, false} {
		u := newUndoing(t, 1)
		u.restart(u.path)
		mine := u.object("drawing")
		mustUpdate(t, u.site, mine, func(tx *dstm.Tx) error { tx.Set(7, "shapes", "a", "x"); return nil }) // the same value
		mustUpdate(t, u.site, mine, func(tx *dstm.Tx) error { tx.Set(1, "shapes", "b"); return nil })
		if !offline {
			u.guest.back()
			u.settle(u.o)
		}
		for i, want := range []error{nil, nil, dstm.ErrConflict, dstm.ErrConflict} {
			done := make(chan error, 1)
			before := valueOf(t, u.o)
			go func() {
				_, err := u.stack.Undo(u.ctx)
				done <- err
			}()
			if offline && i == 0 {
				u.until(func() bool { return !bytes.Equal(valueOf(t, u.o), before) })
				u.guest.back()
			}
			if err := <-done; !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("offline %v, undo %d: %v", offline, i, err)
			}
		}
		if u.stack.CanUndo() {
			t.Error("what never can be undone is still on the stack")
		}
		var r dstmtest.Recorder
		u.same(&r, u.o)
		u.check(&r)
		var x int
		if err := u.o.View(func(tx *dstm.Tx) error { tx.Lookup(&x, "shapes", "a", "x"); return nil }); err != nil || x != 7 {
			t.Errorf("x is %d, %v", x, err)
		}
	}
}

// TestUndoOfLostHistory: in a new epoch versions mean something else, so nothing of before is undone.
func TestUndoOfLostHistory(t *testing.T) {
	u := newUndoing(t, 1<<20)
	var backup bytes.Buffer
	if _, err := u.file.Backup(u.ctx, &backup); err != nil {
		t.Fatal(err)
	}
	restored := newPath(t)
	if err := bolt.Restore(restored, &backup); err != nil {
		t.Fatal(err)
	}
	u.restart(restored)
	u.guest.back()
	u.settle(u.o)
	before := valueOf(t, u.o)
	if !bytes.Equal(before, u.states[len(u.states)-1]) {
		t.Errorf("restored it is %x", before)
	}
	if _, err := u.stack.Undo(u.ctx); !errors.Is(err, dstm.ErrConflict) {
		t.Errorf("got %v", err)
	}
	if !bytes.Equal(valueOf(t, u.o), before) {
		t.Error("a refused undo did something")
	}
	if _, err := u.stack.Update(u.ctx, raise(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := u.stack.Undo(u.ctx); err != nil {
		t.Errorf("what was done since: %v", err)
	}
	var r dstmtest.Recorder
	u.same(&r, u.o)
	u.check(&r)
}
