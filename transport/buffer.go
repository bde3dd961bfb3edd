package transport

import "sync"

// Sizes of pooled buffers: the small ones hold what most sessions have queued
// most of the time, the large ones a whole message. With the room for a header they are sizes that the allocator has.
const (
	smallBuffer = 2<<10 - headerRoom
	largeBuffer = batchSize + 8<<10 - headerRoom
)

// buffer is a slice that goes back to a pool. A session that has nothing to
// send and is not in the middle of a message holds none.
type buffer struct {
	b    []byte
	full []byte // where b begins, behind room for the header of a message; see framed
}

var (
	smallBuffers = sync.Pool{New: func() any { return newBuffer(smallBuffer) }}
	largeBuffers = sync.Pool{New: func() any { return newBuffer(largeBuffer) }}
)

func newBuffer(n int) *buffer {
	p := &buffer{full: make([]byte, headerRoom+n)}
	p.b = p.full[headerRoom:headerRoom]
	return p
}

// takeBuffer returns an empty buffer for at least n bytes.
func takeBuffer(n int) *buffer {
	switch {
	case n <= smallBuffer:
		return smallBuffers.Get().(*buffer)
	case n <= largeBuffer:
		return largeBuffers.Get().(*buffer)
	}
	return newBuffer(n)
}

// release gives the buffer back. Nothing may use it any more.
func (p *buffer) release() {
	p.b = p.full[headerRoom:headerRoom] // wherever an append may have taken it
	switch cap(p.b) {
	case smallBuffer:
		smallBuffers.Put(p)
	case largeBuffer:
		largeBuffers.Put(p)
	}
}

// grown returns p with room for n more bytes, which may be another buffer.
func (p *buffer) grown(n int) *buffer {
	if len(p.b)+n <= cap(p.b) {
		return p
	}
	bigger := takeBuffer(max(len(p.b)+n, smallBuffer+1))
	bigger.b = append(bigger.b, p.b...)
	p.release()
	return bigger
}

// lane is a queue of small frames, gathered into messages as they come.
type lane struct {
	batches []*buffer
	taken   uint64 // batches that have left: batches[0] is number taken
}

// add appends wire to the last batch, or begins a new one so that none exceeds limit.
func (l *lane) add(wire []byte, limit int) {
	last := len(l.batches) - 1
	if last < 0 || len(l.batches[last].b)+len(wire) > limit {
		l.batches = append(l.batches, takeBuffer(len(wire)))
		last++
	}
	p := l.batches[last].grown(len(wire))
	p.b = append(p.b, wire...)
	l.batches[last] = p
}

// first is how long the first batch is, 0 if there is none.
func (l *lane) first() int {
	if len(l.batches) == 0 {
		return 0
	}
	return len(l.batches[0].b)
}

// take removes the first batch.
func (l *lane) take() *buffer {
	p := l.batches[0]
	n := copy(l.batches, l.batches[1:])
	l.batches[n] = nil
	l.batches = l.batches[:n]
	l.taken++
	return p
}

// end is the number that the next new batch will get.
func (l *lane) end() uint64 { return l.taken + uint64(len(l.batches)) }
