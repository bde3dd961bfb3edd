package witness

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// TestValues: the witness makes of random writes what the product makes of them, and refuses the same.
func TestValues(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	key := func() string { return string(rune('a' + r.IntN(3))) }
	write := func() txn.Write {
		path := tree.Path{key()}
		for range r.IntN(3) {
			path = append(path, key())
		}
		w := txn.Write{Op: txn.OpSet + txn.Op(r.IntN(7)), Path: path, Value: raw(r.IntN(9) - 4)}
		switch w.Op {
		case txn.OpSet:
			switch r.IntN(4) {
			case 0:
				w.Path = path[:r.IntN(len(path))]
				w.Value = raw(map[string]any{"a": []any{1, []any{2}}, "b": r.IntN(3)})
				w.Shape = raw([]any{[]any{[]string{"a"}, []string{"c", "b"}}, []any{[]string{"a", "b"}, []string{"a"}}})
			case 1:
				w.Value = raw([]any{r.IntN(3)})
			case 2:
				w.Value = raw(0.5)
			}
		case txn.OpAdd:
			if r.IntN(2) == 0 {
				w.Least, w.Most = raw(-3), raw(7)
			}
		case txn.OpInsert, txn.OpMove:
			w.Path, w.ID, w.Place.Where = path[:1], key(), tree.First+r.IntN(4)
			if w.Place.Where >= tree.After {
				w.Place.Anchor = key()
			}
		}
		return w
	}
	made, refused := 0, 0
	for range 40 {
		var root tree.Node
		plain := &node{kids: map[string]*node{}}
		for version := uint64(1); version < 200; version++ {
			w := write()
			next, _, err := txn.Apply(root, []txn.Write{w}, version)
			if err != nil {
				refused++
				copied := &node{kids: map[string]*node{}}
				if again := copied.write(&txn.Write{Op: txn.OpSet, Value: root.Value(), Shape: root.Shape()}); again != nil {
					t.Fatal(again)
				}
				if plain.write(&w) == nil {
					t.Fatalf("%+v is refused with %v; the witness makes it", w, err)
				}
				plain = copied
				continue
			}
			made++
			if err := plain.write(&w); err != nil {
				t.Fatalf("%+v: %v", w, err)
			}
			if root = next; !bytes.Equal(plain.value(), root.Value()) {
				t.Fatalf("after %+v: %x in place of %x", w, plain.value(), root.Value())
			}
		}
	}
	if made < 1000 || refused < 1000 {
		t.Errorf("%d writes made and %d refused prove little", made, refused)
	}
}
