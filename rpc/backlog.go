package rpc

import (
	"errors"
	"sync"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// maxBacklog bounds the short frames that wait for room in a session's queue.
const maxBacklog = 1024

// note is a short frame: the refusal of a call, or, without err, a cancel. A note takes a few bytes while it waits, and no goroutine of its own.
type note struct {
	id  int64
	err *status.Error
}

func (n note) frame(b []byte) []byte {
	if n.err == nil {
		return appendCancel(b, n.id)
	}
	return appendFailure(b, n.id, n.err, nil)
}

type backlog struct {
	mu       sync.Mutex
	notes    []note
	draining bool
	closed   bool
}

func (b *backlog) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.notes = true, nil
}

// short sends a short frame without waiting: at once if there is room, else as soon as there is. A peer that
// lets too many refusals pile up does not read what it is sent: its session ends. Cancels beyond that are dropped; the
// deadline or the end of the session takes their place.
func (l *link) short(n note) {
	if !l.backlog.behind() {
		b := getBuffer()
		defer putBuffer(b)
		*b = n.frame((*b)[:0])
		if !errors.Is(l.wire.TrySend(*b), transport.ErrFull) {
			return // sent, or the session has ended
		}
	}
	queued, drain := l.backlog.add(n)
	if drain {
		go l.drain()
	}
	if !queued && n.err != nil {
		l.wire.Close(transport.CloseSlowConsumer, "too many answers wait to be read")
	}
}

// behind reports whether earlier notes wait.
func (b *backlog) behind() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.draining
}

// add queues n if there is room, and tells whether a drain has to be started.
func (b *backlog) add(n note) (queued, drain bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return true, false
	}
	if len(b.notes) >= maxBacklog {
		return false, false
	}
	b.notes = append(b.notes, n)
	drain = !b.draining
	b.draining = true
	return true, drain
}

// next takes what waits; none ends the drain.
func (b *backlog) next() []note {
	b.mu.Lock()
	defer b.mu.Unlock()
	notes := b.notes
	b.notes = nil
	b.draining = len(notes) > 0
	return notes
}

// drain sends what has piled up, and ends.
func (l *link) drain() {
	var b []byte
	for notes := l.backlog.next(); len(notes) > 0; notes = l.backlog.next() {
		for _, n := range notes {
			b = n.frame(b[:0])
			if l.wire.Send(l.ctx, b) != nil {
				break // the session has ended, and with it the backlog
			}
		}
	}
}
