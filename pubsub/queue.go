package pubsub

import (
	"context"
	"sync"

	"github.com/trefoilgo/trefoil/status"
)

// How much waits for the program if it does not say.
const (
	defaultBuffer      = 256     // events
	defaultBufferBytes = 8 << 20 // bytes
)

// What an event and an entry of metadata take in memory besides their bytes, roughly.
const (
	eventOverhead = 200
	entryOverhead = 64
)

// event is what waits in a subscription: a message or a gap.
type event struct {
	message *message
	gap     *Gap
}

func (e *event) size() int {
	if e.message == nil {
		return eventOverhead
	}
	return e.message.size
}

// queue holds a subscription's events between the connection's reader and the program. It never
// holds up the reader: when it is full the oldest event makes room and is counted.
type queue struct {
	filter string
	limit  int           // events
	most   int           // bytes
	signal chan struct{} // has one element if there may be something to take

	mu    sync.Mutex
	ring  []event // grows up to limit
	first int
	n     int
	bytes int  // of the n events
	lost  *Gap // what was dropped; stands before the first event
	mixed bool // what was dropped is of several epochs
	ended bool
	err   error // why, nil if the program closed it
}

func newQueue(filter string, limit, bytes int) *queue {
	return &queue{
		filter: filter, limit: or(limit, defaultBuffer), most: or(bytes, defaultBufferBytes), signal: make(chan struct{}, 1),
	}
}

func (q *queue) push(e event) {
	q.mu.Lock()
	if q.ended {
		q.mu.Unlock()
		return
	}
	q.bytes += e.size()
	for q.n == q.limit || q.n > 0 && q.bytes > q.most {
		q.drop()
	}
	if q.n == len(q.ring) {
		grown := make([]event, min(max(2*len(q.ring), 8), q.limit))
		for i := range q.n {
			grown[i] = q.ring[(q.first+i)%len(q.ring)]
		}
		q.ring, q.first = grown, 0
	}
	q.ring[(q.first+q.n)%len(q.ring)] = e
	q.n++
	q.mu.Unlock()
	q.notify()
}

// drop takes the oldest event out and adds it to what was lost.
func (q *queue) drop() {
	e := q.pop()
	if q.lost == nil {
		q.lost, q.mixed = &Gap{Filter: q.filter, Cause: BufferFull}, false
	}
	g := q.lost
	epoch, after, to, count := "", int64(0), int64(0), int64(1)
	if e.gap != nil {
		epoch, after, to, count = e.gap.Epoch, e.gap.After, e.gap.To, e.gap.Count
	} else if at := e.message.position; at.Offset > 0 {
		epoch, after, to = at.Epoch, at.Offset-1, at.Offset
	}
	if g.Epoch != "" && epoch != "" && epoch != g.Epoch || e.gap != nil && e.gap.Cause == EpochChanged {
		q.mixed = true
	}
	if epoch != "" {
		g.Epoch = epoch
	}
	switch {
	case q.mixed: // offsets of several epochs have no bounds in common
		g.After, g.To = 0, 0
	case g.To == 0:
		g.After, g.To = after, to
	default:
		g.To = max(g.To, to)
	}
	if g.Count >= 0 {
		if g.Count += count; count < 0 {
			g.Count = -1
		}
	}
}

func (q *queue) pop() event {
	e := q.ring[q.first]
	q.ring[q.first] = event{}
	q.first = (q.first + 1) % len(q.ring)
	q.n--
	q.bytes -= e.size()
	return e
}

func (q *queue) notify() {
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// end lets the program take what is left and then ends the sequence with err, nil for a normal end. Only the first call counts.
func (q *queue) end(err error) {
	q.mu.Lock()
	if !q.ended {
		q.ended, q.err = true, err
	}
	q.mu.Unlock()
	q.notify()
}

// next waits for an event. ok is false at the end of the sequence; err says why unless the program closed it.
func (q *queue) next(ctx context.Context) (e event, ok bool, err error) {
	for {
		q.mu.Lock()
		switch {
		case q.lost != nil:
			e.gap, q.lost = q.lost, nil
		case q.n > 0:
			e = q.pop()
		case q.ended:
			err = q.err
			q.mu.Unlock()
			q.notify() // for others that wait
			return event{}, false, err
		default:
			q.mu.Unlock()
			select {
			case <-q.signal:
				continue
			case <-ctx.Done():
				return event{}, false, status.From(ctx.Err())
			}
		}
		more := q.n > 0 || q.ended
		q.mu.Unlock()
		if more {
			q.notify()
		}
		return e, true, nil
	}
}
