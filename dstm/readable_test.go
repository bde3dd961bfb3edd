package dstm_test

import (
	"context"
	"errors"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
)

// A client that may read its own hand alone works on it like on anything else, and nothing it does, or undoes, touches what it cannot see.
func TestAHandOfCards(t *testing.T) {
	h := newHallOf(t, false, false, dstm.Rule{
		Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll,
		Read: func(context.Context, *dstm.Access) ([]dstm.Path, error) { return []dstm.Path{{"hands", "me"}}, nil },
	})
	table, err := h.store.Open(h.ctx, "table")
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	mine, err := h.guest().Open(h.ctx, "table") // not watched: what it holds is not all
	if err != nil {
		t.Fatal(err)
	}
	cards := dstm.NewVar[int]("hands", "{who}", "cards")
	dealt := update(t, h.ctx, mine, func(tx *dstm.Tx) error { cards.At("me").Set(tx, 5); return nil })
	update(t, h.ctx, table, func(tx *dstm.Tx) error { cards.At("you").Set(tx, 7); return nil })
	look := func(o dstm.Object, who string) (n int, err error) {
		err = o.View(func(tx *dstm.Tx) error { n = cards.At(who).Get(tx); return nil })
		return n, err
	}
	if n, err := look(mine, "me"); n != 5 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := look(mine, "you"); !errors.Is(err, dstm.ErrDenied) {
		t.Errorf("the other hand: %v", err)
	}
	_, err = mine.Update(h.ctx, func(tx *dstm.Tx) error {
		cards.At("me").Set(tx, 1)
		cards.At("you").Get(tx)
		return nil
	})
	if !errors.Is(err, dstm.ErrDenied) {
		t.Errorf("reading it in a transaction: %v", err)
	}
	// It created the map that all hands are in, which is not its own to remove.
	if _, err := mine.Undo(h.ctx, dealt); err != nil {
		t.Fatal(err)
	}
	if n, err := look(table, "you"); n != 7 || err != nil {
		t.Errorf("the other hand has %d cards: %v", n, err)
	}
	if n, err := look(table, "me"); n != 0 || err != nil {
		t.Errorf("what was undone is there: %d, %v", n, err)
	}
}
