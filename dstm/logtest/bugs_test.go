package logtest

import (
	"context"
	"errors"
	"io"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// brokenLog is a log with one bug.
type brokenLog struct {
	name        string
	wrap        func(*dstm.MemoryLog) dstm.Log
	reopen      func(dstm.Log) dstm.Log // nil: as it should be
	countMemory bool
}

func sound(m *dstm.MemoryLog) dstm.Log { return on(m) }

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
	{name: "truncates beyond the snapshot", wrap: brokenWith(func(b *broken) {
		b.truncate = func(ctx context.Context, upto dstm.Position) error {
			return lenient(b.MemoryLog.Truncate(ctx, upto), status.FailedPrecondition)
		}
	})},
	{name: "an older snapshot is an error", wrap: brokenWith(func(b *broken) {
		b.save = func(ctx context.Context, at dstm.Position, r io.Reader) error {
			if now, _, _ := b.MemoryLog.LoadSnapshot(ctx); now > at {
				return status.New(status.FailedPrecondition, "", "older")
			}
			return b.MemoryLog.SaveSnapshot(ctx, at, r)
		}
	})},
	{name: "an older snapshot replaces", wrap: ownSnapshots(func(now *ownSnapshot, at dstm.Position, data []byte, err error) error {
		if err == nil {
			now.set(at, data)
		}
		return err
	})},
	{name: "what a failing reader gave replaces", wrap: ownSnapshots(func(now *ownSnapshot, at dstm.Position, data []byte, err error) error {
		if at > now.at {
			now.set(at, data)
		}
		return err
	})},
	{name: "the error of a reader is lost", wrap: ownSnapshots(func(now *ownSnapshot, at dstm.Position, data []byte, err error) error {
		if err == nil && at > now.at {
			now.set(at, data)
		}
		return nil
	})},
	{name: "the end of a snapshot is lost", wrap: ownSnapshots(func(now *ownSnapshot, at dstm.Position, data []byte, err error) error {
		if err == nil && at > now.at {
			now.set(at, data[:len(data)/1024*1024])
		}
		return err
	})},
	{name: "a snapshot at the wrong position", wrap: ownSnapshots(func(now *ownSnapshot, at dstm.Position, data []byte, err error) error {
		if err == nil && at > now.at {
			now.set(at-1, data)
		}
		return err
	})},
	{name: "a snapshot beyond the head", wrap: brokenWith(func(b *broken) {
		b.save = func(ctx context.Context, at dstm.Position, r io.Reader) error {
			return lenient(b.MemoryLog.SaveSnapshot(ctx, at, r), status.FailedPrecondition)
		}
	})},
	{name: "a snapshot holds up appends", wrap: brokenWith(func(b *broken) {
		var saving atomic.Int32
		b.save = func(ctx context.Context, at dstm.Position, r io.Reader) error {
			saving.Add(1)
			defer saving.Add(-1)
			return b.MemoryLog.SaveSnapshot(ctx, at, r)
		}
		b.append = func(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
			if saving.Load() > 0 {
				<-ctx.Done()
			}
			return b.MemoryLog.Append(ctx, after, batch)
		}
	})},
	{name: "a snapshot in memory", wrap: sound, countMemory: true},
	{name: "forgets its head when all is truncated", wrap: sound, reopen: func(log dstm.Log) dstm.Log {
		ctx := context.Background()
		again := under(log).Share()
		log.Close()
		at, _, _ := again.LoadSnapshot(ctx)
		if head, _ := again.Head(ctx); head == at {
			return dstm.NewMemoryLog()
		}
		return again
	}},
	{name: "forgets the last entry when opened again", wrap: sound, reopen: func(log dstm.Log) dstm.Log {
		head, _ := under(log).Share().Head(context.Background())
		log.Close()
		if head == 0 {
			return dstm.NewMemoryLog()
		}
		return copyOf(log, head-1)
	}},
	{name: "forgets its snapshot when opened again", wrap: sound, reopen: func(log dstm.Log) dstm.Log {
		head, _ := under(log).Share().Head(context.Background())
		log.Close()
		if head == 0 {
			return dstm.NewMemoryLog()
		}
		return copyOf(log, head)
	}},
}
