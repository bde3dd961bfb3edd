package transport

// large is a frame that is sent in pieces, and what must wait behind it because
// it belongs to the same stream.
type large struct {
	stream  string
	data    []byte // what is left of it
	size    int    // its whole length
	id      int64  // 0 until its first piece was sent
	after   uint64 // the lane's batches below this number must leave before
	waiting []follower
}

// follower is a frame behind a large one of its stream.
type follower struct {
	wire  []byte
	large bool // to be cut as well, and then without LF
}

// largeQueue holds the large frames of one session, at most one for each stream;
// they take turns. A nil one is empty.
type largeQueue struct {
	frames   []*large // the next one in front
	byStream map[string]*large
	lastID   int64
	begun    int // frames of which a piece was sent
	bytes    int // the whole length of those
}

func (q *largeQueue) empty() bool { return q == nil || len(q.frames) == 0 }

func (q *largeQueue) find(stream []byte) *large {
	if q == nil {
		return nil
	}
	return q.byStream[string(stream)]
}

// queueLarge queues a large frame behind what is in the lane, and owns it from now on.
func (o *outbound) queueLarge(stream string, wire []byte) *large {
	if o.large == nil {
		o.large = &largeQueue{byStream: make(map[string]*large)}
	}
	return o.large.add(stream, wire, o.small.end())
}

// add queues a large frame, which it owns from now on.
func (q *largeQueue) add(stream string, wire []byte, after uint64) *large {
	f := &large{stream: stream, data: wire, size: len(wire), after: after}
	q.byStream[stream] = f
	q.frames = append(q.frames, f)
	return f
}

// pick removes the next frame whose turn it is and that may be sent now.
func (q *largeQueue) pick(taken uint64, partial int) *large {
	if q.empty() {
		return nil
	}
	for i, f := range q.frames {
		if f.after > taken {
			continue // a smaller frame of its stream is still queued
		}
		if f.id == 0 {
			// The receiver counts what is unfinished as a whole.
			if q.begun >= maxUnfinished || q.begun > 0 && q.bytes+f.size > partial {
				continue
			}
			q.lastID++
			f.id = q.lastID
			q.begun++
			q.bytes += f.size
		}
		q.frames = append(q.frames[:i], q.frames[i+1:]...)
		return f
	}
	return nil
}

// cut appends one piece of the frame whose turn it is to p, which must not become
// longer than limit, and returns how many bytes of the queue that are.
func (o *outbound) cut(p *buffer, limit int) (_ *buffer, taken int) {
	f := o.large.pick(o.small.taken, o.peer.partial)
	if f == nil {
		return p, 0
	}
	n := min(pieceSize(o.json, limit-len(p.b)), len(f.data))
	last := n == len(f.data)
	p = p.grown(n/3*4 + 64)
	p.b = appendChunk(p.b, o.json, f.id, last, f.data[:n])
	f.data = f.data[n:]
	if !last {
		o.large.frames = append(o.large.frames, f)
		return p, n
	}
	o.large.begun--
	o.large.bytes -= f.size
	delete(o.large.byStream, f.stream)
	o.follow(f)
	return p, n
}

// follow queues what waited behind f, which is finished.
func (o *outbound) follow(f *large) {
	for i, w := range f.waiting {
		if w.large {
			o.large.add(f.stream, w.wire, o.small.end()).waiting = f.waiting[i+1:]
			return
		}
		o.small.add(w.wire, o.maxMessage())
	}
}
