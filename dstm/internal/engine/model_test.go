package engine

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/reason"
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

var modelKeys = []string{"a", "b", "c"}

func randomPath(r *rand.Rand, least int) tree.Path {
	p := tree.Path{}
	for n := least + r.IntN(4-least); len(p) < n; {
		p = append(p, modelKeys[r.IntN(len(modelKeys))])
	}
	return p
}

func randomKey(r *rand.Rand) string { return modelKeys[r.IntN(len(modelKeys))] }

func randomWrite(r *rand.Rand) txn.Write {
	switch r.IntN(14) {
	case 0, 1:
		return txn.Write{Op: txn.OpDelete, Path: randomPath(r, 1)}
	case 2, 3:
		return txn.Write{Op: txn.OpAdd, Path: randomPath(r, 1), Value: raw(r.IntN(5))}
	case 4:
		return txn.Write{Op: txn.OpSet, Path: randomPath(r, 0), Value: raw(map[string]any{"a": r.IntN(3), "b": map[string]any{"c": 1}})}
	case 5:
		return txn.Write{Op: txn.OpMin + txn.Op(r.IntN(2)), Path: randomPath(r, 1), Value: raw(r.IntN(5))}
	case 6:
		return txn.Write{
			Op: txn.OpSet, Path: randomPath(r, 1), Value: raw(map[string]any{"a": []any{r.IntN(3), map[string]any{}}}),
			Shape: raw([]any{[]any{[]string{"a"}, []string{"b", "a"}}}),
		}
	case 7, 8, 9:
		w := txn.Write{Op: txn.OpInsert + txn.Op(r.IntN(2)), Path: randomPath(r, 1)[:1], ID: randomKey(r), Place: tree.Place{Where: tree.First + r.IntN(4)}}
		if w.Place.Where >= tree.After {
			w.Place.Anchor = randomKey(r)
		}
		if w.Op == txn.OpInsert {
			w.Value = raw(r.IntN(5))
		}
		return w
	}
	return txn.Write{Op: txn.OpSet, Path: randomPath(r, 1), Value: raw(r.IntN(5))}
}

// randomReads are reads that hold at base, with what the naive value says.
func (m *model) randomReads(r *rand.Rand, base uint64) []txn.Read {
	var reads []txn.Read
	for range r.IntN(4) {
		p := randomPath(r, 0)
		at, ok := lookup(m.values[base], p)
		kinds := []txn.ReadKind{txn.ReadAbsent, txn.ReadGuard}
		if ok {
			kinds = []txn.ReadKind{txn.ReadValue, txn.ReadSubtree, txn.ReadGuard}
		}
		if children(at) != nil {
			kinds = append(kinds, txn.ReadKeys)
		}
		read := txn.Read{Kind: kinds[r.IntN(len(kinds))], Path: p}
		if read.Kind == txn.ReadGuard {
			if read.Guard = txn.Less + txn.Comparison(r.IntN(13)); read.Guard != txn.Exists {
				read.Value = raw(r.IntN(5))
			}
			read.Truth = m.guard(&read, m.values[base])
		}
		reads = append(reads, read)
	}
	return reads
}

// TestModel runs random transactions made on old versions and compares with the naive model: what commits
// has read what is there now, what conflicts was really touched by others, and the values agree.
func TestModel(t *testing.T) {
	r := seed(t)
	for i := range 40 {
		modelRun(t, r, i%2 == 1)
	}
}

