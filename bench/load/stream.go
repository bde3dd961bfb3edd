package load

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A stream's topics: what is published, and how much of it has been handled.
const (
	streamed = 0
	handled  = 1
)

// A message is text: publisher, sequence number, and the time of publishing in microseconds since 1970 in hexadecimal, then filling.
const streamHead = 3 * digits

// streamTick is how long a stream with a pace sleeps at least: what is due meanwhile leaves together. To wake for each message would take more of the processors than the messages.
const streamTick = time.Millisecond

// Stream publishes to somebody who tells how many messages it has handled, and is never more than a window ahead of that. So nothing is lost at whatever speed, and what is
// measured is handling.
type Stream struct {
	bus      Bus
	size     int
	window   int64
	next     []uint64 // by publisher
	sent     int64
	handled  atomic.Int64
	progress chan struct{} // handled has grown
	failure  chan error
}

// NewStream is a stream of messages of size bytes, made by so many publishers that each wait until their message was taken by the server.
func NewStream(ctx context.Context, bus Bus, publishers, window, size int) (*Stream, error) {
	s := &Stream{
		bus: bus, size: max(size, streamHead), window: int64(window), next: make([]uint64, publishers),
		progress: make(chan struct{}, 1), failure: make(chan error, 1),
	}
	return s, bus.Subscribe(ctx, []int{handled}, s.hear)
}

// hear takes what the other side tells.
func (s *Stream) hear(_ int, message []byte, err error) {
	var n uint64
	if err == nil {
		if n, err = strconv.ParseUint(string(message), 16, 63); err != nil {
			err = fmt.Errorf("the subscriber: %.200q", message)
		}
	}
	if err != nil {
		select {
		case s.failure <- err:
		default:
		}
		return
	}
	s.handled.Store(int64(n))
	select {
	case s.progress <- struct{}{}:
	default:
	}
}

// await returns when all messages but most have been handled.
func (s *Stream) await(ctx context.Context, most int64) error {
	if s.sent-s.handled.Load() <= most {
		return nil
	}
	late := time.NewTimer(overdue)
	defer late.Stop()
	for s.sent-s.handled.Load() > most {
		select {
		case <-s.progress:
		case err := <-s.failure:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return fmt.Errorf("%d of %d messages have been handled", s.handled.Load(), s.sent)
		}
	}
	return nil
}

// Run publishes perSecond messages a second, or as many as get through if that is 0, until the time has come, and returns their number when all have been handled.
func (s *Stream) Run(ctx context.Context, perSecond float64, until time.Time) (messages int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	turns := make(chan struct{})
	var all sync.WaitGroup
	for publisher := range s.next {
		all.Go(func() {
			for range turns {
				if err := s.publish(ctx, publisher); err != nil {
					cancel(err)
				}
			}
		})
	}
	before, begin := s.sent, time.Now()
	for s.sent == before || time.Now().Before(until) {
		if err = s.await(ctx, s.window-1); err != nil {
			break
		}
		if perSecond > 0 {
			due := begin.Add(time.Duration(float64(s.sent-before) / perSecond * float64(time.Second)))
			if early := time.Until(due); early > 0 {
				time.Sleep(max(early, streamTick))
			}
		}
		s.sent++
		turns <- struct{}{}
	}
	close(turns)
	all.Wait()
	if err == nil {
		err = s.await(ctx, 0)
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return s.sent - before, err
}

func (s *Stream) publish(ctx context.Context, publisher int) error {
	s.next[publisher]++
	b := make([]byte, s.size)
	number(b, uint64(publisher))
	number(b[digits:], s.next[publisher])
	number(b[2*digits:], uint64(time.Now().UnixMicro()))
	fill(b[streamHead:])
	return s.bus.Publish(ctx, streamed, b)
}
