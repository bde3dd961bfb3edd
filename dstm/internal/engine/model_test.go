package engine

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// seed is the seed of a random test: a new one each time, or that of the variable SEED.
func seed(t testing.TB) *rand.Rand {
	n := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SEED=%d", n)
	return rand.New(rand.NewPCG(n, 0))
}

// model is an object as a naive program would hold it: whole values of every version, and who wrote where.
type model struct {
	values []any         // by version; maps are map[string]any, leaves codec.Raw as a string
	writes [][]tree.Path // by version
}

func clone(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for k, x := range m {
		out[k] = clone(x)
	}
	return out
}

func lookup(v any, p tree.Path) (any, bool) {
	for _, key := range p {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[key]; !ok {
			return nil, false
		}
	}
	return v, true
}

// fromRaw turns a canonical value into the model's.
func fromRaw(b codec.Raw) any {
	r := codec.NewReader(b, 1)
	if r.Kind() != codec.Map {
		return string(b)
	}
	out := map[string]any{}
	for pairs := r.Map(); pairs.Len() > 0; {
		key := pairs.String()
		out[key] = fromRaw(pairs.Raw())
	}
	return out
}

// apply writes in the naive way; false if a leaf is in the way or a number is none.
func apply(root map[string]any, w *txn.Write) bool {
	at := root
	if len(w.Path) == 0 {
		clear(root)
		maps.Copy(root, fromRaw(w.Value).(map[string]any))
		return true
	}
	for _, key := range w.Path[:len(w.Path)-1] {
		next, ok := at[key]
		if !ok {
			if w.Op == txn.OpDelete {
				return true
			}
			next = map[string]any{}
			at[key] = next
		}
		m, ok := next.(map[string]any)
		if !ok {
			return w.Op == txn.OpDelete
		}
		at = m
	}
	last := w.Path[len(w.Path)-1]
	switch w.Op {
	case txn.OpSet:
		at[last] = fromRaw(w.Value)
	case txn.OpDelete:
		delete(at, last)
	default:
		old, ok := at[last]
		if !ok {
			old = string(raw(0))
		}
		s, ok := old.(string)
		if !ok || !tree.IsNumber(codec.Raw(s)) {
			return false
		}
		r, n := codec.NewReader([]byte(s), 1), codec.NewReader(w.Value, 1)
		at[last] = string(raw(r.Int() + n.Int()))
	}
	return true
}

