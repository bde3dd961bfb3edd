package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// SaveSnapshot implements [dstm.Log]. It holds a quarter of a megabyte in memory and commits as much at a
// time. One snapshot is saved at a time; others wait. An error of r is returned as it is.
func (h *handle) SaveSnapshot(ctx context.Context, at dstm.Position, r io.Reader) error {
	if err := h.usable(ctx); err != nil {
		return err
	}
	select {
	case h.saving <- struct{}{}:
		defer func() { <-h.saving }()
	case <-ctx.Done():
		return ctx.Err()
	case <-h.closed:
		return closedError(nil)
	case <-h.store.closed:
		return h.store.gone()
	}
	h.mu.Lock()
	head, current := h.head, h.snapshot.at
	h.mu.Unlock()
	if at > head {
		return status.New(status.FailedPrecondition, "", "a snapshot at %d is beyond the head %d", at, head)
	}
	if at <= current {
		return nil
	}
	if err := h.collect(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	h.lastID++
	saved := descriptor{id: h.lastID, at: at}
	h.mu.Unlock()
	err := h.write(ctx, saved, r)
	// Now either the older one or the unfinished one is of no use. What cannot be removed now is removed next time.
	cleanup := h.collect(ctx)
	_ = cleanup
	return err
}

// write stores what r yields and switches to it.
func (h *handle) write(ctx context.Context, d descriptor, r io.Reader) error {
	buf := make([]byte, commitChunks*chunkSize)
	for last := false; !last; {
		n, err := h.fill(ctx, buf, r)
		if last = errors.Is(err, io.EOF); err != nil && !last {
			return err
		}
		first := d.chunks
		d.size += uint64(n)
		d.chunks += uint64(n+chunkSize-1) / chunkSize
		err = h.store.update(func(tx *bbolt.Tx) error { return h.putChunks(tx, d, first, buf[:n], last) })
		if err != nil {
			return err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.snapshot = d
	return nil
}

// fill reads until buf is full or r ends, which is the error io.EOF.
func (h *handle) fill(ctx context.Context, buf []byte, r io.Reader) (n int, err error) {
	for idle := 0; n < len(buf); {
		if err := h.usable(ctx); err != nil {
			return n, err
		}
		m, err := r.Read(buf[n:])
		n += m
		if err != nil {
			return n, err
		}
		if idle++; m > 0 {
			idle = 0
		}
		if idle == 100 {
			return n, io.ErrNoProgress
		}
	}
	return n, nil
}

// putChunks stores data as the chunks from first on and, if they are the last, the descriptor.
func (l *log) putChunks(tx *bbolt.Tx, d descriptor, first uint64, data []byte, last bool) error {
	b, _, snapshots, err := l.bucket(tx)
	if err != nil {
		return err
	}
	chunks, err := snapshots.CreateBucketIfNotExists(chunkKey(d.id, 0)[:8])
	if err != nil {
		return err
	}
	chunks.FillPercent = 1
	for number := first; len(data) > 0; number++ {
		size := min(len(data), chunkSize)
		key := chunkKey(d.id, number)
		if err := chunks.Put(key[8:], appendSealed(nil, key, data[:size])); err != nil {
			return err
		}
		data = data[size:]
	}
	if !last {
		return nil
	}
	return b.Put(snapshotKey, d.record())
}

// collect removes the snapshots that neither count nor are being read, in several commits. The caller holds saving.
func (h *handle) collect(ctx context.Context) error {
	var useless [][]byte
	err := h.store.view(func(tx *bbolt.Tx) error {
		_, _, snapshots, err := h.bucket(tx)
		if err != nil {
			return err
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		return snapshots.ForEachBucket(func(k []byte) error {
			if len(k) != 8 {
				return damaged("a snapshot has a key of %d bytes", len(k))
			}
			if id := binary.BigEndian.Uint64(k); id != h.snapshot.id && h.readers[id] == 0 {
				useless = append(useless, append([]byte{}, k...))
			}
			return nil
		})
	})
	for i := 0; err == nil && i < len(useless); {
		if err = h.usable(ctx); err != nil {
			break
		}
		done := false
		err = h.store.update(func(tx *bbolt.Tx) (err error) {
			done, err = h.deleteSome(tx, useless[i])
			return err
		})
		if done {
			i++
		}
	}
	return err
}

// deleteSome deletes some chunks of a snapshot, in the end the snapshot itself.
func (l *log) deleteSome(tx *bbolt.Tx, id []byte) (done bool, err error) {
	_, _, snapshots, err := l.bucket(tx)
	if err != nil {
		return false, err
	}
	chunks := snapshots.Bucket(id)
	if chunks == nil {
		return true, nil
	}
	var keys [][]byte // first collected: deleting moves a cursor
	c := chunks.Cursor()
	for k, _ := c.First(); k != nil && len(keys) < deleteChunks; k, _ = c.Next() {
		keys = append(keys, append([]byte{}, k...))
	}
	if len(keys) < deleteChunks {
		return true, snapshots.DeleteBucket(id)
	}
	for _, k := range keys {
		if err := chunks.Delete(k); err != nil {
			return false, err
		}
	}
	return false, nil
}
