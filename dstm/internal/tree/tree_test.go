package tree

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
)

func raw(v any) codec.Raw {
	b, err := codec.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// naive is a node as plainly as can be, with its versions found by definition.
type naive struct {
	kids                 map[string]*naive // nil for a leaf
	leaf                 codec.Raw
	written, keys, below uint64
}

func parse(b codec.Raw, version uint64) *naive {
	r := codec.NewReader(b, 1)
	if r.Kind() != codec.Map {
		return &naive{leaf: b, written: version}
	}
	n := &naive{kids: map[string]*naive{}, written: version, keys: version, below: version}
	for pairs := r.Map(); pairs.Len() > 0; {
		key := pairs.String()
		n.kids[key] = parse(pairs.Raw(), version)
	}
	return n
}

// set reports false where a leaf is in the way.
func (n *naive) set(path Path, b codec.Raw, version uint64) bool {
	for at := n; len(path) > 0; path = path[1:] {
		if at.kids == nil {
			return false
		}
		key := path[0]
		kid := at.kids[key]
		if kid == nil {
			at.keys = version
		}
		at.below = version
		if len(path) == 1 {
			at.kids[key] = parse(b, version)
			return true
		}
		if kid == nil {
			kid = parse(raw(map[string]any{}), version)
			at.kids[key] = kid
		}
		at = kid
	}
	*n = *parse(b, version)
	return true
}

func (n *naive) find(path Path) *naive {
	for _, key := range path {
		if n == nil {
			return nil
		}
		n = n.kids[key]
	}
	return n
}

func (n *naive) delete(path Path, version uint64) {
	if n.find(path) == nil {
		return
	}
	for len(path) > 1 {
		n.below = version
		n, path = n.kids[path[0]], path[1:]
	}
	n.below, n.keys = version, version
	delete(n.kids, path[0])
}

func (n *naive) compare(t *testing.T, at Path, have *Node) {
	t.Helper()
	if have.IsMap() != (n.kids != nil) || have.Written != n.written || string(have.Leaf) != string(n.leaf) {
		t.Fatalf("at %q: %+v in place of %+v", at, have, n)
	}
	if n.kids == nil {
		return
	}
	if have.Keys != n.keys || have.Below != n.below {
		t.Fatalf("at %q: keys %d, below %d in place of %d, %d", at, have.Keys, have.Below, n.keys, n.below)
	}
	var keys []string
	for key, kid := range have.Kids.All() {
		keys = append(keys, key)
		if n.kids[key] == nil {
			t.Fatalf("a key %q too much at %q", key, at)
		}
		n.kids[key].compare(t, append(at[:len(at):len(at)], key), kid)
	}
	if want := slices.Sorted(maps.Keys(n.kids)); !slices.Equal(keys, want) {
		t.Fatalf("at %q: keys %q in place of %q", at, keys, want)
	}
}

// TestModel compares random writes, versions included, with the naive tree, and sees that no old version changes.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	path := func(least int) Path {
		p := Path{}
		for n := least + r.IntN(4); len(p) < n; {
			p = append(p, string(rune('a'+r.IntN(4))))
		}
		return p
	}
	for range 30 {
		root, model := Node{}, parse(raw(map[string]any{}), 0)
		var old []Node
		var values []string
		for version := uint64(1); version <= 120; version++ {
			old, values = append(old, root), append(values, string(root.Value()))
			p := path(0)
			var next Node
			var err error
			switch op := r.IntN(10); {
			case op < 3 && len(p) > 0:
				next, err = root.Delete(p, version)
				model.delete(p, version)
			case op < 5:
				v := raw(map[string]any{"a": r.IntN(3), "b": map[string]any{"c": r.IntN(3)}})
				next, err = root.Set(p, v, version)
				if !model.set(p, v, version) != errors.Is(err, ErrLeaf) {
					t.Fatalf("set %q: %v", p, err)
				}
			default:
				p = append(p, "x")
				v := raw(r.IntN(5))
				next, err = root.Set(p, v, version)
				if copied := *model; !copied.set(p, v, version) != errors.Is(err, ErrLeaf) {
					t.Fatalf("set %q: %v", p, err)
				} else if err == nil {
					*model = copied
				}
			}
			if err != nil {
				if next.Value() == nil || string(next.Value()) != string(root.Value()) {
					t.Fatal("a failed write changed something")
				}
				// The naive tree has marked the way to the leaf: begin again from the real one.
				model = fromNode(&root)
				continue
			}
			model.compare(t, nil, &next)
			checkDiff(t, &root, &next)
			root = next
		}
		for i := range old {
			if string(old[i].Value()) != values[i] {
				t.Fatalf("version %d changed later", i)
			}
		}
	}
}

