package rpc

import (
	"errors"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/transport"
)

// inbound holds the calls of one session that are served.
//
// Workers take calls from the queue. While the queue is not empty, there is always one worker that has been started and has not taken
// a call yet: so a slow handler delays no other call, while a burst of short ones
// is served by a few goroutines. Without calls there are no workers.
type inbound struct {
	mu       sync.Mutex
	closed   bool
	calls    byID[inCall] // waiting for a worker, or being handled
	sending  int          // answers that wait for room
	queue    []*inCall    // from head on
	head     int
	starting bool
}

// admission is what becomes of a call that arrives.
type admission int

const (
	admitted admission = iota
	refusedBusy
	refusedReused // its id is one of a call that is being handled
)

// check decides about a call. A call makes place for the next before its answer is sent: a caller that keeps exactly
// limit calls in flight is never refused. So answers that wait are bounded apart, by as many again.
func (in *inbound) check(id int64, limit int) admission {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.calls.get(id) != nil:
		return refusedReused
	case in.calls.n >= limit || in.calls.n+in.sending >= 2*limit:
		return refusedBusy
	}
	return admitted
}

// add takes a call in, and tells whether a worker has to be started. Only the reader adds, so what check found still holds.
func (in *inbound) add(c *inCall) (spawn bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return false
	}
	in.calls.put(c.id, c)
	if len(in.queue) == cap(in.queue) && in.head > 0 {
		n := copy(in.queue, in.queue[in.head:])
		clear(in.queue[n:])
		in.queue, in.head = in.queue[:n], 0
	}
	in.queue = append(in.queue, c)
	spawn = !in.starting
	in.starting = true
	return spawn
}

// next takes the next call for a worker, fresh or one that has answered its last. spawn says that another
// worker has to be started.
func (in *inbound) next(fresh bool) (c *inCall, spawn bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if fresh {
		in.starting = false
	} else {
		in.sending--
	}
	if in.head == len(in.queue) {
		return nil, false
	}
	c = in.queue[in.head]
	in.queue[in.head] = nil
	if in.head++; in.head == len(in.queue) {
		in.queue, in.head = in.queue[:0], 0
		return c, false
	}
	spawn = !in.starting
	in.starting = true
	return c, spawn
}

// answering says that c was handled, or never was in calls, and its answer is about to be sent. alone
// reports that nothing else is being handled or sent.
func (in *inbound) answering(c *inCall) (alone bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.calls.remove(c.id)
	in.sending++
	return in.calls.n == 0 && in.sending == 1
}

// answered says that an answer is sent whose worker, if it has one, does not call next.
func (in *inbound) answered() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.sending--
}

func (in *inbound) get(id int64) *inCall {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.calls.get(id)
}

// close drops the calls that nobody has begun, and returns all that were not answered.
func (in *inbound) close() []*inCall {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed, in.queue, in.head = true, nil, 0
	return in.calls.removeAll()
}

func (l *link) receiveCall(id int64, r *codec.Reader) error {
	f, err := readCall(r)
	if err != nil {
		return err
	}
	notify := f.flags&flagNotify != 0
	verdict := l.inbound.check(id, l.peer.max)
	if verdict == refusedReused {
		return protocol("call id %d is in use", id)
	}
	m := (*l.peer.methods.Load())[string(f.procedure)]
	refusal := errUnknownMethod
	switch {
	case m == nil:
	case f.over:
		refusal = errMetadata
	case verdict == refusedBusy:
		refusal = errBusy
	case m.inline:
		l.runInline(newInCall(l, id, m, &f), f.payload)
		return nil
	default:
		c := newInCall(l, id, m, &f)
		c.hold(f.payload)
		if l.inbound.add(c) {
			go l.work()
		}
		return nil
	}
	if !notify {
		l.short(note{id, refusal})
	}
	return nil
}

func (l *link) receiveCancel(id int64) {
	if c := l.inbound.get(id); c != nil {
		c.cancelWith(errCanceled)
	}
}

// work serves calls until none waits.
func (l *link) work() {
	var current *inCall
	fresh, normal := true, false
	defer func() {
		if !normal { // a handler ended its goroutine by runtime.Goexit
			l.logPanic(current, "runtime.Goexit", debug.Stack())
			l.finish(current, Response{}, errPanic)
			l.inbound.answered()
			go l.work()
		}
	}()
	for {
		c, spawn := l.inbound.next(fresh)
		if c == nil {
			break
		}
		if spawn {
			go l.work()
		}
		current, fresh = c, false
		if err := c.over(); err != nil {
			l.finish(c, Response{}, err)
		} else {
			resp, err := l.invoke(c)
			l.finish(c, resp, err)
		}
	}
	normal = true
}

// finish answers a call that a worker served, and waits for room until the session ends.
func (l *link) finish(c *inCall, resp Response, err error) {
	b := l.reply(c, resp, err)
	c.end()
	send := l.sendSoon
	if l.inbound.answering(c) {
		send = l.send
	}
	if b != nil {
		l.deliver(c.id, b, err, send)
		putBuffer(b)
	}
}

// slowCalls is how often an inline handler may be seen to take longer than 1 ms before it is logged: it may
// have been the machine that was busy.
const slowCalls = 10

// To ask for the time twice is a twentieth of what a small call costs. The first timedCalls of a session are timed, of the others one in
// timedShare, at random: who is slow again and again is seen all the same.
const (
	timedCalls = 64
	timedShare = 16
)

// timeNext says whether the next inline call is to be timed. It is the reader's.
func (l *link) timeNext() bool {
	if l.timed < timedCalls {
		l.timed++
		return true
	}
	return rand.Uint32()%timedShare == 0
}

// runInline handles a call on the reader, which must not wait: an answer that finds no room is handed to a
// goroutine, and counts as one that waits until it is sent.
func (l *link) runInline(c *inCall, payload codec.Raw) {
	c.req.Payload = payload
	var begin time.Time
	timed := l.timeNext()
	if timed {
		begin = time.Now()
	}
	resp, err := l.invoke(c)
	if timed {
		if took := time.Since(begin); took > time.Millisecond && c.method.slow.Add(1) == slowCalls {
			l.peer.logger.Warn("rpc: an inline handler held up its connection", "method", c.method.name, "took", took)
		}
	}
	b := l.reply(c, resp, err)
	c.end()
	if b == nil {
		return
	}
	if !errors.Is(l.deliver(c.id, b, err, l.wire.TrySend), transport.ErrFull) {
		putBuffer(b)
		return
	}
	l.inbound.answering(c)
	go func() {
		l.deliver(c.id, b, err, l.send)
		putBuffer(b)
		l.inbound.answered()
	}()
}
