package dstm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/transport"
)

// follower takes every frame that a session is sent and keeps up replicas by PROTOCOL's rules.
type follower struct {
	t        *testing.T
	objects  map[string]*followed
	currents []uint64
	frames   []string // kinds, with the object where it is one's
}

type followed struct {
	root, coming tree.Node // coming while pieces are due
	version      uint64
	position     uint64 // of the snapshot or change
	pieces       bool
}

func (f *follower) take(frame []byte) {
	f.t.Helper()
	outer := codec.NewReader(frame, 1)
	body := outer.Array()
	kind := body.Int()
	body.Skip()
	note := fmt.Sprint(kind)
	switch kind {
	case 2, 4:
		if kind == 2 {
			body.Skip()
		}
		s := readState(&body, kind == 4)
		o := f.objects[s.object]
		if o == nil {
			o = &followed{}
			f.objects[s.object] = o
		}
		o.version, o.position, o.pieces = s.version, s.position, s.flags&2 != 0
		if s.snapshot != nil {
			root, err := tree.New(s.snapshot, s.shape, s.version, 0)
			if err != nil {
				f.t.Fatal(err)
			}
			if o.coming = root; !o.pieces {
				o.root = root
			}
		}
		note += " " + s.object
	case 10:
		position := uint64(body.Int())
		for range 4 {
			body.Skip()
		}
		for parts := body.Array(); parts.Len() > 0; {
			part := parts.Array()
			name, version, operations := part.String(), uint64(part.Int()), 0
			writes, err := txn.ReadWrites(&part, &operations)
			o := f.objects[name]
			if err != nil || o == nil || o.pieces || version != o.version+1 {
				f.t.Fatalf("a change to version %d of %q: %+v, %v", version, name, o, err)
			}
			if o.root, _, err = txn.Apply(o.root, writes, version); err != nil {
				f.t.Fatal(err)
			}
			o.version, o.position = version, position
			note += " " + name
		}
	case 11:
		name, last, operations := body.String(), body.Bool(), 0
		writes, err := txn.ReadWrites(&body, &operations)
		o := f.objects[name]
		if err != nil || !o.pieces {
			f.t.Fatalf("a piece of %q: %v", name, err)
		}
		if o.coming, _, err = txn.Apply(o.coming, writes, o.version); err != nil {
			f.t.Fatal(err)
		}
		if last {
			o.root, o.pieces = o.coming, false
		}
		note += " " + name
	case 12:
		position := uint64(body.Int())
		for name, o := range f.objects {
			if o.pieces || o.position > position {
				f.t.Fatalf("current at %d, but %q is at %d, pieces due: %v", position, name, o.position, o.pieces)
			}
		}
		f.currents = append(f.currents, position)
	}
	f.frames = append(f.frames, note)
}

// pads is how many values of 9000 bytes make an object of which pieces are left however much the connection takes in.
const pads = 100

// step lets one frame through the gate and takes it.
func (f *follower) step(r *raw) {
	f.t.Helper()
	select {
	case r.gate <- struct{}{}:
		f.take(<-r.frames)
	case <-r.ctx.Done():
		f.t.Fatalf("it does not come to that: %v", f.frames)
	}
}

// What is open is at one position whenever current says so: pairs that are always written together are equal then.
// Changes of other objects come between the pieces of a large one.
func TestCurrent(t *testing.T) {
	for _, recent := range []int{0, 64 << 10} {
		n := newNode(t, dstm.NewMemoryLog(), &dstm.StoreOptions{Recent: recent}, &transport.ServerOptions{Outbound: 32 << 10})
		w := n.raw(nil)
		both := func(version uint64, i int) {
			w.sequence++
			tx := &txn.Transaction{Sequence: w.sequence, Settled: w.settled}
			for name, base := range map[string]uint64{"large": version, "small": uint64(i)} {
				tx.Parts = append(tx.Parts, txn.Part{Object: name, Epoch: n.store.Epoch(), Base: base, Writes: []txn.Write{set(i, "n")}})
			}
			if a := w.commit(tx); a.err != nil {
				t.Fatal(a.err)
			}
			w.settled = w.sequence
		}
		version := uint64(0)
		for i := range pads {
			w.want(w.commit(w.tx("large", version, set(strings.Repeat("x", 9000), "pad", fmt.Sprint(i)))), fmt.Sprintf("%d [%d]", w.sequence, version+1))
			version++
			w.settled = w.sequence
		}
		r := n.rawGated(nil, make(chan struct{}))
		r.currents = true
		f := &follower{t: t, objects: map[string]*followed{}}
		r.send(r.openFrame(7, "small", nil))
		for len(f.currents) == 0 {
			f.step(r)
		}
		r.send(r.openFrame(7, "large", nil))
		for f.objects["large"] == nil || !f.objects["large"].pieces {
			f.step(r)
		}
		const rounds = 30
		for i := range rounds {
			both(version, i)
			version++
			f.step(r)
		}
		for {
			large, small := f.objects["large"], f.objects["small"]
			if !large.pieces && large.version == version && small.version == rounds && len(f.currents) >= 2 {
				if large.root.Find(tree.Path{"pad"}).Len() != pads || string(large.root.Find(tree.Path{"n"}).Leaf) != string(small.root.Find(tree.Path{"n"}).Leaf) {
					t.Fatal("they are not at one position")
				}
				break
			}
			f.step(r)
		}
		text := strings.Join(f.frames, ",")
		if recent == 0 && !strings.Contains(text, "10 small,11 large") {
			t.Errorf("no change came between pieces: %s", text)
		}
	}
}