func fromNode(n *Node) *naive {
	out := &naive{leaf: n.Leaf, written: n.Written, keys: n.Keys, below: n.Below}
	if n.IsMap() {
		out.kids = map[string]*naive{}
		for key, kid := range n.Kids.All() {
			out.kids[key] = fromNode(kid)
		}
	}
	return out
}

// checkDiff sees that the differences, applied to before, make after, and are no more than needed.
func checkDiff(t *testing.T, before, after *Node) {
	t.Helper()
	made := *before
	Diff(nil, before, after, func(path Path, old, fresh *Node) bool {
		if string(before.Find(path).Value()) != string(old.Value()) || string(after.Find(path).Value()) != string(fresh.Value()) {
			t.Fatalf("the difference at %q is not what is there", path)
		}
		if string(old.Value()) == string(fresh.Value()) && old.IsMap() != fresh.IsMap() {
			t.Fatalf("no difference at %q", path)
		}
		var err error
		if fresh == nil {
			made, err = made.Delete(path, 1)
		} else {
			made, err = made.Set(path, fresh.Value(), 1)
		}
		if err != nil {
			t.Fatal(err)
		}
		return true
	})
	if string(made.Value()) != string(after.Value()) {
		t.Fatal("the differences do not lead from before to after")
	}
}

func TestLimits(t *testing.T) {
	var root Node
	deepest := make(Path, MaxDepth)
	for i := range deepest {
		deepest[i] = "k"
	}
	full, err := root.Set(deepest, raw(1), 1)
	if err != nil || full.Find(deepest) == nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path  Path
		value any
		want  error
	}{
		"a map below the deepest": {deepest, map[string]any{"a": 1}, ErrDepth},
		"the root is a leaf":      {nil, 1, ErrRoot},
		"an empty key":            {Path{"a"}, map[string]any{"": 1}, ErrKey},
		"a long key":              {Path{"a"}, map[string]any{strings.Repeat("k", 257): 1}, ErrKey},
		"through a leaf":          {append(deepest[:MaxDepth-1:MaxDepth-1], "k", "x")[:MaxDepth], 1, nil},
	} {
		if _, err := full.Set(c.path, raw(c.value), 2); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := full.Delete(nil, 2); !errors.Is(err, ErrRoot) {
		t.Error(err)
	}
	for key, ok := range map[string]bool{"": false, "a": true, strings.Repeat("k", 256): true, strings.Repeat("k", 257): false, "\xff": false, "a\x00": true} {
		if ValidKey(key) != ok {
			t.Errorf("ValidKey(%q) = %v", key, !ok)
		}
	}
}

