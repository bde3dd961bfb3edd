package bolt

import (
	"context"
	"encoding/binary"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// tailLimit is how large a batch may be, in bytes, for the log to keep it in memory until the next one: whoever follows the log is
// woken by an append, and would read what was just written, check it and copy it.
const tailLimit = 1 << 20

// tail is the last batch that was appended, or nothing.
type tail struct {
	after   dstm.Position // the position before it
	records [][]byte
}

// behind returns the entries behind a position if they are in the tail, nil otherwise. It costs no copy: what it holds never changes.
func (t *tail) behind(after dstm.Position) []dstm.Entry {
	if after < t.after || after-t.after >= dstm.Position(len(t.records)) {
		return nil
	}
	records := t.records[after-t.after:]
	entries := make([]dstm.Entry, len(records))
	for i, record := range records {
		entries[i] = dstm.Entry{Position: after + dstm.Position(i) + 1, Data: record[entryHeader:]}
	}
	return entries
}

// Append implements [dstm.Log]: one commit of bbolt, which syncs the file twice. A context that ends during the
// commit does not end it.
func (h *handle) Append(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
	h.appending.Lock()
	defer h.appending.Unlock()
	if err := h.usable(ctx); err != nil {
		return 0, err
	}
	if len(batch.Entries) == 0 {
		return 0, status.New(status.InvalidArgument, "", "a batch needs at least one entry")
	}
	if head, _, _ := h.state(); after != head {
		return 0, status.New(status.Aborted, dstm.ErrMoved, "the head of the log is %d, not %d", head, after)
	}
	records, size := seal(after, batch.Entries)
	err := h.store.update(func(tx *bbolt.Tx) error { return h.put(tx, after, records) })
	if err != nil {
		return 0, err
	}
	head := after + dstm.Position(len(records))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.head, h.tail = head, tail{}
	if size <= tailLimit {
		h.tail = tail{after, records}
	}
	close(h.grown)
	h.grown = make(chan struct{})
	return head, nil
}

// put adds records behind after.
func (l *log) put(tx *bbolt.Tx, after dstm.Position, records [][]byte) error {
	b, err := l.bucket(tx)
	if err != nil {
		return err
	}
	// Nobody else can have written: the lock says so. If somebody has, the lock does not work.
	base, err := storedBase(b.log)
	if err != nil {
		return err
	}
	if head, err := storedHead(b.entries, base); err != nil || head != after {
		return damaged("the head in the file is %d, not %d: somebody else has written to it", head, after).Because(err)
	}
	b.entries.FillPercent = 1 // keys ascend: nothing is ever inserted into a full page
	key := make([]byte, 0, 8)
	for i, record := range records {
		key = binary.BigEndian.AppendUint64(key[:0], uint64(after)+uint64(i)+1)
		if err := b.entries.Put(key, record); err != nil { // it copies the key
			return err
		}
	}
	return nil
}

// seal makes the records of entries behind after, in one buffer of size bytes.
func seal(after dstm.Position, entries [][]byte) (records [][]byte, size int) {
	for _, data := range entries {
		size += entryHeader + len(data)
	}
	buf := make([]byte, 0, size)
	records, key := make([][]byte, len(entries)), make([]byte, 0, 8)
	for i, data := range entries {
		start := len(buf)
		key = binary.BigEndian.AppendUint64(key[:0], uint64(after)+uint64(i)+1)
		buf = appendSealed(buf, key, data)
		records[i] = buf[start:len(buf):len(buf)]
	}
	return records, size
}
