package dstm

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
)

// gateLog lets a batch through when it is told to, and notes what was in it.
type gateLog struct {
	Log
	gate    chan struct{}
	batches [][]*engine.Entry
}

func (l *gateLog) Append(ctx context.Context, after Position, batch Batch) (Position, error) {
	<-l.gate
	var entries []*engine.Entry
	for _, data := range batch.Entries {
		e, err := engine.Decode(data)
		if err != nil {
			return 0, err
		}
		entries = append(entries, e)
	}
	l.batches = append(l.batches, entries)
	return l.Log.Append(ctx, after, batch)
}

// What the store's own process has gathered is one batch, although a client may have no more than 64 transactions unsettled.
func TestOwnBatches(t *testing.T) {
	const callers = 300
	log := &gateLog{Log: NewMemoryLog(), gate: make(chan struct{}, 2)}
	log.gate <- struct{}{} // for the epoch
	s, err := NewStore(log, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.Open(t.Context(), "o")
	if err != nil {
		t.Fatal(err)
	}
	var seen sync.WaitGroup
	seen.Go(func() {
		for c := range o.Changes(t.Context()) {
			if c.Origin != Mine {
				t.Errorf("%s comes from %v", c.Path, c.Origin)
			}
			if c.Version == 2*(callers+1) {
				return
			}
		}
	})
	queued := func(n int) {
		for {
			s.queue.mu.Lock()
			waiting, busy := len(s.queue.jobs), s.queue.busy
			s.queue.mu.Unlock()
			if waiting == n && busy {
				return
			}
			runtime.Gosched()
		}
	}
	for round := range 2 {
		var all sync.WaitGroup
		update := func(key string) {
			all.Go(func() {
				if _, err := o.Update(t.Context(), func(tx *Tx) error { tx.Set(round, key); return nil }); err != nil {
					t.Error(err)
				}
			})
		}
		update("first")
		queued(0) // it is on its way to the log
		for i := range callers {
			update(fmt.Sprint("key", i))
		}
		queued(callers)
		log.gate <- struct{}{}
		log.gate <- struct{}{}
		all.Wait()
		if last := log.batches[len(log.batches)-1]; len(last) != callers {
			t.Fatalf("a batch of %d, not %d", len(last), callers)
		}
	}
	seen.Wait()
	sequences := map[engine.ID]uint64{}
	for _, batch := range log.batches {
		unsettled := map[engine.ID]int{}
		for _, e := range batch {
			if e.Kind != engine.Commit {
				continue
			}
			if sequences[e.Client]++; e.Sequence != sequences[e.Client] {
				t.Errorf("sequence %d of %x behind %d", e.Sequence, e.Client, sequences[e.Client]-1)
			}
			if unsettled[e.Client]++; unsettled[e.Client] > engine.MaxUnsettled {
				t.Errorf("%d of %x are unsettled", unsettled[e.Client], e.Client)
			}
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
