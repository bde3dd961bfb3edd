package logtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

func empty(k *kit) {
	log := k.fresh()
	k.wantHead(log, 0)
	if err := log.Truncate(k.ctx, 0); err != nil {
		k.Fatalf("Truncate up to 0: %v", err)
	}
	k.wantHead(log, 0)
}

func appendAndRead(k *kit) {
	log := k.fresh()
	batches := [][][]byte{
		{[]byte("one")},
		{[]byte("two"), {}, {0, 1, 2, 0xff}},
		{bytes.Repeat([]byte("long"), 3000), []byte("six")},
	}
	var want [][]byte
	for _, b := range batches {
		k.appendTo(log, dstm.Position(len(want)), b...)
		want = append(want, b...)
		k.wantHead(log, dstm.Position(len(want)))
	}
	for range 2 { // reading takes nothing away
		for i, e := range k.read(log, 0, len(want)) {
			if !bytes.Equal(e.Data, want[i]) {
				k.Fatalf("entry %d holds %.40q, want %.40q", e.Position, e.Data, want[i])
			}
		}
	}
}

func compareAndAppend(k *kit) {
	log := k.fresh()
	for _, after := range []dstm.Position{1, 7} {
		_, err := log.Append(k.ctx, after, batch([]byte("no")))
		k.wantReason(err, dstm.ErrMoved, fmt.Sprintf("Append behind %d on an empty log", after))
	}
	k.fill(log, 5)
	for _, after := range []dstm.Position{0, 4, 6, 1 << 40} {
		_, err := log.Append(k.ctx, after, batch([]byte("no"), []byte("never")))
		k.wantReason(err, dstm.ErrMoved, fmt.Sprintf("Append behind %d at head 5", after))
		k.wantHead(log, 5)
	}
	k.fill(log, 9)
	k.wantNumbered(log, 0, 9)
}

func emptyBatch(k *kit) {
	log := k.fresh()
	k.fill(log, 2)
	_, err := log.Append(k.ctx, 2, batch())
	k.wantCode(err, status.InvalidArgument, "Append of an empty batch")
	k.wantNumbered(log, 0, 2)
}

func largeEntries(k *kit) {
	log := k.fresh()
	large := make([][]byte, 3)
	for i := range large {
		large[i] = bytes.Repeat([]byte{byte(i + 1)}, 512<<10)
	}
	k.appendTo(log, 0, large[0])
	k.appendTo(log, 1, large[1])
	many := make([][]byte, 100)
	for i := range many {
		many[i] = bytes.Repeat([]byte{byte(i)}, 4<<10)
	}
	k.appendTo(log, 2, many...)
	k.appendTo(log, 102, large[2])
	want := append(append(large[:2:2], many...), large[2])
	for i, e := range k.read(log, 0, len(want)) {
		if !bytes.Equal(e.Data, want[i]) {
			k.Fatalf("entry %d of %d bytes differs from the %d that were appended", e.Position, len(e.Data), len(want[i]))
		}
	}
}

func raceForOnePosition(k *kit) {
	log := k.fresh()
	for round := range dstm.Position(15) {
		var won atomic.Int32
		each(6, func(i int) {
			head, err := log.Append(k.ctx, round, batch(fmt.Appendf(nil, "racer %d", i)))
			switch {
			case err == nil && head == round+1:
				won.Add(1)
			case err == nil:
				k.Errorf("Append behind %d returned head %d", round, head)
			case !errors.Is(err, dstm.ErrMoved):
				k.Errorf("Append behind %d: %v, want nil or %s", round, err, dstm.ErrMoved)
			}
		})
		if n := won.Load(); n != 1 {
			k.Fatalf("%d of 6 appends behind %d won, want exactly one", n, round)
		}
		k.wantHead(log, round+1)
	}
}