func modelRun(t *testing.T, r *rand.Rand, strict bool) {
	w := newWorld(t, Options{Strict: func(string) bool { return strict }})
	m := &model{strict: strict, values: []any{map[string]any{}}, writes: [][]tree.Path{nil}}
	positions := []uint64{1}
	committed, conflicts := 0, 0
	for step := range 150 {
		head := len(m.values) - 1
		base := uint64(max(0, head-r.IntN(4)))
		tx := &txn.Transaction{Sequence: uint64(step + 1), Settled: uint64(step), Position: positions[base], Again: r.IntN(4) == 0}
		part := txn.Part{Object: "o", Epoch: w.state.Epoch, Base: base, Reads: m.randomReads(r, base)}
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
				if !m.holds(&read, base) {
					t.Fatalf("step %d: committed at %d though read %d of %q at %d no longer holds", step, head+1, read.Kind, read.Path, base)
				}
			}
			var paths []tree.Path
			for i := range part.Writes {
				paths = append(paths, part.Writes[i].Target())
			}
			m.values, m.writes, positions = append(m.values, next), append(m.writes, paths), append(positions, w.state.Position)
		case d.Refusal.Reason == reason.Conflict:
			conflicts++
			for _, c := range d.Refusal.Conflicts {
				if fits && !m.touched(base, c.Path) && !(strict && absent(part.Reads, c.Path) && m.touched(base, nearest(m.values[head], c.Path))) {
					t.Fatalf("step %d: a conflict at %q, which nobody touched since %d", step, c.Path, base)
				}
				if fits && onlyGuarded(&part, c.Path) && m.guarded(&part, c.Path) {
					t.Fatalf("step %d: a conflict at %q, where all guards hold", step, c.Path)
				}
			}
		case d.Refusal.Reason == reason.Invalid:
			if fits {
				t.Fatalf("step %d: %v", step, d.Refusal)
			}
		default:
			t.Fatalf("step %d: %v", step, d.Refusal)
		}
		o := w.state.Object("o")
		if got, want := text(fromNode(&o.Root)), text(m.values[len(m.values)-1]); got != want || int(o.Version) != len(m.values)-1 {
			t.Fatalf("step %d: version %d is\n%s in place of\n%s", step, o.Version, got, want)
		}
		if o.Root.Size() != len(o.Root.Value()) {
			t.Fatalf("step %d: size %d in place of %d", step, o.Root.Size(), len(o.Root.Value()))
		}
	}
	if committed < 10 || conflicts < 5 {
		t.Fatalf("%d commits and %d conflicts prove nothing", committed, conflicts)
	}
	w.replayAll()
}

// absent reports whether a path is read as absent.
func absent(reads []txn.Read, p tree.Path) bool {
	return slices.ContainsFunc(reads, func(r txn.Read) bool { return r.Kind == txn.ReadAbsent && slices.Equal(r.Path, p) })
}

// nearest is how far a path leads to something.
func nearest(v any, p tree.Path) tree.Path {
	for {
		if _, ok := lookup(v, p); ok {
			return p
		}
		p = p[:len(p)-1]
	}
}

// onlyGuarded reports whether the part does nothing at, above or below a path but guard it.
func onlyGuarded(part *txn.Part, p tree.Path) bool {
	reads := func(r txn.Read) bool { return r.Kind != txn.ReadGuard && p.Touches(r.Path) }
	writes := func(w txn.Write) bool { return p.Touches(w.Target()) }
	return !slices.ContainsFunc(part.Reads, reads) && !slices.ContainsFunc(part.Writes, writes)
}

// guarded reports whether all guards of a path hold.
func (m *model) guarded(part *txn.Part, p tree.Path) bool {
	return !slices.ContainsFunc(part.Reads, func(r txn.Read) bool { return slices.Equal(r.Path, p) && !m.holds(&r, part.Base) })
}

// replayAll replays the whole log, with a restart from stored pieces in the middle.
func (w *world) replayAll() {
	w.t.Helper()
	s := New(w.state.opts)
	for i, data := range w.log {
		var err error
		if s, _, err = Replay(s, data); err != nil {
			w.t.Fatal(err)
		}
		if i == len(w.log)/2 {
			s = w.restart(&s)
		}
	}
	if !bytes.Equal(stored(&s), stored(&w.state)) {
		w.t.Fatal("the log leads to another state")
	}
}

// stored is a state in pieces, one behind the other.
func stored(s *State) []byte {
	h := s.Head()
	b := HeadPiece(&h)
	for name, o := range s.objects.All() {
		b = append(b, ObjectPiece(name, o)...)
	}
	for id, c := range s.clients.All() {
		b = append(b, ClientPiece(ID([]byte(id)), c)...)
	}
	return b
}

// restart is a state read from its pieces. What nobody had written then is told absent.
func (w *world) restart(old *State) State {
	w.t.Helper()
	h := old.Head()
	h, err := ReadHead(HeadPiece(&h))
	if err != nil {
		w.t.Fatal(err)
	}
	s := Resume(w.state.opts, &h)
	for name := range w.state.objects.All() {
		s = s.Hold(name, Object{})
	}
	for name, o := range old.objects.All() {
		held, err := ReadObject(name, ObjectPiece(name, o))
		if err != nil {
			w.t.Fatal(err)
		}
		s = s.Hold(name, held)
	}
	for id, c := range old.clients.All() {
		id, client, err := ReadClient(ClientPiece(ID([]byte(id)), c))
		if err != nil {
			w.t.Fatal(err)
		}
		s = s.Remember(id, client)
	}
	return s
}
