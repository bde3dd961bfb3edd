package bolt

import (
	"bytes"
	"context"
	"iter"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
)

// Bounds of what List and Keys take in one transaction. None is open while they yield, as for Read.
const (
	listPieces = 256
	listBytes  = 1 << 20 // exceeded by the last piece at most
)

// Load implements [dstm.Log]. It may return a piece whose commit has not yet reached the disk, which matters little: a
// piece says nothing that entries on the disk do not say.
func (h *handle) Load(ctx context.Context, key string) (dstm.Piece, error) {
	if err := h.usable(ctx); err != nil {
		return dstm.Piece{}, err
	}
	piece := dstm.Piece{Key: key}
	err := h.store.view(func(tx *bbolt.Tx) error {
		b, err := h.bucket(tx)
		if err != nil {
			return err
		}
		record := b.pieces.Get([]byte(key))
		if record == nil {
			return nil
		}
		piece, err = b.load([]byte(key), record)
		return err
	})
	if err != nil {
		return dstm.Piece{}, err
	}
	return piece, nil
}

// load returns a copy of the piece in a record.
func (b buckets) load(key, record []byte) (dstm.Piece, error) {
	stored, err := parsePiece(key, record)
	if err != nil {
		return dstm.Piece{}, err
	}
	value, err := stored.read(b.chunks)
	if err != nil {
		return dstm.Piece{}, err
	}
	return dstm.Piece{Key: string(key), Position: stored.position, Value: value}, nil
}

// List implements [dstm.Log].
func (h *handle) List(ctx context.Context, prefix, after string) iter.Seq2[dstm.Piece, error] {
	return pages(ctx, h, prefix, after, func(b buckets, key, record []byte) (dstm.Piece, int, error) {
		p, err := b.load(key, record)
		return p, len(p.Value), err
	})
}

// Keys implements [dstm.Log]. It reads no value, and so does not find damage in one.
func (h *handle) Keys(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return pages(ctx, h, prefix, after, func(_ buckets, key, _ []byte) (string, int, error) {
		return string(key), 0, nil
	})
}

// pages yields what take makes of the records behind after, some per transaction. take also says how many bytes its
// result needs besides the key.
func pages[T any](ctx context.Context, h *handle, prefix, after string, take takeFunc[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		next := after
		for more := true; more; {
			var some []T
			err := h.usable(ctx)
			if err == nil {
				err = h.store.view(func(tx *bbolt.Tx) error {
					b, err := h.bucket(tx)
					if err == nil {
						some, next, more, err = takePage(b, prefix, next, take)
					}
					return err
				})
			}
			for _, one := range some {
				if !yield(one, nil) {
					return
				}
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
		}
	}
}

type takeFunc[T any] func(b buckets, key, record []byte) (one T, size int, err error)

// takePage takes some records behind after and returns the key of the last and whether there are more. With an error come those
// that lie before it.
func takePage[T any](b buckets, prefix, after string, take takeFunc[T]) (some []T, last string, more bool, err error) {
	size, c := 0, b.pieces.Cursor()
	for key, record := c.Seek([]byte(max(prefix, after))); bytes.HasPrefix(key, []byte(prefix)) && key != nil; key, record = c.Next() {
		if string(key) == after {
			continue
		}
		if len(some) == listPieces || size >= listBytes {
			return some, last, true, nil
		}
		one, n, err := take(b, key, record)
		if err != nil {
			return some, last, false, err
		}
		some, last, size = append(some, one), string(key), size+n
	}
	return some, last, false, nil
}
