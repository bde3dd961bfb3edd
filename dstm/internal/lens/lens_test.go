package lens

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func raw(v any) codec.Raw {
	b, err := codec.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

var keys = []string{"a", "b", "c", "d"}

func key(r *rand.Rand) string { return keys[r.IntN(len(keys))] }

func path(r *rand.Rand, least, most int) tree.Path {
	var p tree.Path
	for n := least + r.IntN(most-least+1); len(p) < n; {
		p = append(p, key(r))
	}
	return p
}

func value(r *rand.Rand, depth int) any {
	if depth == 0 || r.IntN(3) == 0 {
		return r.IntN(10)
	}
	m := map[string]any{}
	for range r.IntN(4) {
		m[key(r)] = value(r, depth-1)
	}
	return m
}

// write is any write; many cannot be applied where they are made.
func write(r *rand.Rand) txn.Write {
	w := txn.Write{Path: path(r, 1, 4), Place: tree.Place{Where: tree.Last}, ID: key(r)}
	switch w.Op = txn.Op(1 + r.IntN(7)); w.Op {
	case txn.OpSet:
		w.Value = raw(value(r, 3))
		if r.IntN(20) == 0 {
			w.Path, w.Value = nil, raw(map[string]any{"a": value(r, 3), "b": value(r, 2)})
		}
	case txn.OpAdd, txn.OpMin, txn.OpMax:
		w.Value = raw(r.IntN(9))
	case txn.OpInsert:
		w.Value = raw(value(r, 2))
	case txn.OpMove:
		w.Place.Where = tree.First + r.IntN(2)
	}
	return w
}

// same reports whether two nodes hold the same, with the same ids in the same lists.
func same(a, b *tree.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(a.Value(), b.Value()) && bytes.Equal(a.Shape(), b.Shape())
}

// Of writes that are made together it gets no more than there are and than there are paths, and is as right.
func TestWritesTogether(t *testing.T) {
	r := seeded(t)
	saved := 0
	for range 300 {
		var paths []tree.Path
		for range 1 + r.IntN(5) {
			paths = append(paths, path(r, 1, 3))
		}
		l := New(paths)
		var server, replica tree.Node
		for version := uint64(1); version <= 20; version++ {
			var writes []txn.Write
			one := 0
			next := server
			for range 10 {
				w := write(r)
				if after, _, err := txn.Apply(next, []txn.Write{w}, version); err == nil {
					next, writes = after, append(writes, w)
					one += len(l.Writes([]txn.Write{w}))
				}
			}
			server = next
			filtered := l.Writes(writes)
			saved += one - len(filtered)
			if len(filtered) > len(writes)+len(l.paths) {
				t.Fatalf("%d writes of %d at %d paths", len(filtered), len(writes), len(l.paths))
			}
			var err error
			if replica, _, err = txn.Apply(replica, filtered, version); err != nil {
				t.Fatalf("%v of %+v: %v", filtered, writes, err)
			}
			for _, p := range l.Paths() {
				have, want := replica.Find(p), server.Find(p)
				if !same(have, want) || want != nil && (have.Written != want.Written || have.Changed() != want.Changed()) {
					t.Fatalf("at %v: %s in place of %s after %+v", p, have.Value(), want.Value(), writes)
				}
			}
		}
	}
	if saved == 0 {
		t.Error("this proves nothing")
	}
	hidden := slices.Repeat([]txn.Write{{Op: txn.OpDelete, Path: tree.Path{"a"}}}, 1000)
	if n := len(New([]tree.Path{{"a", "a"}, {"a", "b"}, {"a", "c"}}).Writes(hidden)); n != 3 {
		t.Errorf("%d writes", n)
	}
}

// A replica that gets filtered writes is right at every readable path, and gets no other.
func TestWrites(t *testing.T) {
	r := seeded(t)
	applied := 0
	for range 300 {
		var paths []tree.Path
		for range 1 + r.IntN(3) {
			paths = append(paths, path(r, 1, 3))
		}
		l := New(paths)
		var server, replica tree.Node
		for version := uint64(1); version <= 60; version++ {
			w := write(r)
			next, _, err := txn.Apply(server, []txn.Write{w}, version)
			if err != nil {
				continue
			}
			server = next
			applied++
			filtered := l.Writes([]txn.Write{w})
			for i := range filtered {
				if !l.Sees(filtered[i].Path) {
					t.Fatalf("%v shows %v", l.paths, filtered[i])
				}
			}
			if replica, _, err = txn.Apply(replica, filtered, version); err != nil {
				t.Fatalf("%v of %+v: %v", filtered, w, err)
			}
			for _, p := range l.Paths() {
				have, want := replica.Find(p), server.Find(p)
				if !same(have, want) {
					t.Fatalf("at %v: %s in place of %s after %+v", p, have.Value(), want.Value(), w)
				}
				if want != nil && (have.Written != want.Written || have.Changed() != want.Changed()) {
					t.Fatalf("at %v: version %d in place of %d after %+v", p, have.Written, want.Written, w)
				}
			}
			// A snapshot shows the same as the writes.
			f := l.Of(&server)
			snapshot, err := tree.New(f.AppendValue(nil), f.Shape(), version, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range l.Paths() {
				if !same(snapshot.Find(p), server.Find(p)) {
					t.Fatalf("the snapshot differs at %v", p)
				}
			}
		}
	}
	if applied < 1000 {
		t.Errorf("only %d writes", applied)
	}
}

// However a value is cut, the pieces make it, none is too large that could be smaller, and a nil lens shows all.
func TestPieces(t *testing.T) {
	r := seeded(t)
	for range 300 {
		var root tree.Node
		for version := uint64(1); version <= 80; version++ {
			w := write(r)
			if r.IntN(10) == 0 {
				w = txn.Write{Op: txn.OpSet, Path: path(r, 1, 4), Value: raw(string(make([]byte, r.IntN(200))))}
			}
			if next, _, err := txn.Apply(root, []txn.Write{w}, version); err == nil {
				root = next
			}
		}
		var l *Lens
		if r.IntN(3) == 0 {
			l = New([]tree.Path{path(r, 1, 2), path(r, 1, 3)})
		}
		limit := 1 + r.IntN(300)
		var copied tree.Node
		cutter := NewCutter(l.Of(&root))
		for last := false; !last; {
			var writes []txn.Write
			writes, last = cutter.Next(limit)
			if size := len(txn.AppendWrites(nil, writes)); len(writes) > 1 && size > limit+64 {
				t.Fatalf("%d writes of %d bytes, where %d are allowed", len(writes), size, limit)
			}
			if len(writes) == 0 && !last {
				t.Fatal("an empty piece")
			}
			var err error
			if copied, _, err = txn.Apply(copied, writes, 1); err != nil {
				t.Fatal(err)
			}
		}
		if l == nil && !same(&copied, &root) {
			t.Fatalf("%s in place of %s", copied.Value(), root.Value())
		}
		for _, p := range l.Paths() {
			if !same(copied.Find(p), root.Find(p)) {
				t.Fatalf("at %v: %x %x in place of %x %x; limit %d, %v", p, copied.Find(p).Value(), copied.Find(p).Shape(), root.Find(p).Value(), root.Find(p).Shape(), limit, l.Paths())
			}
		}
	}
}

func TestPaths(t *testing.T) {
	l := New([]tree.Path{{"b"}, {"a", "x"}, {"b", "y"}, {"a", "x"}})
	if got := fmt.Sprint(l.Paths()); got != "[a/x b]" {
		t.Error(got)
	}
	for text, want := range map[string]bool{"": false, "a": false, "a/x": true, "a/x/y": true, "a/y": false, "b": true, "bb": false} {
		var p tree.Path
		if text != "" {
			p = strings.Split(text, "/")
		}
		if l.Sees(p) != want {
			t.Errorf("%q is seen: %v", text, !want)
		}
	}
	if New([]tree.Path{{"a"}, {}}) != nil {
		t.Error("the root is everything")
	}
	none := New(nil)
	if none == nil || none.Paths() == nil || none.Sees(nil) || len(none.Of(&tree.Node{})) > 0 {
		t.Error("no path is nothing")
	}
	list := func(l *Lens) string { return string(l.AppendPaths(nil)) }
	if list(New([]tree.Path{{"b"}, {"a", "x"}})) != list(l) || list(nil) != "\xc0" || list(none) != "\x90" {
		t.Error("lists of paths")
	}
}