// concurrentAppenders checks that the appends that were said to be done are in the log where they were
// said to be, and nothing else.
func concurrentAppenders(k *kit) {
	log := k.fresh()
	const appenders, batches = 6, 8
	type done struct {
		after dstm.Position
		size  int
	}
	results := make([][]done, appenders)
	each(appenders, func(i int) {
		for n := 0; n < batches; {
			after, err := log.Head(k.ctx)
			if err != nil {
				k.Errorf("Head: %v", err)
				return
			}
			size := (i+n)%4 + 1
			entries := make([][]byte, size)
			for j := range entries {
				entries[j] = fmt.Appendf(nil, "%d.%d.%d", i, n, j)
			}
			switch _, err = log.Append(k.ctx, after, batch(entries...)); {
			case err == nil:
				results[i] = append(results[i], done{after, size})
				n++
			case !errors.Is(err, dstm.ErrMoved):
				k.Errorf("Append: %v", err)
				return
			}
		}
	})
	want := map[dstm.Position]string{}
	for i, list := range results {
		for n, d := range list {
			for j := range d.size {
				want[d.after+dstm.Position(j)+1] = fmt.Sprintf("%d.%d.%d", i, n, j)
			}
		}
	}
	k.wantHead(log, dstm.Position(len(want)))
	for _, e := range k.read(log, 0, len(want)) {
		if string(e.Data) != want[e.Position] {
			k.Fatalf("position %d holds %q, want %q", e.Position, e.Data, want[e.Position])
		}
	}
}

// batchesAreAtomic looks at the head while batches of one size are added. They are large, so that half of one
// would be seen.
func batchesAreAtomic(k *kit) {
	log := k.fresh()
	const size, batches, watchers = 200, 60, 2
	ctx, stop := context.WithCancel(k.ctx)
	defer stop()
	var watching sync.WaitGroup
	watching.Add(watchers)
	each(1+watchers, func(i int) {
		if i == watchers {
			defer stop()
			watching.Wait()
			for n := range dstm.Position(batches) {
				if _, err := log.Append(k.ctx, n*size, batch(numbered(n*size, size)...)); err != nil {
					k.Errorf("Append: %v", err)
					return
				}
			}
			return
		}
		for first := true; ctx.Err() == nil; first = false {
			head, err := log.Head(k.ctx)
			if first {
				watching.Done()
			}
			if err != nil || head%size != 0 {
				k.Errorf("Head in the middle of a batch: %d, %v", head, err)
				return
			}
		}
	})
	k.wantNumbered(log, 0, size*batches)
}

// headIsLinearizable checks that no Head forgets an append that had returned, and none goes back.
func headIsLinearizable(k *kit) {
	log := k.fresh()
	var acknowledged atomic.Uint64
	ctx, stop := context.WithCancel(k.ctx)
	defer stop()
	each(4, func(i int) {
		if i == 0 {
			defer stop()
			for head := dstm.Position(0); head < 60; {
				var err error
				if head, err = log.Append(k.ctx, head, batch(dataAt(head+1))); err != nil {
					k.Errorf("Append: %v", err)
					return
				}
				acknowledged.Store(uint64(head))
				if now, err := log.Head(k.ctx); err != nil || now != head {
					k.Errorf("Head after the append of %d: %d, %v", head, now, err)
					return
				}
			}
			return
		}
		for last := dstm.Position(0); ctx.Err() == nil; {
			least := max(last, dstm.Position(acknowledged.Load()))
			head, err := log.Head(k.ctx)
			if err != nil || head < least {
				k.Errorf("Head is %d, %v although %d was acknowledged or seen before", head, err, least)
				return
			}
			last = head
		}
	})
	k.wantNumbered(log, 0, 60)
}

// dataIsCopied changes what was given to Append, and keeps what Read gave.
func dataIsCopied(k *kit) {
	log := k.fresh()
	entries := numbered(0, 3)
	k.appendTo(log, 0, entries...)
	for _, e := range entries {
		for i := range e {
			e[i] = 'x'
		}
	}
	kept := k.read(log, 0, 3)
	k.fill(log, 300)
	if err := log.Truncate(k.ctx, 200); err != nil {
		k.Fatalf("Truncate: %v", err)
	}
	k.fill(log, 400)
	for _, e := range kept {
		if !bytes.Equal(e.Data, dataAt(e.Position)) {
			k.Fatalf("entry %d became %q, want %q", e.Position, e.Data, dataAt(e.Position))
		}
	}
}

func doneContexts(k *kit) {
	log := k.fresh()
	k.fill(log, 3)
	ctx, cancel := context.WithCancel(k.ctx)
	cancel()
	_, err := log.Append(ctx, 3, batch([]byte("no")))
	k.wantCanceled(err, "Append")
	_, err = log.Head(ctx)
	k.wantCanceled(err, "Head")
	k.wantCanceled(log.Truncate(ctx, 0), "Truncate")
	for e, err := range log.Read(ctx, 0) {
		k.Fatalf("Read with a canceled context yielded %d, %v", e.Position, err)
	}
	k.wantNumbered(log, 0, 3)
}
