package bolt

import (
	"bytes"
	"context"
	"io"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// LoadSnapshot implements [dstm.Log]. The reader stays good when the snapshot is replaced, until it is closed; it keeps
// a quarter of a megabyte in memory. Its errors are those of the log and [ErrDamaged]; ctx covers it too.
func (h *handle) LoadSnapshot(ctx context.Context) (dstm.Position, io.ReadCloser, error) {
	if err := h.usable(ctx); err != nil {
		return 0, nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.snapshot == (descriptor{}) {
		return 0, nil, nil
	}
	h.readers[h.snapshot.id]++ // keeps it from being deleted
	return h.snapshot.at, &snapshotReader{ctx: ctx, handle: h, snapshot: h.snapshot}, nil
}

// snapshotReader reads the chunks of one snapshot, some per transaction.
type snapshotReader struct {
	ctx      context.Context
	handle   *handle
	snapshot descriptor

	mu     sync.Mutex // Close may come from another goroutine
	next   uint64     // number of the chunk behind buf
	passed uint64     // bytes that came from the file
	buf    []byte
	left   []byte // what of buf was not yet given out
	err    error
	closed bool
}

func (r *snapshotReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.left) == 0 && r.err == nil {
		r.err = r.load()
	}
	if len(r.left) == 0 {
		return 0, r.err
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// load refills buf, or returns io.EOF at the end.
func (r *snapshotReader) load() error {
	if err := r.handle.usable(r.ctx); err != nil {
		return err
	}
	d := r.snapshot
	if r.next == d.chunks {
		if r.passed != d.size {
			return damaged("the snapshot has %d bytes and says %d", r.passed, d.size)
		}
		return io.EOF
	}
	r.buf = r.buf[:0]
	err := r.handle.store.view(func(tx *bbolt.Tx) error {
		_, _, snapshots, err := r.handle.bucket(tx)
		if err != nil {
			return err
		}
		chunks := snapshots.Bucket(chunkKey(d.id, 0)[:8])
		if chunks == nil {
			return damaged("the chunks of the snapshot are missing")
		}
		c := chunks.Cursor()
		key := chunkKey(d.id, r.next)
		for k, record := c.Seek(key[8:]); ; k, record = c.Next() {
			if !bytes.Equal(k, key[8:]) {
				return damaged("chunk %d of the snapshot is missing", r.next)
			}
			data, err := unsealed(key, record)
			if err != nil {
				return err
			}
			if len(data) > chunkSize {
				return damaged("chunk %d of the snapshot has %d bytes", r.next, len(data))
			}
			r.buf = append(r.buf, data...)
			r.next++
			if r.next == d.chunks || len(r.buf) > (commitChunks-1)*chunkSize {
				return nil
			}
			key = chunkKey(d.id, r.next)
		}
	})
	if err != nil {
		r.buf = r.buf[:0]
		return err
	}
	r.left = r.buf
	r.passed += uint64(len(r.buf))
	return nil
}

// Close lets the snapshot go. Closing twice is no error.
func (r *snapshotReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	r.buf, r.left = nil, nil
	r.err = status.New(status.FailedPrecondition, "", "the snapshot's reader is closed")
	l := r.handle.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readers[r.snapshot.id]--; l.readers[r.snapshot.id] == 0 {
		delete(l.readers, r.snapshot.id)
	}
	return nil
}
