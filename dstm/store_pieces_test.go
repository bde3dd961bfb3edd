package dstm_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/witness"
	"github.com/trefoilgo/trefoil/status"
)

// ledger is every entry that was ever appended to a log, also what was truncated.
type ledger struct {
	mu      sync.Mutex
	entries [][]byte
}

// pieceLog is a handle on a log that writes a ledger, counts, and crashes or fails at pieces.
type pieceLog struct {
	dstm.Log
	ledger *ledger
	crash  atomic.Int64 // so many Saves and Truncates succeed
	fail   atomic.Bool  // Save refuses to do anything

	loads, saves, truncated atomic.Int64
}

func newPieceLog(shared *dstm.MemoryLog, l *ledger) *pieceLog {
	log := &pieceLog{Log: shared.Share(), ledger: l}
	log.crash.Store(1 << 40)
	return log
}

func (l *pieceLog) Append(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
	if l.ledger == nil {
		return l.Log.Append(ctx, after, batch)
	}
	l.ledger.mu.Lock()
	defer l.ledger.mu.Unlock()
	head, err := l.Log.Append(ctx, after, batch)
	if err == nil {
		for _, e := range batch.Entries {
			l.ledger.entries = append(l.ledger.entries, append([]byte(nil), e...))
		}
	}
	return head, err
}

func (l *pieceLog) Load(ctx context.Context, key string) (dstm.Piece, error) {
	if strings.HasPrefix(key, "o/") {
		l.loads.Add(1)
	}
	return l.Log.Load(ctx, key)
}

// step is taken by each Save and Truncate: the process may die before or behind it.
func (l *pieceLog) step(do func() error) error {
	left := l.crash.Add(-1)
	if left == -1 {
		l.Log.Close()
	}
	if left < 0 {
		return status.New(status.Unavailable, dstm.ErrLogClosed, "the process is gone")
	}
	err := do()
	if left == 0 {
		l.Log.Close()
	}
	return err
}

func (l *pieceLog) Save(ctx context.Context, pieces []dstm.Piece) error {
	if l.fail.Load() {
		return status.New(status.Unavailable, "test.full", "the disk is full")
	}
	l.saves.Add(1)
	return l.step(func() error { return l.Log.Save(ctx, pieces) })
}

func (l *pieceLog) Truncate(ctx context.Context, upto dstm.Position) error {
	return l.step(func() error {
		l.truncated.Store(int64(upto))
		return l.Log.Truncate(ctx, upto)
	})
}

// randomOf is a generator whose seed is in the test's output; the variable SEED repeats it.
func randomOf(t testing.TB) *rand.Rand {
	n := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SEED=%d", n)
	return rand.New(rand.NewPCG(n, 0))
}

// same compares every object of a store with what the whole log makes of them in a store that never drops one.
func (l *ledger) same(t *testing.T, store *dstm.Store) {
	t.Helper()
	whole := dstm.NewMemoryLog()
	if _, err := whole.Append(t.Context(), 0, dstm.Batch{Entries: l.entries}); err != nil {
		t.Fatal(err)
	}
	complete, err := dstm.NewStore(whole, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer complete.Close(t.Context())
	var lists [2][]string
	for i, s := range []*dstm.Store{complete, store} {
		for info, err := range s.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			var value []byte
			o := object(t, s, info.Name)
			o.View(func(tx *dstm.Tx) error { value = tx.Read(); return nil })
			if h := o.Head(); h.Version != info.Version || h.Position != info.Position {
				t.Errorf("listed as %+v, but %+v", info, h)
			}
			o.Close()
			lists[i] = append(lists[i], fmt.Sprintf("%+v %x", info, value))
		}
	}
	if fmt.Sprint(lists[0]) != fmt.Sprint(lists[1]) {
		t.Errorf("SEED above: the whole log makes\n%v\nbut the pieces\n%v", strings.Join(lists[0], "\n"), strings.Join(lists[1], "\n"))
	}
}

