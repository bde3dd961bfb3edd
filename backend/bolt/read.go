package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"iter"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// Bounds of what a Read takes in one transaction. None is open while it yields or waits: that would keep bbolt from
// using free pages again, and the file would grow.
const (
	readEntries = 256
	readBytes   = 256 << 10 // exceeded by the last entry at most
)

// Read implements [dstm.Log]. It is woken by appends and does not poll. Besides the errors of the interface
// it yields [ErrDamaged].
func (h *handle) Read(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
	return func(yield func(dstm.Entry, error) bool) {
		next := after
		for {
			err := h.usable(ctx)
			if ctx.Err() != nil {
				return
			}
			head, base, grown := h.state()
			var some []dstm.Entry
			switch {
			case err != nil:
			case next < base:
				err = truncated(next, base)
			case next < head:
				if some = h.recent(next); some == nil {
					some, err = h.take(next, head)
				}
			default:
				select {
				case <-grown:
				case <-h.closed:
				case <-h.store.closed:
				case <-ctx.Done():
				}
				continue
			}
			if err != nil {
				yield(dstm.Entry{}, err)
				return
			}
			for _, e := range some {
				if ctx.Err() != nil || !yield(e, nil) {
					return
				}
				next = e.Position
			}
		}
	}
}

// recent returns the entries behind after if they were appended last, nil if not.
func (l *log) recent(after dstm.Position) []dstm.Entry {
	l.mu.Lock()
	last := l.tail
	l.mu.Unlock()
	return last.behind(after)
}

// take returns copies of some entries behind after, none above head.
func (l *log) take(after, head dstm.Position) ([]dstm.Entry, error) {
	var some []dstm.Entry
	err := l.store.view(func(tx *bbolt.Tx) error {
		b, err := l.bucket(tx)
		if err != nil {
			return err
		}
		size, next, key := 0, after+1, make([]byte, 0, 8)
		c := b.entries.Cursor()
		for k, record := c.Seek(positionKey(next)); ; k, record = c.Next() {
			key = binary.BigEndian.AppendUint64(key[:0], uint64(next))
			if !bytes.Equal(k, key) {
				// A truncation may have come between; then the entries are gone rightly.
				if base, err := storedBase(b.log); err != nil || base >= next {
					return truncated(after, base).Because(err)
				}
				return damaged("entry %d is missing", next)
			}
			data, err := unsealed(key, record)
			if err != nil {
				return err
			}
			some = append(some, dstm.Entry{Position: next, Data: append([]byte{}, data...)})
			size += len(data)
			if next++; next > head || len(some) == readEntries || size >= readBytes {
				return nil
			}
		}
	})
	if len(some) > 0 {
		return some, nil // the error, if any, comes again behind these
	}
	return nil, err
}

func truncated(after, base dstm.Position) *status.Error {
	return status.New(status.OutOfRange, dstm.ErrTruncated, "the log begins behind %d, not at %d", base, after)
}
