package dstm_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/transport"
)

// mute is a Dialer of connections that lose what the client sends while they are muted.
type mute struct {
	transport.Dialer
	muted atomic.Bool
}

type muteConn struct {
	transport.Conn
	mute *mute
}

func (m *mute) Dial(ctx context.Context, url, subprotocol string) (transport.Conn, error) {
	m.muted.Store(false)
	conn, err := m.Dialer.Dial(ctx, url, subprotocol)
	if err != nil {
		return nil, err
	}
	return &muteConn{conn, m}, nil
}

func (c *muteConn) Write(msg []byte) error {
	if c.mute.muted.Load() {
		return nil
	}
	return c.Conn.Write(msg)
}

// A commit can be undone while other own transactions, made before it was answered, are still on their way, unless
// those write at the same place.
func TestUndoWhileOthersAreOnTheirWay(t *testing.T) {
	h := newHall(t, false, false)
	g := h.guest()
	g.line.mu.Lock()
	quiet := &mute{Dialer: g.line.dialer}
	g.line.dialer = quiet
	g.line.mu.Unlock()
	g.line.drop(true)
	o := h.open(g, "o")
	first := update(t, h.ctx, o, func(tx *dstm.Tx) error {
		tx.Set(map[string]int{"a": 1, "b": 2}, "m")
		tx.Set(0, "n")
		tx.Set(0, "held")
		return nil
	})
	set := func(path ...string) func(tx *dstm.Tx) error {
		return func(tx *dstm.Tx) error { tx.Overwrite(7, path...); return nil }
	}
	type outcome struct {
		commit dstm.Commit
		err    error
	}
	begin := func(fn func(tx *dstm.Tx) error) <-chan outcome {
		done := make(chan outcome, 1)
		go func() {
			c, err := o.Update(h.ctx, fn)
			done <- outcome{c, err}
		}()
		return done
	}
	g.line.hold()
	own := map[string]<-chan outcome{}
	for name, fn := range map[string]func(tx *dstm.Tx) error{
		"n":       set("n"),
		"held":    set("held"),
		"deleted": func(tx *dstm.Tx) error { tx.Delete("m", "a"); return nil },
	} {
		own[name] = begin(fn)
	}
	own["fresh"] = begin(set("fresh"))
	h.until(func() bool { return h.store.Position() == first.Position+4 })
	quiet.muted.Store(true)
	late := begin(func(tx *dstm.Tx) error { tx.Overwrite(8, "held"); tx.Overwrite(8, "m", "c"); return nil })
	h.until(func() bool {
		select {
		case d := <-late:
			t.Fatal(d.err)
		default:
		}
		return has(t, o, "m", "c")
	})
	g.line.let()
	commits := map[string]dstm.Commit{}
	for name, done := range own {
		d := <-done
		if d.err != nil {
			t.Fatal(name, d.err)
		}
		commits[name] = d.commit
	}
	if _, err := o.Undo(h.ctx, commits["held"]); !errors.Is(err, dstm.ErrConflict) {
		t.Errorf("what an own transaction writes again: %v", err)
	}
	undone := map[string]chan error{}
	for _, name := range []string{"n", "fresh", "deleted"} {
		done := make(chan error, 1)
		undone[name] = done
		go func() {
			_, err := o.Undo(h.ctx, commits[name])
			done <- err
		}()
	}
	h.until(func() bool {
		return len(undone["n"])+len(undone["fresh"])+len(undone["deleted"]) > 0 || has(t, o, "m", "a")
	})
	g.line.drop(true) // and up again: what was lost is sent again
	if d := <-late; d.err != nil {
		t.Error(d.err)
	}
	for name, done := range undone {
		if err := <-done; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !has(t, o, "m", "a") || has(t, o, "fresh") {
		t.Error("not undone")
	}
}

func has(t *testing.T, o dstm.Object, path ...string) (is bool) {
	t.Helper()
	if err := o.View(func(tx *dstm.Tx) error { is = tx.Exists(path...); return nil }); err != nil {
		t.Fatal(err)
	}
	return is
}

// A move is undone unless something else has moved that very element since; what happened to others of its list does not count.
func TestUndoOfAMove(t *testing.T) {
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		o := open("o")
		other := h.open(h.guest(), "o")
		ids := make([]string, 4)
		update(t, h.ctx, o, func(tx *dstm.Tx) error {
			for i := range ids {
				ids[i] = tx.Insert(dstm.Last(), i, "list")
			}
			return nil
		})
		move := func(i int, at dstm.Place) func(tx *dstm.Tx) error {
			return func(tx *dstm.Tx) error { tx.Move(ids[i], at, "list"); return nil }
		}
		theirs := func(behind dstm.Commit, fn func(tx *dstm.Tx) error) {
			t.Helper()
			if err := other.Wait(h.ctx, behind.Version); err != nil {
				t.Fatal(err)
			}
			c := update(t, h.ctx, other, fn)
			if err := o.Wait(h.ctx, c.Version); err != nil {
				t.Fatal(err)
			}
		}
		order := func() (out []string) {
			t.Helper()
			if err := o.View(func(tx *dstm.Tx) error { out = tx.Keys("list"); return nil }); err != nil {
				t.Fatal(err)
			}
			return out
		}
		mine := update(t, h.ctx, o, move(2, dstm.First()))
		theirs(mine, func(tx *dstm.Tx) error {
			tx.Move(ids[0], dstm.Last(), "list") // 2 1 3 0
			tx.Insert(dstm.First(), 9, "list")
			return nil
		})
		if _, err := o.Undo(h.ctx, mine); err != nil {
			t.Fatal(err)
		}
		if got := order()[1:]; !slices.Equal(got, []string{ids[1], ids[2], ids[3], ids[0]}) {
			t.Errorf("%q of %q", got, ids)
		}
		mine = update(t, h.ctx, o, move(2, dstm.First()))
		theirs(mine, move(2, dstm.Last()))
		before := order()
		_, err := o.Undo(h.ctx, mine)
		if paths := dstm.ConflictPaths(err); !errors.Is(err, dstm.ErrConflict) || len(paths) != 1 || paths[0][1] != ids[2] {
			t.Errorf("of an element that another has moved since: %v at %v", err, paths)
		}
		if !slices.Equal(order(), before) {
			t.Error("a refused undo did something")
		}
		first := update(t, h.ctx, o, move(1, dstm.First()))
		second := update(t, h.ctx, o, move(1, dstm.Last()))
		if _, err := o.Undo(h.ctx, first); !errors.Is(err, dstm.ErrConflict) {
			t.Errorf("below an own later move: %v", err)
		}
		for _, c := range []dstm.Commit{second, first} {
			if _, err := o.Undo(h.ctx, c); err != nil {
				t.Errorf("one after the other: %v", err)
			}
		}
		mine = update(t, h.ctx, o, move(1, dstm.First()))
		theirs(mine, func(tx *dstm.Tx) error { tx.Delete("list", ids[1]); return nil })
		if _, err := o.Undo(h.ctx, mine); !errors.Is(err, dstm.ErrConflict) {
			t.Errorf("of an element that is gone: %v", err)
		}
	})
}
