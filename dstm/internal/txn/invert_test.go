package txn

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func randomKey(r *rand.Rand) string { return string(rune('a' + r.IntN(3))) }

func randomWrite(r *rand.Rand) Write {
	path := tree.Path{randomKey(r)}
	for range r.IntN(3) {
		path = append(path, randomKey(r))
	}
	place := tree.Place{Where: tree.First + r.IntN(4)}
	if place.Where >= tree.After {
		place.Anchor = randomKey(r)
	}
	switch r.IntN(9) {
	case 0:
		return Write{Op: OpDelete, Path: path}
	case 1:
		return Write{Op: OpAdd + Op(r.IntN(3)), Path: path, Value: raw(r.IntN(9) - 4)}
	case 2:
		return Write{Op: OpSet, Path: path, Value: raw([]any{1, map[string]any{"a": []any{}}}), Shape: raw([]any{[]any{[]string{}, []string{"b", "a"}}})}
	case 3, 4:
		return Write{Op: OpInsert, Path: path[:1], ID: randomKey(r), Place: place, Value: raw(r.IntN(9))}
	case 5:
		return Write{Op: OpMove, Path: path[:1], ID: randomKey(r), Place: place}
	case 6:
		return Write{Op: OpSet, Path: path[:r.IntN(len(path))], Value: raw(map[string]any{"a": map[string]any{"b": 1}})}
	}
	return Write{Op: OpSet, Path: path, Value: raw(r.IntN(9))}
}

// exact reports whether what undoes the write leads back to the very value: an addition to nothing leaves a 0, an
// insertion into nothing an empty list.
func exact(root *tree.Node, w *Write) bool {
	return w.Op != OpAdd && w.Op != OpInsert || root.Find(w.Path) != nil
}

// TestInvert applies random writes and what undoes them.
func TestInvert(t *testing.T) {
	r := seeded(t)
	undone := 0
	var root tree.Node
	for version := uint64(1); version < 6000; version += 3 {
		var writes []Write
		after := root
		back := true
		for range 1 + r.IntN(4) {
			w := randomWrite(r)
			back = back && exact(&after, &w)
			if next, _, err := Apply(after, []Write{w}, version); err == nil {
				after, writes = next, append(writes, w)
			}
		}
		reads, inverse, ok := Invert(&root, writes)
		if !ok {
			t.Fatalf("%+v cannot be undone", writes)
		}
		// What the writes concern is enough to know.
		fewReads, fewInverse, ok := Invert(root.Only(Concerns(&root, writes)), writes)
		if !ok || !reflect.DeepEqual(fewReads, reads) || !reflect.DeepEqual(fewInverse, inverse) {
			t.Fatalf("undoing %+v: of the whole %+v, %+v, of what is kept %+v, %+v", writes, reads, inverse, fewReads, fewInverse)
		}
		for i := range reads {
			if !Holds(&after, version, &reads[i], Judge{}) {
				t.Fatalf("undoing %+v reads %+v, which does not hold at once", writes, reads[i])
			}
		}
		again, at, err := Apply(after, inverse, version+1)
		if err != nil {
			t.Fatalf("undoing %+v: %+v: %v", writes, inverse[at], err)
		}
		if back && (!bytes.Equal(again.Value(), root.Value()) || !bytes.Equal(again.Shape(), root.Shape())) {
			t.Fatalf("undoing %+v leads to\n%s %s in place of\n%s %s", writes, text(again.Value()), text(again.Shape()), text(root.Value()), text(root.Shape()))
		}
		if back && len(writes) > 0 {
			undone++
		}
		checkTouched(t, r, &after, writes, reads, version)
		root = after
	}
	if undone < 200 {
		t.Errorf("only %d were undone", undone)
	}
}

// checkTouched sees that a set cannot be undone once another has written there.
func checkTouched(t *testing.T, r *rand.Rand, after *tree.Node, writes []Write, reads []Read, version uint64) {
	t.Helper()
	if len(writes) == 0 {
		return
	}
	w := &writes[r.IntN(len(writes))]
	if w.Op != OpSet || after.Find(w.Path) == nil || len(w.Path) == 0 {
		return
	}
	theirs, _, err := Apply(*after, []Write{{Op: OpSet, Path: w.Path, Value: raw("theirs")}}, version+1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range reads {
		if !Holds(&theirs, version, &reads[i], Judge{}) {
			return
		}
	}
	t.Fatalf("nothing in %+v tells that another wrote at %q", reads, w.Path)
}

func TestInvertRefuses(t *testing.T) {
	for name, writes := range map[string][]Write{
		"the integer that has no opposite": {{Op: OpAdd, Path: tree.Path{"n"}, Value: raw(int64(math.MinInt64))}},
		"writes that do not fit":           {{Op: OpMove, Path: tree.Path{"l"}, ID: "x", Place: tree.Place{Where: tree.First}}},
	} {
		if _, _, ok := Invert(&tree.Node{}, writes); ok {
			t.Errorf("%s: undone", name)
		}
	}
}

// An undone deletion puts an element back where it stood, among those that are still there.
func TestInvertDelete(t *testing.T) {
	root, err := tree.New(raw(map[string]any{"l": []any{1, 2, 3}}), raw([]any{[]any{[]string{"l"}, []string{"a", "b", "c"}}}), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	writes := []Write{{Op: OpDelete, Path: tree.Path{"l", "c"}}, {Op: OpDelete, Path: tree.Path{"l", "b"}}}
	_, inverse, _ := Invert(&root, writes)
	theirs := []Write{{Op: OpInsert, Path: tree.Path{"l"}, ID: "d", Place: tree.Place{Where: tree.Last}, Value: raw(4)}}
	after, _, err := Apply(root, append(append(writes, theirs...), inverse...), 2)
	if err != nil || text(after.Value()) != `{"l":[1,2,3,4]}` {
		t.Fatal(text(after.Value()), err)
	}
}

// A map that another deleted, or put in the place of the old one, is not made again by undoing a deletion in it.
func TestInvertBelowWhatIsGone(t *testing.T) {
	root, _, err := Apply(tree.Node{}, []Write{{Op: OpSet, Path: tree.Path{"m", "x"}, Value: raw(1)}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	mine := []Write{{Op: OpDelete, Path: tree.Path{"m", "x"}}}
	reads, _, _ := Invert(&root, mine)
	for name, theirs := range map[string]Write{
		"deleted":  {Op: OpDelete, Path: tree.Path{"m"}},
		"replaced": {Op: OpSet, Path: tree.Path{"m"}, Value: raw(map[string]any{})},
	} {
		after, _, _ := Apply(root, mine, 2)
		after, _, _ = Apply(after, []Write{theirs}, 3)
		holds := true
		for i := range reads {
			holds = holds && Holds(&after, 2, &reads[i], Judge{})
		}
		if holds {
			t.Errorf("%s: nothing tells", name)
		}
	}
}
