package dstm_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
)

// Whoever changes, in whatever depth, what went into a transaction or came out of one or of Changes changes nothing
// in the object: not in this client, not in what travels, not in the store.
func TestNothingIsSharedWithTheTree(t *testing.T) {
	h := newHall(t, false, false)
	o, other := h.open(h.guest(), "o"), h.open(h.guest(), "o")
	raw, err := codec.Marshal(map[string]any{"deep": []any{"text", []byte("binary")}})
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]any{
		"bytes": []byte("binary"),
		"list":  []any{[]byte("binary"), map[string]any{"k": []byte("binary")}},
		"raw":   codec.Raw(raw),
		"map":   map[string]any{"k": []any{[]byte("binary")}},
	}
	want, err := codec.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	c := update(t, h.ctx, o, func(tx *dstm.Tx) error {
		for key, value := range given {
			tx.Set(value, key)
			scribble(value) // before it is sent
		}
		var got map[string]any
		tx.Lookup(&got)
		scribble(got)
		scribble(tx.Read("bytes"))
		return tx.Err()
	})
	if err := other.Wait(h.ctx, c.Version); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]dstm.Object{"author": o, "other": other} {
		for range 2 {
			err := o.View(func(tx *dstm.Tx) error {
				var all any
				var rawBytes codec.Raw
				var bin []byte
				tx.Lookup(&all)
				tx.Lookup(&rawBytes, "bytes")
				tx.Lookup(&bin, "bytes")
				scribble(all)
				scribble(rawBytes)
				scribble(bin)
				for _, key := range tx.Keys() {
					scribble(tx.Read(key))
				}
				return tx.Err()
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if got := valueIn(t, o); !bytes.Equal(got, want) {
			t.Errorf("%s: %x in place of %x", name, got, want)
		}
	}
}

func TestChangesAreCopies(t *testing.T) {
	h := newHall(t, false, false)
	o := h.open(h.guest(), "o")
	ctx, cancel := context.WithCancel(h.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			o.Update(ctx, func(tx *dstm.Tx) error { tx.Set([]byte{'b', byte('0' + i%2)}, "k"); return nil })
		}
	}()
	seen := 0
	for c, err := range o.Changes(ctx, "k") {
		if err != nil {
			t.Fatal(err)
		}
		scribble(c.Old)
		scribble(c.New)
		if seen++; seen == 10 {
			break
		}
	}
	cancel()
	<-done
	update(t, h.ctx, o, func(tx *dstm.Tx) error { tx.Set([]byte("b0"), "other"); return nil }) // behind all that was under way
	var got []byte
	if err := o.View(func(tx *dstm.Tx) error { tx.Lookup(&got, "k"); return nil }); err != nil || string(got) != "b0" && string(got) != "b1" {
		t.Errorf("the object holds %q: %v", got, err)
	}
}

// scribble overwrites all bytes in a value.
func scribble(value any) {
	switch v := value.(type) {
	case []byte:
		clear(v)
	case codec.Raw:
		clear(v)
	case []any:
		for i := range v {
			scribble(v[i])
			v[i] = nil
		}
	case map[string]any:
		for key := range v {
			scribble(v[key])
			delete(v, key)
		}
	}
}
