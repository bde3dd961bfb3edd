package engine

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// listed is an object with lists in it, one in another, one empty.
func listed(t testing.TB) *Object {
	t.Helper()
	root := tree.Node{}
	for i, w := range []txn.Write{
		set(1, "a"), set(map[string]any{}, "empty"),
		{Op: txn.OpInsert, Path: path("list"), ID: "zz", Place: tree.Place{Where: tree.Last}, Value: raw(map[string]any{"x": 1})},
		{Op: txn.OpInsert, Path: path("list"), ID: "aa", Place: tree.Place{Where: tree.Last}, Value: raw("leaf")},
		{Op: txn.OpInsert, Path: path("list", "zz", "in"), ID: "mm", Place: tree.Place{Where: tree.First}, Value: raw(2)},
		{Op: txn.OpInsert, Path: path("gone"), ID: "mm", Place: tree.Place{Where: tree.First}, Value: raw(2)},
		del("gone", "mm"),
	} {
		var err error
		if root, _, err = txn.Apply(root, []txn.Write{w}, uint64(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	return &Object{Root: root, Version: 7, Position: 9, Hash: [8]byte{1, 2}}
}

// samplePieces has a piece of every kind.
func samplePieces(t testing.TB) map[string][]byte {
	w := sample(t)
	head := w.state.Head()
	head.Keep, head.Reach, head.Marks = 2, 1, []Mark{{1, -5, 0}, {3, 70, 1 << 40}}
	out := map[string][]byte{"head": HeadPiece(&head), "list": ObjectPiece("list", listed(t)), "absent": ObjectPiece("absent", &Object{})}
	for name, o := range w.state.Each("") {
		out["object "+name] = ObjectPiece(name, o)
	}
	for id, c := range w.state.clients.All() {
		out[fmt.Sprintf("client %x", id)] = ClientPiece(ID([]byte(id)), c)
	}
	return out
}

// readPiece reads a piece of any kind and returns what it would be written as.
func readPiece(piece []byte) ([]byte, error) {
	if h, err := ReadHead(piece); err == nil {
		return HeadPiece(&h), nil
	}
	if id, c, err := ReadClient(piece); err == nil {
		return ClientPiece(id, &c), nil
	}
	info, err := ReadObjectInfo(piece)
	if err != nil {
		return nil, err
	}
	o, err := ReadObject(info.Name, piece)
	if err == nil && (o.Version != info.Version || o.Position != info.Position || o.Hash != info.Hash || o.Root.Size() != info.Size) {
		err = fmt.Errorf("the beginning says %+v", info)
	}
	return ObjectPiece(info.Name, &o), err
}

func TestPieces(t *testing.T) {
	for name, piece := range samplePieces(t) {
		if again, err := readPiece(piece); err != nil || !bytes.Equal(again, piece) {
			t.Errorf("%s: read and written again\n%x\n%x, %v", name, piece, again, err)
		}
		for i := range piece {
			bad := bytes.Clone(piece)
			bad[i] ^= 0x15
			if _, err := readPiece(bad); !errors.Is(err, ErrDamaged) && !(i == 0 && errors.Is(err, ErrFormat)) {
				t.Errorf("%s with byte %d damaged: %v", name, i, err)
			}
			if _, err := readPiece(piece[:i]); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s cut at %d: %v", name, i, err)
			}
		}
		if _, err := readPiece(append(bytes.Clone(piece), 0)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s and a byte more: %v", name, err)
		}
	}
	if _, err := ReadObject("other", samplePieces(t)["object o"]); !errors.Is(err, ErrDamaged) {
		t.Errorf("under another name: %v", err)
	}
	o := listed(t)
	again, err := ReadObject("list", ObjectPiece("list", o))
	if err != nil {
		t.Fatal(err)
	}
	sameNodes(t, &o.Root, &again.Root)
	if !bytes.Equal(o.Root.Value(), again.Root.Value()) || !bytes.Equal(o.Root.Shape(), again.Root.Shape()) {
		t.Error("another order")
	}
}

func sameNodes(t *testing.T, a, b *tree.Node) {
	t.Helper()
	if !bytes.Equal(a.Leaf, b.Leaf) || a.Written != b.Written || a.Keys != b.Keys || a.Below != b.Below || a.Len() != b.Len() || a.IsList() != b.IsList() || a.Size() != b.Size() {
		t.Fatalf("%+v in place of %+v", b, a)
	}
	for key, kid := range a.Kids.All() {
		sameNodes(t, kid, b.Kids.Get(key))
	}
}

// The worst that the versions of a large object may make of it is packed, and fits where a piece has to.
func TestPackedPiece(t *testing.T) {
	deep := tree.Node{Written: 1 << 31, Keys: 1 << 31, Below: 1 << 31}
	for range 20 {
		above := tree.Node{Written: 1 << 31, Keys: 1 << 31, Below: 1 << 31}
		deep = above.With("k", deep)
	}
	o := &Object{Version: 1 << 31, Position: 1 << 32}
	for i := range 15_000 {
		o.Root = o.Root.With(fmt.Sprint(i), deep)
	}
	piece := ObjectPiece("large", o)
	if piece[0] != PackedFormat || len(piece) > 2*o.Root.Size() {
		t.Errorf("%d bytes of a value are a piece of %d, format %d", o.Root.Size(), len(piece), piece[0])
	}
	again, err := ReadObject("large", piece)
	if err != nil || !bytes.Equal(again.Root.Value(), o.Root.Value()) || !bytes.Equal(ObjectPiece("large", &again), piece) {
		t.Errorf("another object: %v", err)
	}
	for i := 0; i < len(piece); i += len(piece) / 50 {
		bad := bytes.Clone(piece)
		bad[i] ^= 0x15
		if _, err := ReadObject("large", bad); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrFormat) {
			t.Errorf("byte %d damaged: %v", i, err)
		}
	}
}

// The pieces of one state are of many moments: whatever was saved later, replaying the log over it leads to the same state.
func TestFollowLaterPieces(t *testing.T) {
	r := seed(t)
	w := newWorld(t, Options{MaxClients: 5})
	states := []State{w.state}
	for sequence := uint64(1); sequence <= 60; sequence++ {
		tx := &txn.Transaction{Sequence: sequence, Settled: sequence - 1, Position: w.state.Position}
		for _, name := range []string{"o", "p", "q"} {
			if r.IntN(2) == 0 || name == "q" && len(tx.Parts) == 0 {
				tx.Parts = append(tx.Parts, txn.Part{
					Object: name, Epoch: w.state.Epoch, Base: w.state.Object(name).Version, Writes: []txn.Write{add(1, "n"), set(sequence, "x")},
				})
			}
		}
		if r.IntN(20) == 0 {
			w.begin(fmt.Sprint("epoch-", sequence))
		} else {
			w.decide(byte(r.IntN(8)), tx)
		}
		if len(states) < len(w.log) {
			states = append(states, w.state)
		}
	}
	for range 200 {
		start := r.IntN(len(states))
		later := func() *State { return &states[start+r.IntN(len(states)-start)] }
		head := states[start].Head()
		s := Resume(w.state.opts, &head)
		for _, name := range []string{"o", "p", "q"} {
			o, err := ReadObject(name, ObjectPiece(name, later().Object(name)))
			if err != nil {
				t.Fatal(err)
			}
			s = s.Hold(name, o)
		}
		for id := range byte(8) {
			if c := later().Client(ID{id}); c != nil {
				s = s.Remember(ID{id}, *c)
			}
		}
		for _, data := range w.log[start+1:] {
			var err error
			if s, _, err = Replay(s, data); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"o", "p", "q"} {
			if !bytes.Equal(ObjectPiece(name, s.Object(name)), ObjectPiece(name, w.state.Object(name))) {
				t.Fatalf("from %d: %q is another object", start, name)
			}
		}
		for id, c := range w.state.clients.All() {
			if got := s.clients.Get(id); got == nil || got.Last != c.Last || got.Position != c.Position {
				t.Fatalf("from %d: client %x is %+v in place of %+v", start, id, got, c)
			}
		}
		if s.Hash != w.state.Hash || s.Forgotten > w.state.Forgotten {
			t.Fatalf("from %d: another state", start)
		}
	}
}

// Nothing is decided about an object that the state does not hold.
func TestNotResident(t *testing.T) {
	w := sample(t)
	s := w.state.Drop("o")
	if _, ok := s.Resident("o"); ok {
		t.Error("a dropped object is resident")
	}
	if _, ok := s.Resident("never"); ok {
		t.Error("a state that lacks something cannot know what never was")
	}
	told := s.Hold("never", Object{})
	if _, ok := told.Resident("never"); !ok {
		t.Error("told absent, it is resident")
	}
	defer func() {
		if recover() == nil {
			t.Error("a decision about what is not there")
		}
	}()
	Decide(s, Memory{}, &Request{Client: ID{1}, Time: 1, Tx: w.tx(9, set(1, "x"))})
}

// FuzzPiece reads arbitrary arrays under a right checksum.
func FuzzPiece(f *testing.F) {
	for _, piece := range samplePieces(f) {
		f.Add(piece[1 : len(piece)-pieceSum])
	}
	f.Fuzz(func(t *testing.T, array []byte) {
		piece := append([]byte{PieceFormat}, array...)
		sum := sha256.Sum256(piece)
		piece = append(piece, sum[:pieceSum]...)
		again, err := readPiece(piece)
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		if err == nil && !bytes.Equal(again, piece) {
			t.Fatalf("read and written again\n%x\n%x", piece, again)
		}
	})
}
