package dstm

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// A client has seen an entry where the log is to get its next one, in the very batch with which the client comes back: that is another
// history, and nothing waits for an entry that only this batch will bring.
func TestPartedAtTheNextEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := NewStore(NewMemoryLog(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(context.Background())
		state := s.state.Load()
		tx := &txn.Transaction{Sequence: 1, Parts: []txn.Part{{
			Object: "o", Epoch: state.Epoch, Writes: []txn.Write{{Op: txn.OpSet, Path: Path{"k"}, Value: codec.AppendInt(nil, 1)}},
		}}}
		seen := storeResume{given: true, epoch: state.Epoch, version: 1, position: state.Position + 1}
		jobs := []storeJob{{request: engine.Request{Client: engine.ID{1}, Tx: tx}}, {open: &storeItem{object: "o", resume: seen}}}
		s.mu.Lock()
		s.pin("o")
		s.mu.Unlock()
		if err := s.bring(t.Context(), "o"); err != nil {
			t.Fatal(err)
		}
		s.applying.Lock()
		defer s.applying.Unlock()
		b := s.decide(jobs)
		if len(b.entries) != 2 || b.entries[1].Kind != engine.NewEpoch {
			t.Errorf("no new epoch: %d entries", len(b.entries))
		}
	})
}
