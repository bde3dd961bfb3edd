package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
)

func mustUpdate(t *testing.T, s *site, o dstm.Object, fn func(tx *dstm.Tx) error) dstm.Commit {
	t.Helper()
	c, err := o.Update(s.ctx, fn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTransfer: what is exported from one file and imported into another is the same there, and elements keep their ids: a client goes on
// with those that it knew.
func TestTransfer(t *testing.T) {
	from, to := newSite(t, dstm.StoreOptions{CheckpointEntries: 3, Resident: 1}), newSite(t, dstm.StoreOptions{CheckpointEntries: 3, Resident: 1})
	path := newPath(t)
	from.start(path)
	g := from.guest()
	var known string
	mustUpdate(t, from, g.open("board/1"), func(tx *dstm.Tx) error {
		known = tx.Insert(dstm.Last(), map[string]any{"title": "one"}, "cards")
		tx.Insert(dstm.First(), "zero", "cards")
		tx.Insert(dstm.Last(), 1.5, "cards", known, "notes")
		return nil
	})
	mustUpdate(t, from, g.open("board/2"), func(tx *dstm.Tx) error {
		tx.Set(map[string]any{"$int": 1, "bytes": []byte{0, 255}, "large": int64(1) << 60, "array": []any{1, "1"}}, "odd")
		return nil
	})
	mustUpdate(t, from, g.open("else"), raise(1))
	mustUpdate(t, from, g.open("board/gone"), raise(1))
	if err := from.store.Delete(from.ctx, "board/gone"); err != nil {
		t.Fatal(err)
	}
	g.leave()
	from.stop()
	from.start(path) // what is exported is what is in the file

	var lines bytes.Buffer
	if err := from.store.Export(from.ctx, &lines, "board/"); err != nil {
		t.Fatal(err)
	}
	to.start(newPath(t))
	other := to.guest()
	held := other.open("board/2") // is told of the import
	if n, err := to.store.Import(to.ctx, bytes.NewReader(lines.Bytes())); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	var r dstmtest.Recorder
	board := other.open("board/1")
	to.same(&r, board, held)
	for _, o := range []dstm.Object{board, held} {
		if have, want := valueOf(t, o), valueOf(t, from.object(o.Name())); !bytes.Equal(have, want) {
			t.Errorf("%q was %x and is %x", o.Name(), want, have)
		}
	}
	mustUpdate(t, to, board, func(tx *dstm.Tx) error {
		tx.Move(known, dstm.First(), "cards")
		tx.Set("the first", "cards", known, "title")
		return nil
	})
	to.same(&r, board)
	var names []string
	for info, err := range to.store.List(to.ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprint(info.Name, "@", info.Version))
	}
	if got := strings.Join(names, " "); got != "board/1@2 board/2@1" {
		t.Errorf("listed: %s", got)
	}
}

// TestDeletedAndMadeAgain: whoever was away while an object was deleted and made anew, with the same values, does not change the new one
// by what it knew of the old one.
func TestDeletedAndMadeAgain(t *testing.T) {
	state := dstm.NewVar[string]("state").At()
	bid := func(tx *dstm.Tx) error {
		if state.Get(tx) != "open" {
			return errors.New("closed")
		}
		total.Set(tx, total.Get(tx)+1)
		return nil
	}
	for _, c := range []struct {
		name string
		fn   func(tx *dstm.Tx) error
		sent bool // but lost on its way
	}{
		{"never sent", bid, false},
		{"sent", bid, true},
		{"only below a map, never sent", func(tx *dstm.Tx) error { tx.Overwrite(7, "lot", "price"); return nil }, false},
		{"only below a map, sent", func(tx *dstm.Tx) error { tx.Overwrite(7, "lot", "price"); return nil }, true},
		{"an addition below a map, sent", func(tx *dstm.Tx) error { tx.Add(7, nil, nil, "lot", "price"); return nil }, true},
		{"into a list, sent", func(tx *dstm.Tx) error { tx.Insert(dstm.Last(), 7, "list"); return nil }, true},
	} {
		for _, every := range []int{1, 1 << 20} {
			t.Run(fmt.Sprintf("%s, checkpoints every %d", c.name, every), func(t *testing.T) {
				s := newSite(t, dstm.StoreOptions{CheckpointEntries: every, Resident: 1})
				path := newPath(t)
				s.start(path)
				create := func() {
					t.Helper()
					o := s.object("lot/1")
					mustUpdate(t, s, o, func(tx *dstm.Tx) error {
						state.Set(tx, "open")
						total.Set(tx, 10)
						tx.Set(map[string]int{"price": 1}, "lot")
						tx.Insert(dstm.Last(), 1, "list")
						return nil
					})
					o.Close()
				}
				create()
				g := s.guest()
				o := g.open("lot/1")
				done := misses(g, o, c.fn, c.sent)
				g.leave()
				if err := s.store.Delete(s.ctx, "lot/1"); err != nil {
					t.Fatal(err)
				}
				create()
				s.stop()
				s.start(path)
				fresh := s.object("lot/1")
				want := valueOf(t, fresh)
				g.back()
				if err := <-done; !errors.Is(err, dstm.ErrConflict) {
					t.Errorf("got %v", err)
				}
				var r dstmtest.Recorder
				s.same(&r, o)
				if have := valueOf(t, fresh); !bytes.Equal(have, want) || fresh.Head().Version != 3 {
					t.Errorf("the new object was %x and is %x, at %+v", want, have, fresh.Head())
				}
				// What is run again sees the new one.
				mustUpdate(t, s, o, bid)
				s.same(&r, o)
			})
		}
	}
}

// misses begins an Update of one attempt, which does not reach the server.
func misses(g *guest, o dstm.Object, fn func(tx *dstm.Tx) error, sent bool) <-chan error {
	s := g.site
	s.t.Helper()
	before := valueOf(s.t, o)
	if sent {
		g.line.lose()
	} else {
		g.leave()
	}
	done := make(chan error, 1)
	go func() {
		_, err := o.Update(s.ctx, fn, dstm.MaxAttempts(1))
		done <- err
	}()
	s.until(func() bool { return !bytes.Equal(valueOf(s.t, o), before) })
	return done
}