// The bytes that a client which missed a thousand changes is sent are no more than 1.2 times those of the changes sent live, and if a
// snapshot is smaller it gets that.
func TestCatchUpBytes(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), nil, nil)
	w, live := n.raw(nil), n.raw(nil)
	for i := range 30 { // the object is larger than what will be missed
		w.want(w.commit(w.tx("o", uint64(i), set(strings.Repeat("y", 20_000), fmt.Sprintf("pad%d", i)))), fmt.Sprintf("%d [%d]", w.sequence, i+1))
		w.settled = w.sequence
	}
	at := live.open("o", nil)
	live.pieces("o")
	few := n.raw(nil)
	from := few.open("few", nil)
	bytes := func(r *raw, frames int) (sum int) {
		for range frames {
			select {
			case f := <-r.frames:
				sum += len(f)
			case <-r.ctx.Done():
				t.Fatal("too few frames")
			}
		}
		return sum
	}
	text := strings.Repeat("x", 100)
	for i := range 1000 {
		for _, c := range []struct {
			object string
			base   uint64
			key    string
		}{{"o", 30 + uint64(i), fmt.Sprintf("key%017d", i)}, {"few", uint64(i), "the same path always"}} {
			if a := w.commit(w.tx(c.object, c.base, set(text, c.key))); a.err != nil {
				t.Fatal(a.err)
			}
			w.settled = w.sequence
		}
	}
	want := bytes(live, 1000)
	back := n.raw(nil)
	if s := back.open("o", &at.resume); s.snapshot != nil {
		t.Fatal("a snapshot")
	}
	got := bytes(back, 1000)
	t.Logf("%d bytes live, %d as catch-up", want, got)
	if got*10 > want*12 {
		t.Errorf("%d bytes in place of %d", got, want)
	}
	if s := back.open("few", &from.resume); len(s.snapshot) != len(text)+24 || s.version != 1000 {
		t.Errorf("%d bytes at version %d", len(s.snapshot), s.version)
	}
	back.silent()
}

// An epoch that begins while a snapshot is under way in pieces begins the object anew.
func TestPiecesAndEpoch(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), nil, &transport.ServerOptions{Outbound: 16 << 10})
	w := n.raw(nil)
	for i := range pads {
		w.commit(w.tx("large", uint64(i), set(strings.Repeat("x", 9000), fmt.Sprint(i))))
		w.settled = w.sequence
	}
	r := n.rawGated(nil, make(chan struct{}))
	f := &follower{t: t, objects: map[string]*followed{}}
	r.send(r.openFrame(7, "large", nil))
	for f.objects["large"] == nil {
		f.step(r)
	}
	before := n.store.Epoch()
	ahead := n.raw(nil)
	ahead.open("x", &resume{before, 1, 1000, make([]byte, 8)})
	if n.store.Epoch() == before {
		t.Fatal("no new epoch")
	}
	w.want(w.commit(w.tx("large", pads, set(1, "n"))), fmt.Sprintf("%d [%d]", w.sequence, pads+1))
	for !strings.Contains(strings.Join(f.frames, ","), "4 large") || f.objects["large"].pieces || f.objects["large"].version != pads+1 {
		f.step(r)
	}
	if root := &f.objects["large"].root; root.Len() != pads+1 {
		t.Errorf("%d values", root.Len())
	}
}