func TestAdd(t *testing.T) {
	const most, least = math.MaxInt64, math.MinInt64
	for _, c := range []struct {
		old, n, low, high any
		want              any // a sum or an error
	}{
		{nil, 5, nil, nil, 5},
		{1, 2, nil, nil, 3},
		{1, -2, nil, nil, -1},
		{1.5, 2, nil, nil, 3.5},
		{1.5, 2.5, nil, nil, 4},
		{most, 1, nil, nil, ErrRange},
		{most, -1, nil, nil, most - 1},
		{least, -1, nil, nil, ErrRange},
		{least, least, nil, nil, ErrRange},
		{most, most, nil, nil, ErrRange},
		{least, most, nil, nil, -1},
		{0, least, nil, nil, least},
		{math.MaxFloat64, math.MaxFloat64, nil, nil, ErrRange},
		{"text", 1, nil, nil, ErrNotNumber},
		{map[string]any{}, 1, nil, nil, ErrNotNumber},
		{true, 1, nil, nil, ErrNotNumber},
		{1, 1, 0, 2, 2},
		{1, 1, 0, 1.5, ErrBounds},
		{1, -2, 0, nil, ErrBounds},
		{most - 1, 1, nil, float64(1 << 62), ErrBounds},
		{1 << 53, 1, nil, float64(1 << 53), ErrBounds}, // without rounding the sum
	} {
		root := Node{}
		if c.old != nil {
			root, _ = root.Set(Path{"x"}, raw(c.old), 1)
		}
		bound := func(v any) codec.Raw {
			if v == nil {
				return nil
			}
			return raw(v)
		}
		next, err := root.Add(Path{"x"}, raw(c.n), bound(c.low), bound(c.high), 2)
		if want, ok := c.want.(error); ok {
			if !errors.Is(err, want) || string(next.Value()) != string(root.Value()) {
				t.Errorf("%v + %v: %v", c.old, c.n, err)
			}
		} else if got := next.Find(Path{"x"}); err != nil || string(got.Leaf) != string(raw(c.want)) || got.Written != 2 {
			t.Errorf("%v + %v = %x, %v", c.old, c.n, next.Find(Path{"x"}).Leaf, err)
		}
	}
}

func TestCompareNumbers(t *testing.T) {
	ascending := []any{-math.MaxFloat64, math.MinInt64, -1.5, -1, 0, 0.5, 1, 1 << 53, 1<<53 + 1, math.MaxInt64 - 1, math.MaxInt64, float64(1 << 63), math.MaxFloat64}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := CompareNumbers(raw(a), raw(b)); got != compare(int64(i), int64(j)) {
				t.Errorf("%v and %v: %d", a, b, got)
			}
		}
	}
}

func TestHash(t *testing.T) {
	wide := map[string]any{}
	for i := range MaxHashed {
		wide[fmt.Sprint(i)] = i
	}
	n, _ := New(raw(wide), 1, 0)
	if _, err := n.Hash(); !errors.Is(err, ErrHash) {
		t.Error("too many nodes were hashed")
	}
	if _, err := n.KeysHash(); err != nil {
		t.Error(err)
	}
	wide["one more"] = 1
	n, _ = New(raw(wide), 1, 0)
	if _, err := n.KeysHash(); !errors.Is(err, ErrHash) {
		t.Error("too many keys were hashed")
	}
	budget := 10
	small, _ := New(raw(map[string]any{"a": 1, "b": 2}), 1, 0)
	for want := range 4 {
		_, err := small.HashWithin(&budget)
		if (err == nil) != (want < 3) {
			t.Errorf("the %d. hash: %v", want, err)
		}
	}
	budget = 10
	text, _ := New(raw(strings.Repeat("x", 1000)), 1, 0)
	if _, err := text.HashWithin(&budget); !errors.Is(err, ErrHash) {
		t.Error("the length of a leaf costs nothing")
	}
	a, _ := small.Hash()
	other, _ := New(raw(map[string]any{"b": 2, "a": 1}), 7, 0)
	if b, _ := other.Hash(); string(a) != string(b) || len(a) != HashSize {
		t.Error("the hash is not one of the value")
	}
	if sum, err := (*Node)(nil).Hash(); sum != nil || err != nil {
		t.Error("nothing has a hash")
	}
}

func TestPath(t *testing.T) {
	p := Path{"a/b", "c~d", "e"}
	if p.String() != "a~1b/c~0d/e" {
		t.Error(p.String())
	}
	for _, c := range []struct {
		p, q            Path
		starts, touches bool
	}{
		{Path{"a", "b"}, Path{"a"}, true, true},
		{Path{"a"}, Path{"a", "b"}, false, true},
		{Path{"a"}, Path{"b"}, false, false},
		{Path{"a"}, nil, true, true},
		{nil, Path{"a"}, false, true},
	} {
		if c.p.Starts(c.q) != c.starts || c.p.Touches(c.q) != c.touches {
			t.Errorf("%q and %q", c.p, c.q)
		}
	}
}
