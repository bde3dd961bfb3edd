package tree

import (
	"fmt"
	"testing"
)

// BenchmarkSet sets a leaf of a map of 10,000 below two others.
func BenchmarkSet(b *testing.B) {
	wide := map[string]any{}
	for i := range 10_000 {
		wide[fmt.Sprintf("key-%012d", i)] = i
	}
	root, err := New(raw(map[string]any{"a": map[string]any{"b": wide}}), nil, 1, 0)
	if err != nil {
		b.Fatal(err)
	}
	value := raw(1 << 40)
	version := uint64(1)
	b.ReportAllocs()
	for b.Loop() {
		version++
		if root, err = root.Set(Path{"a", "b", fmt.Sprintf("key-%012d", version%10_000)}, value, nil, version); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInsert inserts behind one and the same element, where labels are scarce.
func BenchmarkInsert(b *testing.B) {
	root, _ := (&Node{}).Insert(Path{"l"}, "first", Place{Where: First}, raw(1), nil, 1)
	value := raw(1)
	version := uint64(1)
	b.ReportAllocs()
	for b.Loop() {
		version++
		var err error
		if root, err = root.Insert(Path{"l"}, fmt.Sprint(version), Place{Where: After, Anchor: "first"}, value, nil, version); err != nil {
			b.Fatal(err)
		}
	}
}
