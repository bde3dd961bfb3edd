package logtest

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// broken is a memory log of which single methods are replaced.
type broken struct {
	*dstm.MemoryLog
	head     func(context.Context) (dstm.Position, error)
	append   appendFunc
	read     readFunc
	save     saveFunc
	load     loadFunc
	list     listFunc
	keys     keysFunc
	truncate func(context.Context, dstm.Position) error
	close    func() error
}

// Kinds of what a method can be broken with.
type (
	appendFunc = func(context.Context, dstm.Position, dstm.Batch) (dstm.Position, error)
	readFunc   = func(context.Context, dstm.Position) iter.Seq2[dstm.Entry, error]
	saveFunc   = func(context.Context, []dstm.Piece) error
	loadFunc   = func(context.Context, string) (dstm.Piece, error)
	listFunc   = func(ctx context.Context, prefix, after string) iter.Seq2[dstm.Piece, error]
	keysFunc   = func(ctx context.Context, prefix, after string) iter.Seq2[string, error]
)

// on is a broken log with nothing broken yet.
func on(m *dstm.MemoryLog) *broken {
	return &broken{
		MemoryLog: m, head: m.Head, append: m.Append, read: m.Read,
		save: m.Save, load: m.Load, list: m.List, keys: m.Keys, truncate: m.Truncate, close: m.Close,
	}
}

func (b *broken) Head(ctx context.Context) (dstm.Position, error) { return b.head(ctx) }

func (b *broken) Append(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
	return b.append(ctx, after, batch)
}

func (b *broken) Read(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
	return b.read(ctx, after)
}

func (b *broken) Save(ctx context.Context, pieces []dstm.Piece) error { return b.save(ctx, pieces) }

func (b *broken) Load(ctx context.Context, key string) (dstm.Piece, error) { return b.load(ctx, key) }

func (b *broken) List(ctx context.Context, prefix, after string) iter.Seq2[dstm.Piece, error] {
	return b.list(ctx, prefix, after)
}

func (b *broken) Keys(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return b.keys(ctx, prefix, after)
}

func (b *broken) Truncate(ctx context.Context, upto dstm.Position) error {
	return b.truncate(ctx, upto)
}

func (b *broken) Close() error { return b.close() }

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

// changedSave makes logs whose Save hands over what change makes of each piece; nil leaves it out.
func changedSave(change func(m *dstm.MemoryLog, p dstm.Piece) *dstm.Piece) func(*dstm.MemoryLog) dstm.Log {
	return brokenWith(func(b *broken) {
		b.save = func(ctx context.Context, pieces []dstm.Piece) error {
			if err := b.MemoryLog.Save(ctx, nil); err != nil {
				return err
			}
			for _, p := range pieces { // those that break a limit change nothing
				if err := p.Check(); err != nil {
					return err
				}
			}
			var changed []dstm.Piece
			for _, p := range pieces {
				if c := change(b.MemoryLog, p); c != nil {
					changed = append(changed, *c)
				}
			}
			return b.MemoryLog.Save(ctx, changed)
		}
	})
}

// changedList makes logs whose List and Keys yield what list does.
func changedList(list func(ctx context.Context, m *dstm.MemoryLog, prefix, after string) iter.Seq2[dstm.Piece, error]) func(*dstm.MemoryLog) dstm.Log {
	return brokenWith(func(b *broken) {
		b.list = func(ctx context.Context, prefix, after string) iter.Seq2[dstm.Piece, error] {
			return list(ctx, b.MemoryLog, prefix, after)
		}
		b.keys = func(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				for p, err := range b.list(ctx, prefix, after) {
					if !yield(p.Key, err) {
						return
					}
				}
			}
		}
	})
}

// stored is the piece of a key, whatever a test does.
func stored(m *dstm.MemoryLog, key string) dstm.Piece {
	p, _ := m.Share().Load(context.Background(), key)
	return p
}

// copyOf is a new log with the entries of another up to upto, and the pieces that keep says.
func copyOf(log dstm.Log, upto dstm.Position, keep func(dstm.Piece) bool) dstm.Log {
	ctx := context.Background()
	old, again := under(log).Share(), dstm.NewMemoryLog()
	if upto > 0 {
		for e, err := range old.Read(ctx, 0) {
			if err != nil || e.Position > upto {
				break
			}
			if _, err := again.Append(ctx, e.Position-1, batch(e.Data)); err != nil || e.Position == upto {
				break
			}
		}
	}
	for p := range old.List(ctx, "", "") {
		if keep(p) {
			_ = again.Save(ctx, []dstm.Piece{p})
		}
	}
	return again
}

func everyPiece(dstm.Piece) bool { return true }

func errMoved() error { return status.New(status.Aborted, dstm.ErrMoved, "moved") }
