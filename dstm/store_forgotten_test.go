package dstm_test

import (
	"context"
	"encoding/hex"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// headLog says when the first head is saved, or refuses all of them: then checkpoints end as in a crash before their head.
type headLog struct {
	dstm.Log
	refuse bool
	once   sync.Once
	came   chan struct{}
}

func (l *headLog) Save(ctx context.Context, pieces []dstm.Piece) error {
	if pieces[0].Key != "head" {
		return l.Log.Save(ctx, pieces)
	}
	defer l.once.Do(func() { close(l.came) })
	if l.refuse {
		return status.New(status.Unavailable, "test.crash", "the process dies")
	}
	return l.Log.Save(ctx, pieces)
}

// What a crash leaves of a checkpoint does not let the log forget that it has forgotten a client: what that client sends again
// is neither done twice nor said to be refused.
func TestForgottenInACrash(t *testing.T) {
	for _, test := range []struct {
		name string
		anew bool // the forgotten client has a record again, which knows nothing of the first
	}{{"gone", false}, {"begun anew", true}} {
		t.Run(test.name, func(t *testing.T) {
			shared := dstm.NewMemoryLog()
			keys := []transport.Key{transport.NewKey(), transport.NewKey()}
			once := func(n *node, who int, sequence uint64, again bool) answer {
				position := uint64(n.store.Position())
				if again {
					position = 1
				}
				r := n.raw(&transport.ClientOptions{Key: keys[who]})
				return r.commit(&txn.Transaction{
					Sequence: sequence, Again: again, Position: position,
					Parts: []txn.Part{{Object: "o", Epoch: n.store.Epoch(), Writes: []txn.Write{{Op: txn.OpAdd, Path: []string{"n"}, Value: set(1).Value}}}},
				})
			}
			// The first client commits, and its record is stored with a head that knows of nobody who was forgotten.
			live := &headLog{Log: shared.Share(), came: make(chan struct{})}
			n := newNode(t, live, &dstm.StoreOptions{CheckpointEntries: 3}, nil)
			for sequence := uint64(1); sequence <= 2; sequence++ {
				if a := once(n, 0, sequence, false); a.err != nil {
					t.Fatal(a.err)
				}
			}
			<-live.came
			n.close()
			// Others take its place, and the checkpoint dies before its head.
			dying := &headLog{Log: shared.Share(), refuse: true, came: make(chan struct{})}
			others := []int{1}
			if test.anew {
				others = append(others, 0)
			}
			n = newNode(t, dying, &dstm.StoreOptions{MaxClients: 1, CheckpointEntries: len(others)}, nil)
			for _, who := range others {
				if a := once(n, who, 9, false); a.err != nil {
					t.Fatal(a.err)
				}
			}
			<-dying.came
			n.close()
			n = newNode(t, shared.Share(), nil, nil)
			a := once(n, 0, 2, true)
			if a.err == nil || a.err.Reason != dstm.ErrOutcomeUnknown {
				t.Errorf("%v", a)
			}
		})
	}
}

// A node that lags may store what it knows of a client again, after others have forgotten that client with all that it did
// since. Nobody believes it.
func TestForgottenIsStoredAgain(t *testing.T) {
	log := dstm.NewMemoryLog()
	key := transport.NewKey()
	id := key.Client()
	record := "c/" + hex.EncodeToString(id[:])
	commit := func(n *node, key transport.Key, sequence uint64, again bool) answer {
		r := n.raw(&transport.ClientOptions{Key: key})
		return r.commit(&txn.Transaction{
			Sequence: sequence, Again: again, Position: sequence,
			Parts: []txn.Part{{Object: "o", Epoch: n.store.Epoch(), Writes: []txn.Write{{Op: txn.OpAdd, Path: []string{"n"}, Value: set(1).Value}}}},
		})
	}
	// checkpointed has a node with these options do something and then save a head.
	checkpointed := func(opts *dstm.StoreOptions, do func(n *node)) {
		t.Helper()
		live := &headLog{Log: log.Share(), came: make(chan struct{})}
		n := newNode(t, live, opts, nil)
		do(n)
		<-live.came
		n.close()
	}
	checkpointed(&dstm.StoreOptions{CheckpointEntries: 2}, func(n *node) {
		n.raw(nil).want(commit(n, key, 1, false), "1 [1]")
	})
	lagging, err := log.Load(t.Context(), record)
	if err != nil || lagging.Value == nil || lagging.Position != 2 {
		t.Fatal(lagging.Position, err)
	}
	checkpointed(&dstm.StoreOptions{CheckpointEntries: 2, MaxClients: 1}, func(n *node) {
		n.raw(nil).want(commit(n, key, 2, false), "2 [2]")
		n.raw(nil).want(commit(n, transport.NewKey(), 3, false), "3 [3]")
	})
	if p, err := log.Load(t.Context(), record); err != nil || p.Value != nil {
		t.Fatal("the client is not forgotten", err)
	}
	if err := log.Save(t.Context(), []dstm.Piece{lagging}); err != nil {
		t.Fatal(err)
	}
	checkpointed(&dstm.StoreOptions{CheckpointEntries: 1}, func(n *node) {
		if a := commit(n, key, 2, true); a.err == nil || a.err.Reason != dstm.ErrOutcomeUnknown {
			t.Errorf("%v", a)
		}
		n.raw(nil).want(commit(n, transport.NewKey(), 4, false), "4 [4]")
	})
	if p, err := log.Load(t.Context(), record); err != nil || p.Value != nil {
		t.Error("the old record is there for ever", err)
	}
}