// Random commits, checkpoints, drops, restarts and crashes between any two steps of a checkpoint lead to what a store makes that
// never drops anything, and every client was told the truth.
func TestPiecesModel(t *testing.T) {
	r := randomOf(t)
	crashes, loads, truncations := 0, int64(0), int64(0)
	for range 6 {
		shared, all := dstm.NewMemoryLog(), &ledger{}
		rec := &witness.Recorder{}
		c := &counter{t: t, recorder: rec}
		for range 8 {
			log := newPieceLog(shared, all)
			mortal := r.IntN(4) > 0
			if mortal {
				log.crash.Store(int64(r.IntN(30)))
			}
			opts := &dstm.StoreOptions{
				CheckpointEntries: 1 + r.IntN(8), Resident: 1, Recent: 1 + r.IntN(20_000), MaxClients: 2 + r.IntN(3),
				Rules: []dstm.Rule{{Object: "o/*", History: dstm.AllowAll}}[:r.IntN(2)], Logger: silence,
			}
			store, err := dstm.NewStore(log, opts)
			if err != nil {
				t.Fatal(err)
			}
			for range 150 {
				if err = randomUse(t, r, c, store); err != nil {
					break
				}
			}
			if err != nil && !errors.Is(err, dstm.ErrClosed) && !errors.Is(err, dstm.ErrLogClosed) {
				t.Fatal(err)
			}
			if !mortal {
				all.same(t, store)
			}
			store.Close(t.Context())
			if log.crash.Load() <= 0 {
				crashes++
			}
			loads, truncations = loads+log.loads.Load(), truncations+log.truncated.Load()
		}
		last, err := dstm.NewStore(shared.Share(), nil)
		if err != nil {
			t.Fatal(err)
		}
		all.same(t, last)
		last.Close(t.Context())
		if err := rec.Check(all.entries); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d crashes, %d loads, truncated at %d in all", crashes, loads, truncations)
	if crashes == 0 || loads == 0 || truncations == 0 {
		t.Error("this proves nothing")
	}
}

// randomUse commits to one of a few objects, sometimes to one that it has held for long.
func randomUse(t *testing.T, r *rand.Rand, c *counter, store *dstm.Store) error {
	name := fmt.Sprint("o/", r.IntN(20))
	switch r.IntN(20) {
	case 0:
		return store.Delete(t.Context(), name)
	case 1:
		for range store.List(t.Context(), "o/1") {
		}
	}
	o, err := store.Open(t.Context(), name)
	if err != nil {
		return err
	}
	defer o.Close()
	for range 1 + r.IntN(3) {
		if err := c.increment(t.Context(), o, string(rune('a'+r.IntN(3)))); err != nil {
			return err
		}
	}
	return o.View(func(tx *dstm.Tx) error {
		c.recorder.See(witness.Seen{Object: name, Version: tx.Version(), Value: tx.Read()})
		return nil
	})
}

// Several nodes that commit, save and truncate on one log at the same time, and keep nothing that they need not, agree.
func TestPiecesOfSeveralNodes(t *testing.T) {
	r := randomOf(t)
	shared, all := dstm.NewMemoryLog(), &ledger{}
	rec := &witness.Recorder{}
	c := &counter{t: t, recorder: rec}
	var stores []*dstm.Store
	var wg sync.WaitGroup
	for range 3 {
		store, err := dstm.NewStore(newPieceLog(shared, all), &dstm.StoreOptions{CheckpointEntries: 1 + r.IntN(5), Resident: 1, Recent: 2_000, Logger: silence})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close(t.Context())
		stores = append(stores, store)
		mine := rand.New(rand.NewPCG(r.Uint64(), 0))
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 200 {
				if err := randomUse(t, mine, c, store); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	wg.Wait()
	for _, store := range stores {
		for store.Position() < dstm.Position(len(all.entries)) && !t.Failed() {
			o := object(t, store, "o/0")
			if err := c.increment(t.Context(), o, "end"); err != nil {
				t.Fatal(err)
			}
			o.Close()
		}
		all.same(t, store)
	}
	if err := rec.Check(all.entries); err != nil {
		t.Error(err)
	}
}

// Checkpoints that fail lose nothing and truncate nothing; when they work again everything is stored.
func TestFailingCheckpoints(t *testing.T) {
	shared, all := dstm.NewMemoryLog(), &ledger{}
	log := newPieceLog(shared, all)
	log.fail.Store(true)
	store, err := dstm.NewStore(log, &dstm.StoreOptions{CheckpointEntries: 3, Resident: 1, Recent: 1, Logger: silence})
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{t: t, recorder: &witness.Recorder{}}
	use := func() {
		for i := range 30 {
			o := object(t, store, fmt.Sprint("o/", i))
			if err := c.increment(t.Context(), o, "x"); err != nil {
				t.Fatal(err)
			}
			o.Close()
		}
	}
	use()
	if got := len(entries(t, shared)); got != len(all.entries) {
		t.Errorf("%d of %d entries are left", got, len(all.entries))
	}
	log.fail.Store(false)
	use()
	awaitCheckpoint(t, shared)
	store.Close(t.Context())
	again, err := dstm.NewStore(shared.Share(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close(t.Context())
	all.same(t, again)
}
