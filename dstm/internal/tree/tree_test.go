package tree

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
)

func raw(v any) codec.Raw {
	b, err := codec.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func TestLimits(t *testing.T) {
	var root Node
	deepest := make(Path, MaxDepth)
	for i := range deepest {
		deepest[i] = "k"
	}
	full, err := root.Set(deepest, raw(1), nil, 1)
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
		if _, err := full.Set(c.path, raw(c.value), nil, 2); !errors.Is(err, c.want) {
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
			root, _ = root.Set(Path{"x"}, raw(c.old), nil, 1)
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
	n, _ := New(raw(wide), nil, 1, 0)
	if _, err := n.Hash(); !errors.Is(err, ErrHash) {
		t.Error("too many nodes were hashed")
	}
	if _, err := n.KeysHash(); err != nil {
		t.Error(err)
	}
	wide["one more"] = 1
	n, _ = New(raw(wide), nil, 1, 0)
	if _, err := n.KeysHash(); !errors.Is(err, ErrHash) {
		t.Error("too many keys were hashed")
	}
	budget := 10
	small, _ := New(raw(map[string]any{"a": 1, "b": 2}), nil, 1, 0)
	for want := range 4 {
		_, err := small.HashWithin(&budget)
		if (err == nil) != (want < 3) {
			t.Errorf("the %d. hash: %v", want, err)
		}
	}
	budget = 10
	text, _ := New(raw(strings.Repeat("x", 1000)), nil, 1, 0)
	if _, err := text.HashWithin(&budget); !errors.Is(err, ErrHash) {
		t.Error("the length of a leaf costs nothing")
	}
	long, _ := New(raw(map[string]any{strings.Repeat("k", 250): map[string]any{strings.Repeat("l", 250): []any{}}}), nil, 1, 0)
	list, _ := long.Set(Path{strings.Repeat("k", 250), strings.Repeat("l", 250)}, raw([]any{}), raw([]any{[]any{[]any{}, []any{}}}), 2)
	for _, c := range []struct {
		n    Node
		cost int
	}{{long, 3}, {list, 3 + 500/64}} {
		budget = 100
		if _, err := c.n.HashWithin(&budget); err != nil || budget != 100-c.cost {
			t.Errorf("it costs %d in place of %d, %v", 100-budget, c.cost, err)
		}
	}
	a, _ := small.Hash()
	other, _ := New(raw(map[string]any{"b": 2, "a": 1}), nil, 7, 0)
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
