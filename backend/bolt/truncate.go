package bolt

import (
	"context"
	"encoding/binary"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// truncateEntries is how many entries one commit of a truncation removes.
const truncateEntries = 2048

// Truncate implements [dstm.Log]. It removes exactly what it was asked to, unless ctx ends on the way.
// The space is used again by later appends; the file does not shrink.
func (h *handle) Truncate(ctx context.Context, upto dstm.Position) error {
	for {
		if err := h.usable(ctx); err != nil {
			return err
		}
		h.mu.Lock()
		head, base := h.head, h.base
		h.mu.Unlock()
		if upto > head {
			return status.New(status.FailedPrecondition, "", "cannot truncate up to %d: the head is %d", upto, head)
		}
		if upto <= base {
			return nil
		}
		var reached dstm.Position
		err := h.store.update(func(tx *bbolt.Tx) (err error) {
			reached, err = h.remove(tx, upto)
			return err
		})
		if err != nil {
			return err
		}
		h.mu.Lock()
		h.base = max(h.base, reached)
		h.mu.Unlock()
	}
}

// remove deletes some entries at the beginning and returns the new base. What the file says counts: another
// truncation may run.
func (l *log) remove(tx *bbolt.Tx, upto dstm.Position) (dstm.Position, error) {
	b, err := l.bucket(tx)
	if err != nil {
		return 0, err
	}
	base, err := storedBase(b.log)
	if err != nil || upto <= base {
		return base, err
	}
	upto = min(upto, base+truncateEntries)
	for p := base + 1; p <= upto; p++ {
		if err := b.entries.Delete(positionKey(p)); err != nil {
			return 0, err
		}
	}
	var data [8]byte
	binary.BigEndian.PutUint64(data[:], uint64(upto))
	return upto, b.log.Put(baseKey, appendSealed(nil, baseKey, data[:]))
}
