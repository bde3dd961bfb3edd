package bolt_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
)

// Of so many objects that are stored, so many are in use.
const (
	manyStored     = 100_000
	manyUsed       = 100
	manyStoredFew  = 5_000 // with -race or -short
	manyMakers     = 64
	manyTogether   = 16
	manyHeap       = 16 << 20 // bytes that starting, and using some, may take at most
	manyCheckpoint = 500
	manyEntries    = 6_000 // that a start may read: those since the last checkpoint, and the recent ones for clients that come back
)

// TestManyObjects: memory and start-up follow the objects that are open, not those that are stored.
func TestManyObjects(t *testing.T) {
	stored := manyStored
	if raceEnabled || testing.Short() {
		stored = manyStoredFew
		t.Logf("with %d objects in place of %d", stored, manyStored)
	}
	s := newSite(t, dstm.StoreOptions{
		CheckpointEntries: 5 * manyCheckpoint, Recent: 1 << 20, Rules: []dstm.Rule{{Object: "**", Open: dstm.AllowAll}},
	})
	var m *meter
	s.wrap = func(log dstm.Log) dstm.Log {
		m = &meter{Log: log}
		return m
	}
	path := newPath(t)
	s.start(path)
	began := time.Now()
	makeMany(s, stored)
	t.Logf("making %d objects took %v", stored, time.Since(began))
	s.opts.CheckpointEntries = manyCheckpoint
	s.stop()
	s.start(path)
	changeSome(s) // and with them what was left of that is checkpointed
	last := int64(s.store.Position())
	for m.checkpoint.Load() < last {
		changeSome(s)
	}
	s.stop()

	before := heap()
	began = time.Now()
	s.start(path)
	took := time.Since(began)
	started := heap() - before
	t.Logf("start: %v, %d objects and %d entries read, %d KiB of heap", took, m.objects.Load(), m.entries.Load(), started>>10)
	if m.objects.Load() > manyUsed || m.entries.Load() > manyEntries {
		t.Errorf("a start read %d objects and %d entries", m.objects.Load(), m.entries.Load())
	}
	m.objects.Store(0)
	g := s.guest()
	began = time.Now()
	for i := range manyUsed {
		if n := len(valueOf(t, g.open(nameOf(i)))); n < 70 {
			t.Fatalf("object %d has %d bytes", i, n)
		}
	}
	opened := heap() - before
	t.Logf("opening %d: %v, %d objects read, %d KiB of heap", manyUsed, time.Since(began), m.objects.Load(), opened>>10)
	if m.objects.Load() > manyUsed {
		t.Errorf("opening %d objects read %d", manyUsed, m.objects.Load())
	}

	began = time.Now()
	n := 0
	for _, err := range s.store.List(s.ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	listed := heap() - before
	t.Logf("listing %d: %v, %d KiB of heap", n, time.Since(began), listed>>10)
	if n != stored {
		t.Errorf("%d objects are listed, %d were stored", n, stored)
	}
	for what, bytes := range map[string]int64{"start": started, "opening": opened, "listing": listed} {
		if bytes > manyHeap {
			t.Errorf("after %s there are %d KiB more of heap", what, bytes>>10)
		}
	}
}

func nameOf(i int) string { return fmt.Sprintf("board/%06d", i) }

// makeMany makes so many objects of five numbers each, some in one transaction, since each waits for the disk.
func makeMany(s *site, objects int) {
	s.t.Helper()
	value, err := codec.Marshal(map[string]int{"a key of the object": 1, "another one": 2, "a third": 3, "a fourth": 4, "the last": 5})
	if err != nil {
		s.t.Fatal(err)
	}
	var all sync.WaitGroup
	for part := range manyMakers {
		all.Go(func() {
			for first := part * manyTogether; first < objects; first += manyMakers * manyTogether {
				var some []dstm.Object
				for i := first; i < min(first+manyTogether, objects); i++ {
					o, err := s.store.Open(s.ctx, nameOf(i))
					if err != nil {
						s.t.Error(err)
						return
					}
					some = append(some, o)
				}
				_, err := dstm.UpdateAll(s.ctx, some, func(tx *dstm.Tx) error {
					for _, o := range some {
						tx.In(o).Set(codec.Raw(value), "numbers")
					}
					return nil
				})
				if err != nil {
					s.t.Error(err)
					return
				}
				for _, o := range some {
					o.Close()
				}
			}
		})
	}
	all.Wait()
}

// changeSome commits to those that are used, each in turn.
func changeSome(s *site) {
	s.t.Helper()
	var all sync.WaitGroup
	for i := range manyUsed {
		o := s.object(nameOf(i))
		all.Go(func() {
			defer o.Close()
			for range 10 {
				if _, err := o.Update(s.ctx, func(tx *dstm.Tx) error { dstm.Add(tx, total, 1); return nil }); err != nil {
					s.t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// heap is what is reachable.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
