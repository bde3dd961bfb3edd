package transport

import (
	"slices"
	"sync"
)

// outbound is what waits to be sent to one peer, in the connection's codec,
// bounded in bytes. Small frames stand in lanes, gathered into messages; large ones
// wait to be cut. Whoever sets writing alone may write to the connection. All
// fields but the codec need mu.
type outbound struct {
	mu      sync.Mutex
	json    bool
	closed  bool // nothing more is accepted
	writing bool // somebody writes: a writer, the flushing reader, a caller of Send, or the one that closes
	reading bool // the reader is busy and will flush before it waits
	owed    bool // the next message begins with a piece of a large frame
	pooled  bool // the one that writes, or will in its turn, is the server's pool
	masks   bool // messages must be masked
	crowded bool // others are expected to send at the same time; see direct

	size     int   // bytes queued, those that are being written included
	step     *step // stands before small, and only while that and large are empty
	heldSize int   // how many queued bytes leave with held, 0 if none is held
	budget   int
	peer     limits
	large    *largeQueue // nil until there is one
	small    lane
	control  lane

	held    []byte // a message that could not be written without waiting; see trier
	waiters []*waiter
	idle    *sync.Cond // writing became false; nil if nobody waits for that
}

// waiter is called when no more than level bytes are queued.
type waiter struct {
	level int
	fn    func()
}

func (o *outbound) init(json bool, budget int) {
	o.json, o.budget, o.peer = json, budget, opening
}

// waitIdle waits until whoever writes may have stopped. The caller holds mu.
func (o *outbound) waitIdle() {
	if o.idle == nil {
		o.idle = sync.NewCond(&o.mu)
	}
	o.idle.Wait()
}

// maxMessage is how long a message may become.
func (o *outbound) maxMessage() int { return min(o.peer.message, batchSize) }

// maxSmall is the largest frame that is sent in one piece.
func (o *outbound) maxSmall() int { return min(o.peer.message, chunkSize) }

// pending reports whether something waits for a writer.
func (o *outbound) pending() bool {
	return o.heldSize > 0 || len(o.control.batches) > 0 || o.step != nil || len(o.small.batches) > 0 || !o.large.empty()
}

// put queues a frame: raw is its msgpack, wire the same in the connection's
// codec, with LF in JSON. With keep it may hold on to wire instead of a copy.
func (o *outbound) put(wire, raw []byte, keep bool) error {
	n, lf := len(wire), 0
	if o.json {
		lf = 1 // does not count against the peer's limits
	}
	switch {
	case n == 0:
		return errBadFrame
	case !o.peer.takes(n-lf, o.maxSmall()-lf):
		return errTooLarge
	case o.size > 0 && o.size+n > o.budget:
		return errFull
	}
	o.leaveStep()
	isLarge := n > o.maxSmall()
	if !isLarge && o.large.empty() {
		o.small.add(wire, o.maxMessage())
		o.size += n
		return nil
	}
	// Only where a large frame is about must streams be told apart.
	h, ok := readHeader(raw)
	if !ok {
		return errBadFrame
	}
	var scratch [80]byte
	stream := h.appendStream(scratch[:0], raw)
	first := o.large.find(stream)
	if isLarge && o.json {
		n-- // the pieces of a frame need no LF
		wire = wire[:n]
	}
	if !keep && (isLarge || first != nil) {
		wire = append([]byte(nil), wire...)
	}
	switch {
	case first != nil:
		first.waiting = append(first.waiting, follower{wire, isLarge})
	case isLarge:
		o.queueLarge(string(stream), wire)
	default:
		o.small.add(wire, o.maxMessage())
	}
	o.size += n
	return nil
}

// putControl queues a control frame. It reports false if even the reserve is full.
func (o *outbound) putControl(wire []byte) bool {
	if o.size+len(wire) > o.budget+controlReserve {
		return false
	}
	o.control.add(wire, o.maxMessage())
	o.size += len(wire)
	return true
}

// next takes what the next message is made of: control frames, then a batch,
// then a piece of a large frame, so that each gets on. It returns the message and
// how many queued bytes leave with it; nil if nothing waits.
func (o *outbound) next() (msg *buffer, taken int) {
	o.leaveStep()
	limit := o.maxMessage()
	if o.control.first() > 0 {
		msg = o.control.take()
		taken = len(msg.b)
	}
	owed := o.owed
	o.owed = false
	if owed {
		msg, taken = o.piece(msg, taken, limit)
	}
	if n := o.small.first(); n > 0 && (msg == nil || len(msg.b)+n <= limit) {
		taken += n
		msg = join(msg, o.small.take())
	}
	if !owed && !o.large.empty() {
		msg, taken = o.piece(msg, taken, limit)
	}
	return msg, taken
}

// piece adds a piece of a large frame to msg if there is room for a fair one;
// otherwise the next message begins with it.
func (o *outbound) piece(msg *buffer, taken, limit int) (*buffer, int) {
	if msg == nil {
		msg = takeBuffer(smallBuffer + 1)
	}
	if pieceSize(o.json, limit-len(msg.b)) < pieceSize(o.json, limit)/2 {
		o.owed = true
		return msg, taken
	}
	msg, n := o.cut(msg, limit)
	if len(msg.b) == 0 {
		msg.release()
		return nil, taken
	}
	if o.json && n > 0 {
		msg.b = append(msg.b, '\n')
	}
	return msg, taken + n
}

// join is a followed by b; a may be nil.
func join(a, b *buffer) *buffer {
	if a == nil {
		return b
	}
	a = a.grown(len(b.b))
	a.b = append(a.b, b.b...)
	b.release()
	return a
}

// wrote takes n bytes off that were written and returns the waiters that were waiting for
// that.
func (o *outbound) wrote(n int) (due []*waiter) {
	o.size -= n
	kept := o.waiters[:0]
	for _, w := range o.waiters {
		if o.size <= w.level {
			due = append(due, w)
		} else {
			kept = append(kept, w)
		}
	}
	clear(o.waiters[len(kept):])
	if len(kept) == 0 {
		kept = nil
	}
	o.waiters = kept
	return due
}

// forget removes w, whose caller no longer waits.
func (o *outbound) forget(w *waiter) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiters = slices.DeleteFunc(o.waiters, func(other *waiter) bool { return other == w })
}

// drop forgets what is queued and not being written.
func (o *outbound) drop() {
	for _, l := range []*lane{&o.control, &o.small} {
		for len(l.batches) > 0 {
			l.take().release()
		}
	}
	o.step = nil
	o.large = nil
	o.waiters = nil
}
