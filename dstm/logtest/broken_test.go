package logtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// broken is a memory log of which single methods are replaced.
type broken struct {
	*dstm.MemoryLog
	head     func(context.Context) (dstm.Position, error)
	append   func(context.Context, dstm.Position, dstm.Batch) (dstm.Position, error)
	read     func(context.Context, dstm.Position) iter.Seq2[dstm.Entry, error]
	save     func(context.Context, dstm.Position, io.Reader) error
	load     func(context.Context) (dstm.Position, io.ReadCloser, error)
	truncate func(context.Context, dstm.Position) error
	close    func() error
}

// on is a broken log with nothing broken yet.
func on(m *dstm.MemoryLog) *broken {
	return &broken{
		MemoryLog: m, head: m.Head, append: m.Append, read: m.Read,
		save: m.SaveSnapshot, load: m.LoadSnapshot, truncate: m.Truncate, close: m.Close,
	}
}

func (b *broken) Head(ctx context.Context) (dstm.Position, error) { return b.head(ctx) }

func (b *broken) Append(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
	return b.append(ctx, after, batch)
}

func (b *broken) Read(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
	return b.read(ctx, after)
}

func (b *broken) SaveSnapshot(ctx context.Context, at dstm.Position, r io.Reader) error {
	return b.save(ctx, at, r)
}

func (b *broken) LoadSnapshot(ctx context.Context) (dstm.Position, io.ReadCloser, error) {
	return b.load(ctx)
}

func (b *broken) Truncate(ctx context.Context, upto dstm.Position) error {
	return b.truncate(ctx, upto)
}

func (b *broken) Close() error { return b.close() }

// Kinds of what a method can be broken with.
type (
	appendFunc = func(context.Context, dstm.Position, dstm.Batch) (dstm.Position, error)
	readFunc   = func(context.Context, dstm.Position) iter.Seq2[dstm.Entry, error]
)

// brokenAppend makes logs whose Append is what f makes of the sound one.
func brokenAppend(f func(m *dstm.MemoryLog) appendFunc) func(*dstm.MemoryLog) dstm.Log {
	return func(m *dstm.MemoryLog) dstm.Log {
		b := on(m)
		b.append = f(m)
		return b
	}
}

// brokenRead makes logs whose Read is what f makes of the sound one.
func brokenRead(f func(m *dstm.MemoryLog) readFunc) func(*dstm.MemoryLog) dstm.Log {
	return func(m *dstm.MemoryLog) dstm.Log {
		b := on(m)
		b.read = f(m)
		return b
	}
}

// brokenWith makes logs of one change.
func brokenWith(change func(b *broken)) func(*dstm.MemoryLog) dstm.Log {
	return func(m *dstm.MemoryLog) dstm.Log {
		b := on(m)
		change(b)
		return b
	}
}

// changedRead is a Read that passes each entry through change.
func changedRead(m *dstm.MemoryLog, change func(dstm.Entry) dstm.Entry) readFunc {
	return func(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
		return func(yield func(dstm.Entry, error) bool) {
			for e, err := range m.Read(ctx, after) {
				if err == nil {
					e = change(e)
				}
				if !yield(e, err) {
					return
				}
			}
		}
	}
}

// lenient turns an error into none.
func lenient(err error, which error) error {
	if errors.Is(err, which) {
		return nil
	}
	return err
}

// every is true each nth time.
func every(n int) func() bool {
	var mu sync.Mutex
	i := 0
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		i++
		return i%n == 0
	}
}

// ownSnapshots makes logs that keep snapshots beside the memory log, as store says: it is given the one
// there is, the new one, and the error of its reader.
func ownSnapshots(store func(now *ownSnapshot, at dstm.Position, data []byte, err error) error) func(*dstm.MemoryLog) dstm.Log {
	return brokenWith(func(b *broken) {
		var mu sync.Mutex
		var s ownSnapshot
		b.save = func(ctx context.Context, at dstm.Position, r io.Reader) error {
			if head, err := b.MemoryLog.Head(ctx); err != nil || at > head {
				return b.MemoryLog.SaveSnapshot(ctx, at, r)
			}
			data, err := io.ReadAll(readerFunc(func(p []byte) (int, error) {
				if err := ctx.Err(); err != nil {
					return 0, err
				}
				return r.Read(p)
			}))
			mu.Lock()
			defer mu.Unlock()
			return store(&s, at, data, err)
		}
		b.load = func(ctx context.Context) (dstm.Position, io.ReadCloser, error) {
			mu.Lock()
			defer mu.Unlock()
			if _, err := b.MemoryLog.Head(ctx); err != nil || s.at == 0 {
				return 0, nil, err
			}
			return s.at, io.NopCloser(bytes.NewReader(s.data)), nil
		}
		b.truncate = func(ctx context.Context, upto dstm.Position) error {
			mu.Lock()
			defer mu.Unlock()
			if err := b.MemoryLog.SaveSnapshot(ctx, s.at, bytes.NewReader(nil)); err != nil {
				return err
			}
			return b.MemoryLog.Truncate(ctx, upto)
		}
	})
}

type ownSnapshot struct {
	at   dstm.Position
	data []byte
}

func (s *ownSnapshot) set(at dstm.Position, data []byte) { s.at, s.data = at, data }

// copyOf is a new log with the entries of another up to upto.
func copyOf(log dstm.Log, upto dstm.Position) dstm.Log {
	ctx := context.Background()
	old, again := under(log).Share(), dstm.NewMemoryLog()
	for e, err := range old.Read(ctx, 0) {
		if err != nil || e.Position > upto {
			break
		}
		if _, err := again.Append(ctx, e.Position-1, batch(e.Data)); err != nil || e.Position == upto {
			break
		}
	}
	return again
}

func errMoved() error { return status.New(status.Aborted, dstm.ErrMoved, "moved") }