// same reports whether a read sees the same in two whole values.
func same(kind txn.ReadKind, p tree.Path, before, after any) bool {
	a, okA := lookup(before, p)
	b, okB := lookup(after, p)
	if okA != okB || !okA {
		return okA == okB
	}
	ma, isMapA := a.(map[string]any)
	mb, isMapB := b.(map[string]any)
	if isMapA != isMapB {
		return false
	}
	switch {
	case kind == txn.ReadKeys:
		return isMapA && slices.Equal(slices.Sorted(maps.Keys(ma)), slices.Sorted(maps.Keys(mb)))
	case kind == txn.ReadValue && isMapA:
		return true
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// touched reports whether any write since base lies at, above or below the path.
func (m *model) touched(base uint64, p tree.Path) bool {
	for _, writes := range m.writes[base+1:] {
		if slices.ContainsFunc(writes, p.Touches) {
			return true
		}
	}
	return false
}

var modelKeys = []string{"a", "b", "c"}

func randomPath(r *rand.Rand, least int) tree.Path {
	p := tree.Path{}
	for n := least + r.IntN(4-least); len(p) < n; {
		p = append(p, modelKeys[r.IntN(len(modelKeys))])
	}
	return p
}

func randomWrite(r *rand.Rand) txn.Write {
	switch r.IntN(10) {
	case 0, 1:
		return txn.Write{Op: txn.OpDelete, Path: randomPath(r, 1)}
	case 2, 3:
		return txn.Write{Op: txn.OpAdd, Path: randomPath(r, 1), Value: raw(r.IntN(5))}
	case 4:
		return txn.Write{Op: txn.OpSet, Path: randomPath(r, 0), Value: raw(map[string]any{"a": r.IntN(3), "b": map[string]any{"c": 1}})}
	}
	return txn.Write{Op: txn.OpSet, Path: randomPath(r, 1), Value: raw(r.IntN(5))}
}

// randomReads are reads that hold at base, with what the naive value says.
func randomReads(r *rand.Rand, value any) []txn.Read {
	var reads []txn.Read
	for range r.IntN(4) {
		p := randomPath(r, 0)
		at, ok := lookup(value, p)
		_, isMap := at.(map[string]any)
		kinds := []txn.ReadKind{txn.ReadAbsent}
		if ok {
			kinds = []txn.ReadKind{txn.ReadValue, txn.ReadSubtree}
		}
		if isMap {
			kinds = append(kinds, txn.ReadKeys)
		}
		reads = append(reads, txn.Read{Kind: kinds[r.IntN(len(kinds))], Path: p})
	}
	return reads
}

// TestModel runs random transactions made on old versions and compares with the naive model: what commits
// has read what is there now, what conflicts was really touched by others, and the values agree.
func TestModel(t *testing.T) {
	r := seed(t)
	for range 40 {
		modelRun(t, r)
	}
}

func modelRun(t *testing.T, r *rand.Rand) {
	w := newWorld(t, Options{})
	m := &model{values: []any{map[string]any{}}, writes: [][]tree.Path{nil}}
	positions := []uint64{1}
	committed, conflicts := 0, 0
	for step := range 150 {
		head := len(m.values) - 1
		base := uint64(max(0, head-r.IntN(4)))
		tx := &txn.Transaction{Sequence: uint64(step + 1), Settled: uint64(step), Position: positions[base], Again: r.IntN(4) == 0}
		part := txn.Part{Object: "o", Epoch: w.state.Epoch, Base: base, Reads: randomReads(r, m.values[base])}
		for range 1 + r.IntN(3) {
			part.Writes = append(part.Writes, randomWrite(r))
		}
		tx.Parts = []txn.Part{part}
		d := w.decide(byte(r.IntN(5)), tx)
		next := clone(m.values[head]).(map[string]any)
		fits := true
		for i := range part.Writes {
			fits = fits && apply(next, &part.Writes[i])
		}
		switch {
		case d.Refusal == nil:
			committed++
			if !fits {
				t.Fatalf("step %d: a write through a leaf, or an addition to what is no number, was committed", step)
			}
			for _, read := range part.Reads {
				if !same(read.Kind, read.Path, m.values[base], m.values[head]) {
					t.Fatalf("step %d: committed at %d though read %d of %q at %d no longer holds", step, head+1, read.Kind, read.Path, base)
				}
			}
			var paths []tree.Path
			for i := range part.Writes {
				paths = append(paths, part.Writes[i].Path)
			}
			m.values, m.writes, positions = append(m.values, next), append(m.writes, paths), append(positions, w.state.Position)
		case d.Refusal.Reason == reasonConflict:
			conflicts++
			for _, c := range d.Refusal.Conflicts {
				if fits && !m.touched(base, c.Path) {
					t.Fatalf("step %d: a conflict at %q, which nobody touched since %d", step, c.Path, base)
				}
			}
		case d.Refusal.Reason == reasonInvalid:
			if fits {
				t.Fatalf("step %d: %v", step, d.Refusal)
			}
		default:
			t.Fatalf("step %d: %v", step, d.Refusal)
		}
		o := w.state.Object("o")
		if got := fmt.Sprint(fromRaw(o.Root.Value())); got != fmt.Sprint(m.values[len(m.values)-1]) || int(o.Version) != len(m.values)-1 {
			t.Fatalf("step %d: version %d is\n%s in place of\n%v", step, o.Version, got, m.values[len(m.values)-1])
		}
	}
	if committed < 10 || conflicts < 5 {
		t.Fatalf("%d commits and %d conflicts prove nothing", committed, conflicts)
	}
	w.replayAll()
}

// replayAll replays the whole log, with a restart from a snapshot in the middle.
func (w *world) replayAll() {
	w.t.Helper()
	s := New(w.state.opts)
	for i, data := range w.log {
		var err error
		if s, _, err = Replay(s, data); err != nil {
			w.t.Fatal(err)
		}
		if i == len(w.log)/2 {
			restored, keep, err := Restore(w.state.opts, bytes.NewReader(image(w.t, &s)))
			if err != nil || keep != 7 {
				w.t.Fatalf("restore: keep %d, %v", keep, err)
			}
			s = restored
		}
	}
	if !bytes.Equal(image(w.t, &s), image(w.t, &w.state)) {
		w.t.Fatal("the log leads to another state")
	}
}
