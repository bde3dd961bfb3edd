package codec_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
)

// labels is a map from string to string that goes by reflection.
type labels map[string]string

// Maps from string to string have a way of their own, which must lead where that of all others does.
func TestStringMap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, n := range []int{0, 1, 2, 15, 16, 17, 200} {
		m := map[string]string{}
		for len(m) < n {
			m[fmt.Sprint("k", r.IntN(1<<20))] = fmt.Sprint(r.IntN(1 << 20))
		}
		fast, err := codec.Marshal(m)
		slow, slowErr := codec.Marshal(labels(m))
		if err != nil || slowErr != nil || string(fast) != string(slow) {
			t.Fatalf("%d entries: %x (%v), by reflection %x (%v)", n, fast, err, slow, slowErr)
		}
		for _, start := range []map[string]string{nil, {"there": "before"}} {
			mine, theirs := maps.Clone(start), labels(maps.Clone(start))
			if err := errors.Join(codec.Unmarshal(fast, &mine), codec.Unmarshal(fast, &theirs)); err != nil {
				t.Fatal(err)
			}
			if mine == nil || !maps.Equal(mine, theirs) {
				t.Fatalf("%d entries: %v, by reflection %v", n, mine, theirs)
			}
		}
	}
	// What is refused, and nil.
	for _, m := range []map[string]string{nil, {"a": "\xff"}, {"\xff": "a"}} {
		fast, err := codec.Marshal(m)
		slow, slowErr := codec.Marshal(labels(m))
		if (err == nil) != (slowErr == nil) || string(fast) != string(slow) {
			t.Errorf("%q: %x (%v), by reflection %x (%v)", m, fast, err, slow, slowErr)
		}
	}
	for _, v := range []any{map[string]any{"a": nil, "b": "x"}, map[string]any{"a": 1}, map[string]any{"a": []any{"b"}}, []any{}, nil} {
		b, err := codec.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fast, slow := map[string]string{"a": "old"}, labels{"a": "old"}
		err, slowErr := codec.Unmarshal(b, &fast), codec.Unmarshal(b, &slow)
		if fmt.Sprint(err) != fmt.Sprint(slowErr) || !maps.Equal(fast, slow) {
			t.Errorf("%v: %v (%v), by reflection %v (%v)", v, fast, err, slow, slowErr)
		}
	}
}

// A slice that is decoded into does not write to what it held before.
func TestSliceIsFresh(t *testing.T) {
	b, err := codec.Marshal([]int{7, 8})
	if err != nil {
		t.Fatal(err)
	}
	old := []int{1, 2, 3}
	held := old
	if err := codec.Unmarshal(b, &old); err != nil || !reflect.DeepEqual(old, []int{7, 8}) || !reflect.DeepEqual(held, []int{1, 2, 3}) {
		t.Errorf("%v, %v, and what it held %v", err, old, held)
	}
}

// Fields are found in whatever order they come, more than once passed over and unknown ones between.
func TestFieldsInAnyOrder(t *testing.T) {
	type record struct{ A, B, C, D int }
	for _, text := range []string{`{"A":1,"B":2,"C":3,"D":4}`, `{"D":4,"C":3,"B":2,"A":1}`, `{"B":2,"X":{"A":9},"A":1,"D":4,"C":3}`, `{"0":0,"A":1,"AA":[1],"B":2,"C":3,"D":4,"E":5}`} {
		b, err := codec.FromJSON(nil, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var got record
		if err := codec.Unmarshal(b, &got); err != nil || got != (record{1, 2, 3, 4}) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestMarshalAllocatesNothing(t *testing.T) {
	var out []byte
	noAllocs(t, "Marshal of an order", func() { out, _ = codec.AppendValue(out[:0], &benchOrder) })
}

// BenchmarkStringMap compares the two ways of a map from string to string.
func BenchmarkStringMap(b *testing.B) {
	m := benchOrder.Notes
	packed, err := codec.Marshal(m)
	if err != nil {
		b.Fatal(err)
	}
	both := func(b *testing.B, v, to any) {
		b.ReportAllocs()
		var out []byte
		for b.Loop() {
			out, _ = codec.AppendValue(out[:0], v)
			if err := codec.Unmarshal(packed, to); err != nil {
				b.Fatal(err)
			}
		}
	}
	l := labels(m)
	b.Run("own", func(b *testing.B) { both(b, &m, new(map[string]string)) })
	b.Run("reflection", func(b *testing.B) { both(b, &l, new(labels)) })
}

// TestStrings: a []string is read as any other list is, and never into the array that was there.
func TestStrings(t *testing.T) {
	type slow []string // a type of its own, so read by reflection
	for _, v := range []any{nil, []string{}, []string{"a"}, []any{"a", nil, "bb"}, []any{"a", 1}, []any{[]string{"a"}}, map[string]int{"a": 1}, 7, make([]string, 5000)} {
		b, err := codec.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		held := []string{"x", "y", "z"}
		fast, other := held, slow{"x", "y", "z"}
		gotErr, wantErr := codec.Unmarshal(b, &fast), codec.Unmarshal(b, &other)
		if (gotErr == nil) != (wantErr == nil) || gotErr == nil && !reflect.DeepEqual(fast, []string(other)) {
			t.Errorf("%v: %q (%v), by reflection %q (%v)", v, fast, gotErr, other, wantErr)
		}
		if held[0] != "x" {
			t.Errorf("%v overwrote what was there", v)
		}
	}
}
