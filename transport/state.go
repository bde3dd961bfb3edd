package transport

import (
	"context"
	"iter"
	"sync"
	"time"
)

// Phase is where a client's connection stands.
type Phase int

// The phases of a client's connection.
const (
	Connecting Phase = iota // trying, now or after a backoff
	Open                    // a session is live
	Closed                  // for good: by Close, by a close code that forbids coming back, or after MaxAttempts
)

// String is the phase in lower case.
func (p Phase) String() string {
	switch p {
	case Connecting:
		return "connecting"
	case Open:
		return "open"
	}
	return "closed"
}

// State is an observable state of a [Client].
type State struct {
	Phase Phase
	// Session is the id of the live session, zero unless Open.
	Session ID
	// Attempt counts failed connections in a row while Connecting.
	Attempt int
	// Retry is when the next attempt begins, zero unless one is scheduled.
	Retry time.Time
	// Err is why the last session or attempt ended; nil while Open. It is a
	// *status.Error; of one that the server closed the reason is "transport." and the
	// name of the close code.
	Err error
}

// stateCell is a state that can be watched.
type stateCell struct {
	mu      sync.Mutex
	state   State
	changed chan struct{} // closed and replaced at each change
}

func (c *stateCell) get() (State, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.state, c.changed
}

// set changes the state; Closed stays.
func (c *stateCell) set(s State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Phase == Closed {
		return
	}
	c.state = s
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// watch yields the present state and those that follow.
func (c *stateCell) watch(ctx context.Context) iter.Seq[State] {
	return func(yield func(State) bool) {
		for {
			state, changed := c.get()
			if !yield(state) || state.Phase == Closed {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}
