package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

var (
	logPrefix     = []byte("dstm/")
	formatKey     = []byte("format")
	baseKey       = []byte("base")
	entriesBucket = []byte("entries")
	piecesBucket  = []byte("pieces")
	chunksBucket  = []byte("chunks")
)

// log is what all handles of one log have in common.
type log struct {
	store *Store
	name  []byte // of its bucket

	appending sync.Mutex // held from the comparison to the end of the commit

	mu sync.Mutex
	// What is durable. Reads go no further: bbolt shows a commit to readers before it has synced it.
	head  dstm.Position
	base  dstm.Position // everything up to here was truncated
	grown chan struct{} // closed and replaced whenever head changes
	tail  tail          // ends at head
}

// handle is the [dstm.Log] that [Store.Log] returns.
type handle struct {
	*log
	closed chan struct{}
	once   sync.Once
}

var _ dstm.Log = (*handle)(nil)

// Log opens the log called name, and makes it if there is none. Names have 1 to 255 bytes. Each call returns a new
// handle on the same log: closing one leaves the others and the store open. Close of the store closes all of them.
//
// Truncate of the log works in many short commits, between which appends get their turn; given up on the way, it has
// removed a part. Save is one commit, in which appends wait: give it some megabytes at a time.
func (s *Store) Log(name string) (dstm.Log, error) {
	if name == "" || len(name) > 255 {
		return nil, status.New(status.InvalidArgument, "", "the name of a log has 1 to 255 bytes, not %d", len(name))
	}
	s.opening.Lock()
	defer s.opening.Unlock()
	if err := s.gone(); err != nil {
		return nil, err
	}
	l := s.logs[name]
	if l == nil {
		l = &log{
			store: s, name: append(bytes.Clone(logPrefix), name...), grown: make(chan struct{}),
		}
		if err := l.open(); err != nil {
			return nil, err
		}
		s.logs[name] = l
	}
	return &handle{log: l, closed: make(chan struct{})}, nil
}

// open reads what is stored, or makes an empty log.
func (l *log) open() error {
	missing := false
	err := l.store.view(func(tx *bbolt.Tx) error {
		if missing = tx.Bucket(l.name) == nil; missing {
			return nil
		}
		b, err := l.bucket(tx)
		if err != nil {
			return err
		}
		return l.load(b)
	})
	if err != nil || !missing {
		return err
	}
	return l.store.update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket(l.name)
		for _, name := range [][]byte{entriesBucket, piecesBucket, chunksBucket} {
			if err == nil {
				_, err = b.CreateBucket(name)
			}
		}
		if err == nil {
			err = b.Put(formatKey, []byte{logFormat})
		}
		return err
	})
}

// load reads the state of the log from its buckets and checks that it fits together.
func (l *log) load(b buckets) (err error) {
	if err = formatError(b.log.Get(formatKey), logFormat, "the log"); err != nil {
		return err
	}
	if l.base, err = storedBase(b.log); err != nil {
		return err
	}
	if l.head, err = storedHead(b.entries, l.base); err != nil {
		return err
	}
	if first, _ := b.entries.Cursor().First(); first != nil && !bytes.Equal(first, positionKey(l.base+1)) {
		return damaged("the log begins at %x and not behind %d", bytes.Clone(first), l.base)
	}
	return nil
}

func storedBase(b *bbolt.Bucket) (dstm.Position, error) {
	record := b.Get(baseKey)
	if record == nil {
		return 0, nil
	}
	data, err := unsealed(baseKey, record)
	if err != nil {
		return 0, err
	}
	if len(data) != 8 {
		return 0, damaged("the base of the log has %d bytes", len(data))
	}
	return dstm.Position(binary.BigEndian.Uint64(data)), nil
}

// storedHead is the last position in entries, base if there is none.
func storedHead(entries *bbolt.Bucket, base dstm.Position) (dstm.Position, error) {
	last, _ := entries.Cursor().Last()
	if last == nil {
		return base, nil
	}
	if len(last) != 8 {
		return 0, damaged("the last entry has the key %x", bytes.Clone(last))
	}
	head := dstm.Position(binary.BigEndian.Uint64(last))
	if head <= base || head >= 1<<53 {
		return 0, damaged("the last entry is %d, and everything up to %d was truncated", head, base)
	}
	return head, nil
}

// buckets is the bucket of a log with those in it.
type buckets struct{ log, entries, pieces, chunks *bbolt.Bucket }

// bucket finds the buckets of the log.
func (l *log) bucket(tx *bbolt.Tx) (b buckets, err error) {
	if b.log = tx.Bucket(l.name); b.log == nil {
		return b, damaged("the log is not in the file any more")
	}
	b.entries, b.pieces, b.chunks = b.log.Bucket(entriesBucket), b.log.Bucket(piecesBucket), b.log.Bucket(chunksBucket)
	if b.entries == nil || b.pieces == nil || b.chunks == nil {
		return b, damaged("the log has no entries or no pieces")
	}
	return b, nil
}

// usable returns the error that a call meets before it does anything.
func (h *handle) usable(ctx context.Context) error {
	if err := h.store.gone(); err != nil {
		return err
	}
	select {
	case <-h.closed:
		return closedError(nil)
	default:
		return ctx.Err()
	}
}

// Head implements [dstm.Log].
func (h *handle) Head(ctx context.Context) (dstm.Position, error) {
	if err := h.usable(ctx); err != nil {
		return 0, err
	}
	head, _, _ := h.state()
	return head, nil
}

// state returns head, base and the channel that tells of a new head.
func (l *log) state() (head, base dstm.Position, grown <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head, l.base, l.grown
}

// Close implements [dstm.Log]: it closes this handle.
func (h *handle) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}
