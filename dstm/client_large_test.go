package dstm_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
)

// TestLargeObject opens an object that travels in pieces, while it changes and while the line is cut.
func TestLargeObject(t *testing.T) {
	for _, json := range []bool{false, true} {
		t.Run(fmt.Sprint("json ", json), func(t *testing.T) {
			h := newHall(t, false, json)
			g := h.guest()
			o := h.open(g, "a")
			leaf := strings.Repeat("x", 1000)
			for part := range 4 {
				if _, err := o.Update(h.ctx, func(tx *dstm.Tx) error {
					for i := range 100 {
						tx.Set(leaf, "map", fmt.Sprint(part), fmt.Sprint(i))
						tx.Insert(dstm.First(), map[string]any{"n": i, "leaf": leaf}, "list")
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			read := func(o dstm.Object) (value codec.Raw, ids []string) {
				if err := o.View(func(tx *dstm.Tx) error {
					value, ids = tx.Read(), tx.Keys("list")
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				return value, ids
			}
			other := h.guest()
			done := make(chan struct{})
			go func() {
				defer close(done)
				for i := range 50 {
					if _, err := o.Update(h.ctx, func(tx *dstm.Tx) error {
						tx.Overwrite(i, "map", "0", fmt.Sprint(i))
						return nil
					}); err != nil {
						t.Error(err)
					}
					if i%10 == 0 {
						other.line.drop(true)
					}
				}
			}()
			late := h.open(other, "a")
			<-done
			if err := late.Wait(h.ctx, o.Head().Version); err != nil {
				t.Fatal(err)
			}
			want, ids := read(o)
			have, others := read(late)
			if len(ids) != 400 || !bytes.Equal(want, have) || fmt.Sprint(ids) != fmt.Sprint(others) {
				t.Fatalf("%d bytes and %d elements in place of %d and %d", len(have), len(others), len(want), len(ids))
			}
		})
	}
}
