package dstm_test

import (
	"errors"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
)

// A log that was put back from a backup begins a new epoch with the first store that opens it, and with no other.
func TestRestoredLog(t *testing.T) {
	log := dstm.NewMemoryLog()
	start := func() (*dstm.Store, string) {
		t.Helper()
		s, err := dstm.NewStore(log.Share(), &dstm.StoreOptions{Logger: silence, CheckpointEntries: 1})
		if err != nil {
			t.Fatal(err)
		}
		return s, s.Epoch()
	}
	s, before := start()
	mustUpdate(t, s, "o", func(tx *dstm.Tx) error { tx.Set(1, "x"); return nil })
	s.Close(t.Context())
	if err := log.Save(t.Context(), []dstm.Piece{{Key: dstm.RestoredKey, Position: 1, Value: []byte{}}}); err != nil {
		t.Fatal(err)
	}
	s, after := start()
	s.Close(t.Context())
	if after == before {
		t.Error("the epoch goes on")
	}
	s, again := start()
	defer s.Close(t.Context())
	if again != after {
		t.Error("one backup makes two epochs")
	}
	if v := object(t, s, "o").Head().Version; v != 1 {
		t.Errorf("version %d", v)
	}
}

// A resume point with another hash than the entry there proves that the histories parted: a new epoch begins, also if the entry is
// too old for the ring. One that may be true, and one of which nothing is left, do not.
func TestPartedHistory(t *testing.T) {
	for name, recent := range map[string]int{"in the ring": 0, "in the log": 1} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, dstm.NewMemoryLog(), &dstm.StoreOptions{Recent: recent, KeepBytes: 1 << 20, Logger: silence}, nil)
			o := object(t, n.store, "o")
			for range 5 {
				if _, err := o.Update(n.ctx, func(tx *dstm.Tx) error { tx.Add(1, nil, nil, "x"); return nil }); err != nil {
					t.Fatal(err)
				}
			}
			epoch := n.store.Epoch()
			true3 := resumeAt(t, n, 3)
			if s := n.raw(nil).open("o", true3); s.epoch != epoch {
				t.Error("a true resume point begins an epoch")
			}
			lie := *true3
			lie.hash = []byte("notthere")
			s := n.raw(nil).open("o", &lie)
			if s.epoch == epoch || s.snapshot == nil || n.store.Epoch() != s.epoch {
				t.Errorf("the epoch goes on: %+v", s)
			}
		})
	}
	n := newNode(t, dstm.NewMemoryLog(), &dstm.StoreOptions{Recent: 1, KeepBytes: 1, CheckpointEntries: 1, Logger: silence}, nil)
	o := object(t, n.store, "o")
	for gone := false; !gone; {
		if _, err := o.Update(n.ctx, func(tx *dstm.Tx) error { tx.Add(1, nil, nil, "x"); return nil }); err != nil {
			t.Fatal(err)
		}
		for _, err := range n.log.Read(n.ctx, 1) {
			gone = errors.Is(err, dstm.ErrTruncated)
			break
		}
	}
	epoch := n.store.Epoch()
	if s := n.raw(nil).open("o", &resume{epoch: epoch, version: 1, position: 2, hash: []byte("notthere")}); s.epoch != epoch {
		t.Error("nothing is proven, and yet an epoch begins")
	}
}

// resumeAt is the true resume point of "o" at a version.
func resumeAt(t *testing.T, n *node, version uint64) *resume {
	t.Helper()
	for _, data := range entries(t, n.log) {
		e, err := engine.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Parts) == 1 && e.Parts[0].Version == version {
			return &resume{epoch: n.store.Epoch(), version: version, position: e.Position, hash: e.Hash[:8]}
		}
	}
	t.Fatalf("there is no version %d", version)
	return nil
}
