package transport

import "sync"

// step is what waits for sessions that are in step: that have the same frames queued and
// nothing else. It is a chain from the last frame back to the first, and sessions to which the same was
// broadcast hold the same one, so that all of it is framed once, by the first that is written to. What a
// session holds is no more than what it is accounted for. Immutable but for framed.
type step struct {
	prev *step
	wire []byte // the last frame, in the codec of the sessions
	size int    // of all frames

	once   sync.Once
	framed []byte
}

// message is the chain as one WebSocket message. It must not be changed.
func (t *step) message(json bool) []byte {
	t.once.Do(func() {
		p := newBuffer(t.size)
		p.b = p.b[:t.size]
		t.fill(p.b)
		t.framed = p.framed(json, false)
	})
	return t.framed
}

// fill writes the frames to b, which is as long as they are.
func (t *step) fill(b []byte) {
	for ; t != nil; t = t.prev {
		copy(b[t.size-len(t.wire):], t.wire)
	}
}

// inStep reports whether a frame of n bytes may join the chain.
func (o *outbound) inStep(n int) bool {
	waits, lf := 0, 0
	if o.step != nil {
		waits = o.step.size
	}
	if o.json {
		lf = 1
	}
	return (o.pooled || !o.writing) && // whoever waits for its peer has a queue of its own
		len(o.small.batches) == 0 && o.large.empty() &&
		n > 0 && n <= o.maxSmall() && o.peer.takes(n-lf, o.maxSmall()-lf) &&
		waits+n <= o.maxMessage() && (o.size == 0 || o.size+n <= o.budget)
}

// leaveStep copies the chain into the session's own queue, which is empty then: something
// else is about to be queued behind it.
func (o *outbound) leaveStep() {
	t := o.step
	if t == nil {
		return
	}
	o.step = nil
	p := takeBuffer(t.size)
	p.b = p.b[:t.size]
	t.fill(p.b)
	o.small.batches = append(o.small.batches, p)
}
