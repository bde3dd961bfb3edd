package dstm

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/trefoilgo/trefoil/status"
)

// MemoryLog is a [Log] in memory: for tests, and for objects that need not outlive the
// process. It promises no durability at all; otherwise it keeps the whole contract.
//
// One MemoryLog is one handle on the entries. [MemoryLog.Share] makes more, so that several stores can work on the
// same log as the nodes of a cluster do. All methods may be called from several goroutines.
type MemoryLog struct {
	shared *memoryEntries
	closed chan struct{} // closed by Close, guarded by shared.mu
}

// memoryEntries is what all handles of one log have in common.
type memoryEntries struct {
	mu      sync.Mutex
	entries []Entry       // positions base+1 ... base+len, never changed once added
	base    Position      // everything up to here was truncated
	grown   chan struct{} // closed and replaced whenever entries grows

	pieces map[string]Piece // values never changed once stored
	keys   sortedKeys       // those of pieces
}

var _ Log = (*MemoryLog)(nil)

// readAtOnce is how many entries a Read of the memory log takes under the lock.
const readAtOnce = 1024

// NewMemoryLog returns the first handle on a new, empty log.
func NewMemoryLog() *MemoryLog {
	shared := &memoryEntries{grown: make(chan struct{}), pieces: map[string]Piece{}}
	return &MemoryLog{shared: shared, closed: make(chan struct{})}
}

// Share returns another handle on the same entries and pieces, as a second node has one. Closing one
// handle leaves the others open; the entries live as long as any handle is in use. Share works on a closed
// handle too: so a test opens a log again.
func (l *MemoryLog) Share() *MemoryLog {
	return &MemoryLog{shared: l.shared, closed: make(chan struct{})}
}

// Head implements [Log].
func (l *MemoryLog) Head(ctx context.Context) (Position, error) {
	l.shared.mu.Lock()
	defer l.shared.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return 0, err
	}
	return l.shared.head(), nil
}

// Append implements [Log]. It is done or refused at once, never uncertain.
func (l *MemoryLog) Append(ctx context.Context, after Position, batch Batch) (Position, error) {
	s := l.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return 0, err
	}
	if len(batch.Entries) == 0 {
		return 0, status.New(status.InvalidArgument, "", "a batch needs at least one entry")
	}
	if head := s.head(); after != head {
		return 0, status.New(status.Aborted, ErrMoved, "the head of the log is %d, not %d", head, after)
	}
	for i, data := range batch.Entries {
		s.entries = append(s.entries, Entry{Position: after + Position(i) + 1, Data: bytes.Clone(data)})
	}
	close(s.grown)
	s.grown = make(chan struct{})
	return s.head(), nil
}

// Read implements [Log].
func (l *MemoryLog) Read(ctx context.Context, after Position) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		next := after
		for {
			some, grown, err := l.take(ctx, next)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range some {
				if ctx.Err() != nil || !yield(e, nil) {
					return
				}
				next = e.Position
			}
			if len(some) > 0 {
				continue
			}
			select {
			case <-grown:
			case <-l.closed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// take returns some entries behind after; if there are none, the channel that tells of more.
func (l *MemoryLog) take(ctx context.Context, after Position) ([]Entry, <-chan struct{}, error) {
	s := l.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return nil, nil, err
	}
	if after < s.base {
		return nil, nil, status.New(status.OutOfRange, ErrTruncated, "the log begins behind %d, not at %d", s.base, after)
	}
	if after >= s.head() {
		return nil, s.grown, nil
	}
	some := s.entries[after-s.base:]
	return some[:min(len(some), readAtOnce)], nil, nil
}

// Truncate implements [Log]. It removes exactly what it was asked to.
func (l *MemoryLog) Truncate(ctx context.Context, upto Position) error {
	s := l.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return err
	}
	if head := s.head(); upto > head {
		return status.New(status.FailedPrecondition, "", "cannot truncate up to %d: the head is %d", upto, head)
	}
	if upto > s.base {
		// A copy, so that the removed ones can be collected while readers may hold the old array.
		s.entries = slices.Clone(s.entries[upto-s.base:])
		s.base = upto
	}
	return nil
}

// Close implements [Log]: it closes this handle.
func (l *MemoryLog) Close() error {
	l.shared.mu.Lock()
	defer l.shared.mu.Unlock()
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

// usable returns the error that a call meets before it does anything.
func (l *MemoryLog) usable(ctx context.Context) error {
	select {
	case <-l.closed:
		return status.New(status.Unavailable, ErrLogClosed, "the log is closed")
	default:
		return ctx.Err()
	}
}

func (s *memoryEntries) head() Position { return s.base + Position(len(s.entries)) }
