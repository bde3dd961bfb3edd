package logtest

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// brokenLog is a log with one bug.
type brokenLog struct {
	name   string
	wrap   func(*dstm.MemoryLog) dstm.Log
	reopen func(dstm.Log) dstm.Log // nil: as it should be
}

func sound(m *dstm.MemoryLog) dstm.Log { return on(m) }

// brokenLogs have their bug in the entries; those of brokenPieces have it in the pieces.
var brokenLogs = []brokenLog{
	{name: "appends wherever the head is", wrap: brokenAppend(func(m *dstm.MemoryLog) appendFunc {
		return func(ctx context.Context, _ dstm.Position, batch dstm.Batch) (dstm.Position, error) {
			for {
				head, err := m.Head(ctx)
				if err != nil {
					return 0, err
				}
				if head, err = m.Append(ctx, head, batch); !errors.Is(err, dstm.ErrMoved) {
					return head, err
				}
			}
		}
	})},
	{name: "appends a batch entry by entry", wrap: brokenAppend(func(m *dstm.MemoryLog) appendFunc {
		return func(ctx context.Context, after dstm.Position, all dstm.Batch) (_ dstm.Position, err error) {
			if len(all.Entries) == 0 {
				return m.Append(ctx, after, all)
			}
			for _, e := range all.Entries {
				if after, err = m.Append(ctx, after, batch(e)); err != nil {
					return 0, err
				}
				runtime.Gosched()
			}
			return after, nil
		}
	})},
	{name: "says moved although it has appended", wrap: brokenAppend(func(m *dstm.MemoryLog) appendFunc {
		wrong := every(9)
		return func(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
			head, err := m.Append(ctx, after, batch)
			if err == nil && wrong() {
				return 0, errMoved()
			}
			return head, err
		}
	})},
	{name: "says done although it has not appended", wrap: brokenAppend(func(m *dstm.MemoryLog) appendFunc {
		wrong := every(20)
		return func(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
			if wrong() {
				return after + dstm.Position(len(batch.Entries)), nil
			}
			return m.Append(ctx, after, batch)
		}
	})},
	{name: "appends twice", wrap: brokenAppend(func(m *dstm.MemoryLog) appendFunc {
		return func(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
			head, err := m.Append(ctx, after, batch)
			if err == nil {
				_, _ = m.Append(ctx, head, batch)
			}
			return head, err
		}
	})},
	{name: "moved without a reason", wrap: brokenAppend(func(m *dstm.MemoryLog) appendFunc {
		return func(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
			head, err := m.Append(ctx, after, batch)
			if errors.Is(err, dstm.ErrMoved) {
				err = errors.New("moved")
			}
			return head, err
		}
	})},
	{name: "moved, outcome unknown", wrap: brokenAppend(func(m *dstm.MemoryLog) appendFunc {
		return func(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
			head, err := m.Append(ctx, after, batch)
			if errors.Is(err, dstm.ErrMoved) {
				err = status.From(err).MaybeDone()
			}
			return head, err
		}
	})},
	{name: "appends when closed", wrap: brokenAppend(func(m *dstm.MemoryLog) appendFunc { return m.Share().Append })},
	{name: "appends for a context that is done", wrap: brokenAppend(func(m *dstm.MemoryLog) appendFunc {
		return func(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
			return m.Append(context.WithoutCancel(ctx), after, batch)
		}
	})},
	{name: "appends empty batches", wrap: brokenAppend(func(m *dstm.MemoryLog) appendFunc {
		return func(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
			if len(batch.Entries) == 0 {
				return after, nil
			}
			return m.Append(ctx, after, batch)
		}
	})},
	{name: "head of one call before", wrap: brokenWith(func(b *broken) {
		var last atomic.Uint64
		b.head = func(ctx context.Context) (dstm.Position, error) {
			head, err := b.MemoryLog.Head(ctx)
			return dstm.Position(last.Swap(uint64(head))), err
		}
	})},
	{name: "keeps the caller's slices", wrap: brokenWith(func(b *broken) {
		var mu sync.Mutex
		kept := map[dstm.Position][]byte{}
		b.append = func(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
			mu.Lock()
			defer mu.Unlock()
			head, err := b.MemoryLog.Append(ctx, after, batch)
			for i := range batch.Entries {
				if err == nil {
					kept[after+dstm.Position(i)+1] = batch.Entries[i]
				}
			}
			return head, err
		}
		b.read = changedRead(b.MemoryLog, func(e dstm.Entry) dstm.Entry {
			mu.Lock()
			defer mu.Unlock()
			if data, ok := kept[e.Position]; ok {
				e.Data = data
			}
			return e
		})
	})},
	{name: "uses the data of a read again", wrap: brokenRead(func(m *dstm.MemoryLog) readFunc {
		return func(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
			buf := make([]byte, 0, 1<<20)
			return changedRead(m, func(e dstm.Entry) dstm.Entry {
				buf = append(buf[:0], e.Data...)
				e.Data = buf
				return e
			})(ctx, after)
		}
	})},
	{name: "cuts off long entries", wrap: brokenRead(func(m *dstm.MemoryLog) readFunc {
		return changedRead(m, func(e dstm.Entry) dstm.Entry {
			e.Data = e.Data[:min(len(e.Data), 256<<10)]
			return e
		})
	})},
	{name: "read begins one too early", wrap: brokenRead(func(m *dstm.MemoryLog) readFunc {
		return func(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
			return m.Read(ctx, max(after, 1)-1)
		}
	})},
	{name: "read does not follow", wrap: brokenRead(func(m *dstm.MemoryLog) readFunc {
		return func(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
			return func(yield func(dstm.Entry, error) bool) {
				head, _ := m.Head(ctx)
				for e, err := range m.Read(ctx, after) {
					if !yield(e, err) || e.Position >= head {
						return
					}
				}
			}
		}
	})},
	{name: "read misses wake-ups", wrap: brokenRead(func(m *dstm.MemoryLog) readFunc {
		missed := every(50)
		return func(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
			return func(yield func(dstm.Entry, error) bool) {
				for e, err := range m.Read(ctx, after) {
					if missed() {
						<-ctx.Done()
						return
					}
					if !yield(e, err) {
						return
					}
				}
			}
		}
	})},
	{name: "read yields the context's error", wrap: brokenRead(func(m *dstm.MemoryLog) readFunc {
		return func(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
			return func(yield func(dstm.Entry, error) bool) {
				for e, err := range m.Read(ctx, after) {
					if !yield(e, err) {
						return
					}
				}
				if err := ctx.Err(); err != nil {
					yield(dstm.Entry{}, err)
				}
			}
		}
	})},
	{name: "read takes no notice of its context", wrap: brokenRead(func(m *dstm.MemoryLog) readFunc {
		return func(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
			return func(yield func(dstm.Entry, error) bool) {
				head, _ := m.Head(context.Background())
				for e, err := range m.Read(context.WithoutCancel(ctx), after) {
					if !yield(e, err) || e.Position >= head && ctx.Err() != nil {
						return
					}
				}
			}
		}
	})},
	{name: "read locks while it yields", wrap: brokenWith(func(b *broken) {
		var yielding atomic.Int32
		b.read = func(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
			return func(yield func(dstm.Entry, error) bool) {
				for e, err := range b.MemoryLog.Read(ctx, after) {
					yielding.Add(1)
					more := yield(e, err)
					yielding.Add(-1)
					if !more {
						return
					}
				}
			}
		}
		b.append = func(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
			if yielding.Load() > 0 {
				<-ctx.Done() // as one who waits for the lock
			}
			return b.MemoryLog.Append(ctx, after, batch)
		}
	})},
	{name: "read begins where the log does", wrap: brokenWith(func(b *broken) {
		var base atomic.Uint64
		b.truncate = func(ctx context.Context, upto dstm.Position) error {
			err := b.MemoryLog.Truncate(ctx, upto)
			if err == nil && uint64(upto) > base.Load() {
				base.Store(uint64(upto))
			}
			return err
		}
		b.read = func(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
			return b.MemoryLog.Read(ctx, max(after, dstm.Position(base.Load())))
		}
	})},
	{name: "close wakes nobody", wrap: brokenRead(func(m *dstm.MemoryLog) readFunc { return m.Share().Read })},
	{name: "closing twice is an error", wrap: brokenWith(func(b *broken) {
		b.close = func() error {
			if _, err := b.MemoryLog.Head(context.Background()); err != nil {
				return err
			}
			return b.MemoryLog.Close()
		}
	})},
	{name: "truncates beyond the head", wrap: brokenWith(func(b *broken) {
		b.truncate = func(ctx context.Context, upto dstm.Position) error {
			return lenient(b.MemoryLog.Truncate(ctx, upto), status.FailedPrecondition)
		}
	})},
	{name: "truncating removes pieces", wrap: brokenWith(func(b *broken) {
		b.truncate = func(ctx context.Context, upto dstm.Position) error {
			if err := b.MemoryLog.Truncate(ctx, upto); err != nil {
				return err
			}
			for p := range b.MemoryLog.List(ctx, "", "") {
				if p.Position <= upto {
					_ = b.MemoryLog.Save(ctx, []dstm.Piece{gone(p.Key, upto)})
				}
			}
			return nil
		}
	})},
	{name: "forgets its head when all is truncated", wrap: sound, reopen: func(log dstm.Log) dstm.Log {
		ctx, again := context.Background(), under(log).Share()
		log.Close()
		if head, _ := again.Head(ctx); head > 0 {
			for _, err := range again.Read(ctx, head-1) {
				if err != nil {
					return dstm.NewMemoryLog()
				}
				break
			}
		}
		return again
	}},
	{name: "forgets the last entry when opened again", wrap: sound, reopen: func(log dstm.Log) dstm.Log {
		head, _ := under(log).Share().Head(context.Background())
		log.Close()
		return copyOf(log, max(head, 1)-1, everyPiece)
	}},
}
