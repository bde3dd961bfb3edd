package dstm

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// countingLog counts the objects that are loaded, one by one or in a list.
type countingLog struct {
	Log
	loaded atomic.Int64
}

func (l *countingLog) Load(ctx context.Context, key string) (Piece, error) {
	if strings.HasPrefix(key, keyObjects) {
		l.loaded.Add(1)
	}
	return l.Log.Load(ctx, key)
}

func (l *countingLog) List(ctx context.Context, prefix, after string) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		for p, err := range l.Log.List(ctx, prefix, after) {
			if strings.HasPrefix(p.Key, keyObjects) {
				l.loaded.Add(1)
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// fill stores n objects of 20 numbers each, as a checkpoint does.
func fill(t testing.TB, log Log, n int) {
	t.Helper()
	state, _, data := engine.Begin(engine.New(engine.Options{}), 1, "epoch")
	if _, err := log.Append(t.Context(), 0, Batch{Entries: [][]byte{data}}); err != nil {
		t.Fatal(err)
	}
	value := map[string]int{}
	for i := range 20 {
		value[fmt.Sprint("a key of the object ", i)] = i
	}
	raw, _ := codec.Marshal(value)
	root, err := tree.New(raw, nil, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := pieceWriter{ctx: t.Context(), log: log}
	for i := range n {
		name := fmt.Sprintf("board/%06d", i)
		o := engine.Object{Root: root, Version: 1, Position: 1, Hash: [8]byte(state.Hash[:8])}
		if err := w.put(objectKey(name), 1, engine.ObjectPiece(name, &o)); err != nil {
			t.Fatal(err)
		}
	}
	head := state.Head()
	if err := w.put(keyHead, 1, engine.HeadPiece(&head)); err != nil || w.flush() != nil {
		t.Fatal(err)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// idleNow waits until the store has dropped what it may, and returns how many objects are resident.
func (s *Store) idleNow() int {
	for {
		s.mu.Lock()
		over, n := s.residents.size > s.residents.limit, s.state.Load().Objects()
		s.mu.Unlock()
		if !over {
			return n
		}
		runtime.Gosched()
	}
}

// With 100,000 stored objects of which 100 are open, starting and memory follow the 100.
func TestMemoryFollowsWhatIsOpen(t *testing.T) {
	stored := 100_000
	if testing.Short() {
		stored = 10_000
	}
	log := &countingLog{Log: NewMemoryLog()}
	fill(t, log, stored)
	before := heap()
	store, err := NewStore(log, &StoreOptions{Resident: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close(t.Context())
	if n := log.loaded.Load(); n != 0 {
		t.Errorf("the start has loaded %d objects", n)
	}
	var open []Object
	for i := range 100 {
		o, err := store.Open(t.Context(), fmt.Sprintf("board/%06d", i*stored/100))
		if err != nil || o.Head().Version != 1 {
			t.Fatal(err)
		}
		open = append(open, o)
	}
	if n := log.loaded.Load(); n != 100 {
		t.Errorf("for 100 objects %d were loaded", n)
	}
	// Many come and go.
	for i := range 5_000 {
		o, err := store.Open(t.Context(), fmt.Sprintf("board/%06d", i))
		if err != nil {
			t.Fatal(err)
		}
		o.Close()
	}
	const most = 100 + 100_000/(20*22)
	if n := store.idleNow(); n < 100 || n > most {
		t.Errorf("%d objects are in memory", n)
	}
	grown := int64(heap()) - int64(before)
	t.Logf("the store takes %d KiB with 100 of %d objects open", grown/1024, stored)
	if grown > 20<<20 {
		t.Errorf("the store takes %d bytes", grown)
	}
	listed := 0
	for range store.List(t.Context(), "") {
		listed++
	}
	if listed != stored || store.idleNow() > most {
		t.Errorf("%d are listed, %d in memory", listed, store.idleNow())
	}
	for _, o := range open {
		if o.Head().Version != 1 {
			t.Errorf("%q went although it is open", o.Name())
		}
		o.Close()
	}
	if n := store.idleNow(); n > most {
		t.Errorf("%d objects are in memory although none is open", n)
	}
}

// Another node has saved an object at a position that this one has not reached: whoever opens it here waits until it has.
func TestObjectFromAhead(t *testing.T) {
	shared := NewMemoryLog()
	mine, err := NewStore(shared.Share(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close(t.Context())
	mine.applying.Lock() // so it does not follow
	theirs, err := NewStore(shared.Share(), &StoreOptions{CheckpointEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		for _, name := range []string{"a", "b"} {
			o, err := theirs.Open(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := o.Update(t.Context(), func(tx *Tx) error { tx.Set(i, "x"); return nil }); err != nil {
				t.Fatal(err)
			}
			o.Close()
		}
	}
	for { // until everything is saved
		piece, err := shared.Load(t.Context(), objectKey("b"))
		if err != nil {
			t.Fatal(err)
		}
		if piece.Position == theirs.Position() {
			break
		}
		runtime.Gosched()
	}
	theirs.Close(t.Context())
	opened := make(chan Object)
	go func() {
		o, err := mine.Open(t.Context(), "a")
		if err != nil {
			t.Error(err)
		}
		opened <- o
	}()
	select {
	case <-opened:
		t.Error("opened at a position that the store has not reached")
	default:
	}
	mine.applying.Unlock()
	o := <-opened
	if h := o.Head(); h.Version != 5 {
		t.Errorf("%+v", h)
	}
	mine.mu.Lock()
	defer mine.mu.Unlock()
	if state := mine.state.Load(); state.Position != 11 || len(mine.residents.coming) != 0 {
		t.Errorf("position %d, coming %v", state.Position, mine.residents.coming)
	}
}

// An object that is pinned or changed is not dropped, however little may stay.
func TestWhatMayBeDropped(t *testing.T) {
	log := NewMemoryLog()
	fill(t, log, 10)
	s, err := NewStore(log, &StoreOptions{Resident: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	resident := func(name string) bool {
		s.evict()
		_, ok := s.state.Load().Resident(name)
		return ok
	}
	pinned, changed, idle := "board/000001", "board/000002", "board/000003"
	for _, name := range []string{pinned, idle} {
		o, err := s.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if name == idle {
			o.Close()
		}
	}
	if err := s.replace(t.Context(), changed, codec.AppendMap(nil, 0), nil); err != nil {
		t.Fatal(err)
	}
	if !resident(pinned) || !resident(changed) || resident(idle) {
		t.Error("the wrong ones are in memory")
	}
	s.mu.Lock()
	c := s.beginCheckpoint()
	s.mu.Unlock()
	if !resident(changed) {
		t.Error("what is being saved was dropped")
	}
	s.finishCheckpoint(c, false)
	if !resident(changed) {
		t.Error("what was not saved was dropped")
	}
	s.mu.Lock()
	c = s.beginCheckpoint()
	s.mu.Unlock()
	if err := s.save(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s.finishCheckpoint(c, true)
	if resident(changed) || !resident(pinned) {
		t.Error("what is saved and idle stays")
	}
	tx := &txn.Transaction{Sequence: 1, Parts: []txn.Part{{Object: changed, Epoch: s.Epoch(), Base: 2, Reads: []txn.Read{{Kind: txn.ReadValue}}}}}
	w := &storeWaiter{own: &s.own, sequence: 1 << 40, outcome: make(chan storeOutcome, 1)}
	s.own.slots <- struct{}{}
	if s.submitJob(storeJob{request: engine.Request{Client: engine.ID{1}, Time: s.now(), Tx: tx}, waiter: w}) != pushed {
		t.Fatal("the queue is full")
	}
	if out := <-w.outcome; out.decision.Refusal != nil || out.decision.Versions[0] != 2 {
		t.Errorf("a transaction of what is not in memory: %+v", out)
	}
}
