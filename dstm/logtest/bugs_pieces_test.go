package logtest

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

var brokenPieces = []brokenLog{
	{name: "an older piece replaces", wrap: changedSave(func(m *dstm.MemoryLog, p dstm.Piece) *dstm.Piece {
		if p.Value != nil {
			_ = m.Save(context.Background(), []dstm.Piece{gone(p.Key, 1<<60)})
		}
		return &p
	})},
	{name: "an older piece removes", wrap: changedSave(func(_ *dstm.MemoryLog, p dstm.Piece) *dstm.Piece {
		if p.Value == nil {
			p.Position = 1 << 60
		}
		return &p
	})},
	{name: "an older piece is an error", wrap: brokenWith(func(b *broken) {
		b.save = func(ctx context.Context, pieces []dstm.Piece) error {
			for _, p := range pieces {
				if old := stored(b.MemoryLog, p.Key); old.Value != nil && old.Position > p.Position {
					return status.New(status.FailedPrecondition, "", "older")
				}
			}
			return b.MemoryLog.Save(ctx, pieces)
		}
	})},
	{name: "an older piece skips the others of its call", wrap: brokenWith(func(b *broken) {
		b.save = func(ctx context.Context, pieces []dstm.Piece) error {
			for _, p := range pieces {
				if old := stored(b.MemoryLog, p.Key); old.Value != nil && old.Position > p.Position {
					return nil
				}
			}
			return b.MemoryLog.Save(ctx, pieces)
		}
	})},
	{name: "a piece at the same position is skipped", wrap: changedSave(func(m *dstm.MemoryLog, p dstm.Piece) *dstm.Piece {
		if old := stored(m, p.Key); old.Value != nil && old.Position == p.Position {
			return nil
		}
		return &p
	})},
	{name: "the position stays when the value is the same", wrap: changedSave(func(m *dstm.MemoryLog, p dstm.Piece) *dstm.Piece {
		if old := stored(m, p.Key); p.Value != nil && string(old.Value) == string(p.Value) && old.Position < p.Position {
			return nil
		}
		return &p
	})},
	{name: "a removed key remembers its position", wrap: func() func(*dstm.MemoryLog) dstm.Log {
		var mu sync.Mutex
		removed := map[*dstm.MemoryLog]map[string]dstm.Position{}
		return changedSave(func(m *dstm.MemoryLog, p dstm.Piece) *dstm.Piece {
			mu.Lock()
			defer mu.Unlock()
			if p.Value == nil {
				if removed[m] == nil {
					removed[m] = map[string]dstm.Position{}
				}
				removed[m][p.Key] = p.Position
			} else if removed[m][p.Key] > p.Position {
				return nil
			}
			return &p
		})
	}()},
	{name: "a removed key stays with an empty value", wrap: changedSave(func(_ *dstm.MemoryLog, p dstm.Piece) *dstm.Piece {
		if p.Value == nil {
			p.Value = []byte{}
		}
		return &p
	})},
	{name: "an empty value removes", wrap: changedSave(func(_ *dstm.MemoryLog, p dstm.Piece) *dstm.Piece {
		if len(p.Value) == 0 {
			p.Value = nil
		}
		return &p
	})},
	{name: "an empty value is loaded as none", wrap: brokenWith(func(b *broken) {
		b.load = func(ctx context.Context, key string) (dstm.Piece, error) {
			p, err := b.MemoryLog.Load(ctx, key)
			p.Value = append([]byte(nil), p.Value...)
			return p, err
		}
	})},
	{name: "forgets positions", wrap: changedSave(func(_ *dstm.MemoryLog, p dstm.Piece) *dstm.Piece {
		p.Position = min(p.Position, 1<<32)
		return &p
	})},
	{name: "saves piece by piece", wrap: brokenWith(func(b *broken) {
		b.save = func(ctx context.Context, pieces []dstm.Piece) error {
			for _, p := range pieces {
				if err := p.Check(); err != nil {
					return err
				}
			}
			for i := range pieces {
				if err := b.MemoryLog.Save(ctx, pieces[i:i+1]); err != nil {
					return err
				}
				runtime.Gosched()
			}
			return nil
		}
	})},
	{name: "saves up to the first that breaks a limit", wrap: brokenWith(func(b *broken) {
		b.save = func(ctx context.Context, pieces []dstm.Piece) error {
			for i, p := range pieces {
				if err := p.Check(); err != nil {
					_ = b.MemoryLog.Save(ctx, pieces[:i])
					return err
				}
			}
			return b.MemoryLog.Save(ctx, pieces)
		}
	})},
	{name: "leaves out what breaks a limit", wrap: brokenWith(func(b *broken) {
		b.save = func(ctx context.Context, pieces []dstm.Piece) error {
			sound := slices.DeleteFunc(slices.Clone(pieces), func(p dstm.Piece) bool { return p.Check() != nil })
			return b.MemoryLog.Save(ctx, sound)
		}
	})},
	{name: "the first of a key in a call wins", wrap: brokenWith(func(b *broken) {
		b.save = func(ctx context.Context, pieces []dstm.Piece) error {
			seen := map[string]bool{}
			return b.MemoryLog.Save(ctx, slices.DeleteFunc(slices.Clone(pieces), func(p dstm.Piece) bool {
				defer func() { seen[p.Key] = true }()
				return seen[p.Key]
			}))
		}
	})},
	{name: "says saved although it has not", wrap: brokenWith(func(b *broken) {
		wrong := every(20)
		b.save = func(ctx context.Context, pieces []dstm.Piece) error {
			if wrong() {
				return nil
			}
			return b.MemoryLog.Save(ctx, pieces)
		}
	})},
	{name: "saves when closed", wrap: brokenWith(func(b *broken) { b.save = b.MemoryLog.Share().Save })},
	{name: "loads when closed", wrap: brokenWith(func(b *broken) { b.load = b.MemoryLog.Share().Load })},
	{name: "lists when closed", wrap: brokenWith(func(b *broken) { b.list = b.MemoryLog.Share().List })},
	{name: "yields keys when closed", wrap: brokenWith(func(b *broken) { b.keys = b.MemoryLog.Share().Keys })},
	{name: "saves for a context that is done", wrap: brokenWith(func(b *broken) {
		b.save = func(ctx context.Context, pieces []dstm.Piece) error {
			return b.MemoryLog.Save(context.WithoutCancel(ctx), pieces)
		}
	})},
	{name: "keeps the caller's values", wrap: brokenWith(func(b *broken) {
		var mu sync.Mutex
		kept := map[string][]byte{}
		b.save = func(ctx context.Context, pieces []dstm.Piece) error {
			mu.Lock()
			defer mu.Unlock()
			err := b.MemoryLog.Save(ctx, pieces)
			for _, p := range pieces {
				if s := stored(b.MemoryLog, p.Key); string(s.Value) == string(p.Value) && s.Position == p.Position {
					kept[p.Key] = p.Value
				}
			}
			return err
		}
		b.load = func(ctx context.Context, key string) (dstm.Piece, error) {
			mu.Lock()
			defer mu.Unlock()
			p, err := b.MemoryLog.Load(ctx, key)
			if p.Value != nil && kept[key] != nil {
				p.Value = kept[key]
			}
			return p, err
		}
	})},
	{name: "uses the value of a load again", wrap: brokenWith(func(b *broken) {
		var buf []byte
		b.load = func(ctx context.Context, key string) (dstm.Piece, error) {
			p, err := b.MemoryLog.Load(ctx, key)
			if p.Value != nil && len(p.Value) < 1<<20 {
				buf = append(buf[:0], p.Value...)
				p.Value = buf
			}
			return p, err
		}
	})},
	{name: "cuts off large pieces", wrap: changedSave(func(_ *dstm.MemoryLog, p dstm.Piece) *dstm.Piece {
		p.Value = p.Value[:min(len(p.Value), 8<<20):min(len(p.Value), 8<<20)]
		return &p
	})},
	{name: "a list that takes prefix for after", wrap: changedList(func(ctx context.Context, m *dstm.MemoryLog, prefix, after string) iter.Seq2[dstm.Piece, error] {
		return m.List(ctx, "", max(prefix, after))
	})},
	{name: "a list that yields after too", wrap: changedList(func(ctx context.Context, m *dstm.MemoryLog, prefix, after string) iter.Seq2[dstm.Piece, error] {
		return func(yield func(dstm.Piece, error) bool) {
			if p := stored(m, after); p.Value != nil && !yield(p, nil) {
				return
			}
			m.List(ctx, prefix, after)(yield)
		}
	})},
	{name: "a list whose prefix ends at 0x00", wrap: changedList(func(ctx context.Context, m *dstm.MemoryLog, prefix, after string) iter.Seq2[dstm.Piece, error] {
		prefix, _, _ = strings.Cut(prefix, "\x00")
		return m.List(ctx, prefix, after)
	})},
	{name: "a list in the order of letters", wrap: changedList(func(ctx context.Context, m *dstm.MemoryLog, prefix, after string) iter.Seq2[dstm.Piece, error] {
		return func(yield func(dstm.Piece, error) bool) {
			var sorted []dstm.Piece
			for p, err := range m.List(ctx, prefix, after) {
				if err != nil {
					yield(p, err)
					return
				}
				sorted = append(sorted, p)
			}
			slices.SortStableFunc(sorted, func(a, b dstm.Piece) int {
				return strings.Compare(strings.ToLower(a.Key), strings.ToLower(b.Key))
			})
			for _, p := range sorted {
				if !yield(p, nil) {
					return
				}
			}
		}
	})},
	{name: "a list that ends after a page", wrap: changedList(func(ctx context.Context, m *dstm.MemoryLog, prefix, after string) iter.Seq2[dstm.Piece, error] {
		return func(yield func(dstm.Piece, error) bool) {
			n := 0
			for p, err := range m.List(ctx, prefix, after) {
				if n++; n > 1000 || !yield(p, err) {
					return
				}
			}
		}
	})},
	{name: "a list that counts what it has passed", wrap: brokenWith(func(b *broken) {
		b.list = func(ctx context.Context, prefix, after string) iter.Seq2[dstm.Piece, error] {
			return func(yield func(dstm.Piece, error) bool) {
				for passed := 0; ; {
					page, err := listed(ctx, b.MemoryLog, prefix, after)
					if page = page[min(passed, len(page)):]; len(page) == 0 || err != nil {
						if err != nil {
							yield(dstm.Piece{}, err)
						}
						return
					}
					for _, p := range page[:min(len(page), 1000)] {
						if passed++; !yield(p, nil) {
							return
						}
					}
				}
			}
		}
	})},
	{name: "a list that just ends with its context", wrap: brokenWith(func(b *broken) {
		b.list = func(ctx context.Context, prefix, after string) iter.Seq2[dstm.Piece, error] {
			return func(yield func(dstm.Piece, error) bool) {
				for p, err := range b.MemoryLog.List(ctx, prefix, after) {
					if errors.Is(err, context.Canceled) || !yield(p, err) {
						return
					}
				}
			}
		}
	})},
	{name: "keys take no notice of their context", wrap: brokenWith(func(b *broken) {
		b.keys = func(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
			if ctx.Err() != nil {
				return b.MemoryLog.Keys(ctx, prefix, after)
			}
			return b.MemoryLog.Keys(context.WithoutCancel(ctx), prefix, after)
		}
	})},
	{name: "a list goes on when the log is closed", wrap: brokenWith(func(b *broken) {
		open := b.MemoryLog.Share()
		b.list = func(ctx context.Context, prefix, after string) iter.Seq2[dstm.Piece, error] {
			if _, err := b.MemoryLog.Head(ctx); err != nil {
				return b.MemoryLog.List(ctx, prefix, after)
			}
			return open.List(ctx, prefix, after)
		}
	})},
	{name: "a list locks while it yields", wrap: brokenWith(func(b *broken) {
		var yielding atomic.Int32
		b.list = func(ctx context.Context, prefix, after string) iter.Seq2[dstm.Piece, error] {
			return func(yield func(dstm.Piece, error) bool) {
				for p, err := range b.MemoryLog.List(ctx, prefix, after) {
					yielding.Add(1)
					more := yield(p, err)
					yielding.Add(-1)
					if !more {
						return
					}
				}
			}
		}
		b.save = func(ctx context.Context, pieces []dstm.Piece) error {
			if yielding.Load() > 0 {
				<-ctx.Done() // as one who waits for the lock
			}
			return b.MemoryLog.Save(ctx, pieces)
		}
	})},
	{name: "keys that miss the last", wrap: brokenWith(func(b *broken) {
		b.keys = func(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				last := ""
				for key, err := range b.MemoryLog.Keys(ctx, prefix, after) {
					if err != nil {
						yield(key, err)
						return
					}
					if last != "" && !yield(last, nil) {
						return
					}
					last = key
				}
			}
		}
	})},
	{name: "forgets its pieces when opened again", wrap: sound, reopen: func(log dstm.Log) dstm.Log {
		head, _ := under(log).Share().Head(context.Background())
		log.Close()
		return copyOf(log, head, func(dstm.Piece) bool { return false })
	}},
	{name: "forgets the positions of its pieces when opened again", wrap: sound, reopen: func(log dstm.Log) dstm.Log {
		ctx, again := context.Background(), under(log).Share()
		log.Close()
		for p := range again.List(ctx, "", "") {
			_ = again.Save(ctx, []dstm.Piece{gone(p.Key, p.Position)})
			p.Position = 0
			_ = again.Save(ctx, []dstm.Piece{p})
		}
		return again
	}},
}
