package transport

import (
	"encoding/binary"
	"sync"
)

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
		t.framed = appendMessageHeader(make([]byte, 0, maxMessageHeader+t.size), json, t.size)
		n := len(t.framed)
		t.framed = t.framed[:n+t.size]
		t.fill(t.framed[n:])
		if json {
			t.framed = t.framed[:n+t.size-1] // without the last LF
		}
	})
	return t.framed
}

// fill writes the frames to b, which is as long as they are.
func (t *step) fill(b []byte) {
	for ; t != nil; t = t.prev {
		copy(b[t.size-len(t.wire):], t.wire)
	}
}

// maxMessageHeader is the longest header of a WebSocket frame of a server.
const maxMessageHeader = 10

// appendMessageHeader begins a WebSocket message of one frame, unmasked as those of servers
// are (RFC 6455, section 5.2). size is that of the frames, in JSON with the LF that ends them and is not sent.
func appendMessageHeader(b []byte, json bool, size int) []byte {
	const final, text, binaryKind = 0x80, 1, 2
	if json {
		b, size = append(b, final|text), size-1
	} else {
		b = append(b, final|binaryKind)
	}
	switch {
	case size < 126:
		return append(b, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(b, 127), uint64(size))
}

// messagePayload is what a message made so carries.
func messagePayload(framed []byte) []byte {
	switch {
	case len(framed) == 0:
		return nil
	case framed[1] < 126:
		return framed[2:]
	case framed[1] == 126:
		return framed[4:]
	}
	return framed[maxMessageHeader:]
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
