package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Bus is a server that hands on what is published to those who have subscribed.
type Bus interface {
	// Subscribe opens a connection, subscribes on it to topics, and has deliver called for every message of each, in order, from one goroutine a topic
	// at a time, until Close. It returns when it is subscribed.
	Subscribe(ctx context.Context, topics []int, deliver Deliver) error
	// Publish publishes a message, over one connection for all; it may be called from several goroutines at once.
	Publish(ctx context.Context, topic int, message []byte) error
	// Close closes all connections.
	Close()
}

// Deliver takes what a subscription brings: a message, or an error that ended it. The message's bytes are the caller's again when it returns.
type Deliver func(topic int, message []byte, err error)

// DialBus connects a publisher to a server.
type DialBus func(ctx context.Context, address string) (Bus, error)

// A message is text: topic, slot, sequence number and the time of publishing in hexadecimal, then filling. Sequence
// number 0 is a probe, by which subscribers are found to be there.
const headLength = 4 * digits

// Fan publishes to subscribers and checks that each receives everything, once, and in order. Window publishers, each in a
// slot of its own, publish on; each waits until its message has reached every subscriber of its topic.
type Fan struct {
	bus     Bus
	window  int
	size    int
	origin  time.Time
	meter   atomic.Pointer[Meter]
	slots   []*slot
	failure chan error
	failed  atomic.Bool

	mu     sync.Mutex
	topics []*topic
}

type slot struct {
	remaining atomic.Int64
	done      chan struct{}
}

type topic struct {
	subscribers int
	probed      atomic.Int64 // subscribers that have seen a probe
	sequence    []uint64     // by slot
}

// NewFan is a Fan with so many topics, and messages of size bytes.
func NewFan(bus Bus, topics, window, size int) *Fan {
	f := &Fan{bus: bus, window: window, size: max(size, headLength), origin: time.Now(), failure: make(chan error, 1)}
	for range window {
		f.slots = append(f.slots, &slot{done: make(chan struct{}, 1)})
	}
	for range topics {
		f.topics = append(f.topics, &topic{sequence: make([]uint64, window)})
	}
	f.meter.Store(&Meter{})
	return f
}

func (f *Fan) fail(err error) {
	if err != nil && f.failed.CompareAndSwap(false, true) {
		f.failure <- err
		close(f.failure)
	}
}

// Subscribe opens so many connections, of which the i-th subscribes to the topics that choose tells, and waits until all hear something.
func (f *Fan) Subscribe(ctx context.Context, connections int, choose func(i int) []int) error {
	err := shared(connections, func(i int) error { return f.subscribe(ctx, choose(i)) })
	if err != nil {
		return err
	}
	return f.probe(ctx)
}

func (f *Fan) subscribe(ctx context.Context, topics []int) error {
	receivers := map[int]*receiver{}
	f.mu.Lock()
	for _, t := range topics {
		f.topics[t].subscribers++
		receivers[t] = &receiver{fan: f, topic: t, next: make([]uint64, f.window)}
		copy(receivers[t].next, f.topics[t].sequence)
	}
	f.mu.Unlock()
	return f.bus.Subscribe(ctx, topics, func(t int, message []byte, err error) {
		if err != nil {
			f.fail(err)
		} else if r := receivers[t]; r == nil {
			f.fail(fmt.Errorf("a message of topic %d came unasked", t))
		} else if err := r.take(message); err != nil {
			f.fail(err)
		}
	})
}

// probeEvery is how often a probe is sent: some servers say that one is subscribed before it is so.
const probeEvery = 50 * time.Millisecond

func (f *Fan) probe(ctx context.Context) error {
	for deadline := time.Now().Add(time.Minute); ; {
		missing, err := f.probeAll(ctx)
		if err != nil {
			return err
		}
		if missing == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d topics have subscribers that hear nothing", missing)
		}
		select {
		case err := <-f.failure:
			return err
		case <-time.After(probeEvery):
		}
	}
}

// probeAll sends a probe to each topic that not all subscribers have heard of, and returns how many these are.
func (f *Fan) probeAll(ctx context.Context) (int, error) {
	var deaf []int
	for t, one := range f.topics {
		if int(one.probed.Load()) < one.subscribers {
			deaf = append(deaf, t)
		}
	}
	return len(deaf), shared(len(deaf), func(i int) error { return f.publish(ctx, deaf[i], 0, 0) })
}

func (f *Fan) publish(ctx context.Context, topic, slot int, sequence uint64) error {
	b := make([]byte, f.size)
	number(b, uint64(topic))
	number(b[digits:], uint64(slot))
	number(b[2*digits:], sequence)
	number(b[3*digits:], uint64(time.Since(f.origin)))
	fill(b[headLength:])
	return f.bus.Publish(ctx, topic, b)
}

func fill(b []byte) {
	for i := range b {
		b[i] = '.'
	}
}

// overdue is how long a message may take to all its subscribers.
const overdue = 30 * time.Second

// send publishes the next message of a topic in a slot, and returns when it has reached everybody.
func (f *Fan) send(ctx context.Context, topic, slot int) error {
	t, s := f.topics[topic], f.slots[slot]
	t.sequence[slot]++
	s.remaining.Store(int64(t.subscribers))
	if err := f.publish(ctx, topic, slot, t.sequence[slot]); err != nil {
		return err
	}
	if t.subscribers == 0 {
		return nil
	}
	select {
	case <-s.done:
		return nil
	case err, ok := <-f.failure:
		if !ok {
			err = errors.New("another publisher failed")
		}
		return err
	case <-time.After(overdue):
		return fmt.Errorf("message %d of topic %d has not reached %d of %d subscribers", t.sequence[slot], topic, s.remaining.Load(), t.subscribers)
	}
}

// Run publishes until the time has come, each slot on its share of the topics in turn and at least once, and returns the number of messages when
// all have arrived. m counts deliveries.
func (f *Fan) Run(ctx context.Context, until time.Time, m *Meter) (messages int64, err error) {
	f.meter.Store(m)
	var sent atomic.Int64
	err = each(f.window, func(slot int, failed func() bool) error {
		for t, first := slot, true; first || time.Now().Before(until) && !failed(); t, first = t+f.window, false {
			if t >= len(f.topics) {
				t = slot % len(f.topics)
			}
			if err := f.send(ctx, t, slot); err != nil {
				return err
			}
			sent.Add(1)
		}
		return nil
	})
	return sent.Load(), err
}

// RunPaced publishes on topic 0 at a pace, at least once, and returns the number of messages when all have arrived.
func (f *Fan) RunPaced(ctx context.Context, every time.Duration, until time.Time, m *Meter) (messages int64, err error) {
	f.meter.Store(m)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	turn := make(chan struct{})
	go func() {
		defer close(turn)
		for {
			turn <- struct{}{}
			if now := <-ticker.C; now.After(until) {
				return
			}
		}
	}()
	var sent atomic.Int64
	err = each(f.window, func(slot int, failed func() bool) error {
		var err error
		for range turn { // to its end, also after an error
			if err == nil && !failed() {
				err = f.send(ctx, 0, slot)
				sent.Add(1)
			}
		}
		return err
	})
	return sent.Load(), err
}
