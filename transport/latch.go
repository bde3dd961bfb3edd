package transport

import "sync/atomic"

// latch is a channel that is closed once. It is made only when somebody asks for it: a channel takes a hundred bytes, and most sessions have nobody who waits for
// what happens to them. Safe for concurrent use; the zero value is not closed.
type latch struct{ made atomic.Pointer[chan struct{}] }

// closedChannel is what every closed latch holds.
var closedChannel = func() *chan struct{} {
	c := make(chan struct{})
	close(c)
	return &c
}()

// channel is closed when the latch is.
func (l *latch) channel() <-chan struct{} {
	for {
		if c := l.made.Load(); c != nil {
			return *c
		}
		c := make(chan struct{})
		l.made.CompareAndSwap(nil, &c)
	}
}

// close closes the latch. More than once does no harm.
func (l *latch) close() {
	if c := l.made.Swap(closedChannel); c != nil && c != closedChannel {
		close(*c)
	}
}

func (l *latch) closed() bool { return l.made.Load() == closedChannel }
