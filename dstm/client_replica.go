package dstm

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/replica"
	"github.com/trefoilgo/trefoil/status"
)

// shared is one replica and those who use it. The client's mutex guards it.
type shared struct {
	client  *Client
	name    string
	users   int           // handles, and Open calls that wait
	ready   chan struct{} // closed when the first state is there, or err
	err     *status.Error // why there is no object, or no longer
	handles []*clientObject

	// What view made last, as long as nothing has changed.
	view *view
	made replica.State
}

// share returns the replica of an object, opened if need be.
func (c *Client) share(name string) *shared {
	if s := c.replicas[name]; s != nil {
		return s
	}
	s := &shared{client: c, name: name, ready: make(chan struct{})}
	c.replicas[name] = s
	if saved, level := c.cache.open(name); saved != nil {
		c.core.OpenSaved(name, *saved, level)
	} else {
		c.core.Open(name)
	}
	return s
}

func (s *shared) isReady() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

// handle makes one more Object for a user that counts already.
func (s *shared) handle() *clientObject {
	h := &clientObject{client: s.client, replica: s, feed: newFeed(s.client.world), done: make(chan struct{})}
	h.object = object{name: s.name, origin: h}
	if over := s.client.over; over != nil {
		h.feed.stall(over)
	}
	s.handles = append(s.handles, h)
	return h
}

// release takes one user away; with the last one the object is closed.
func (c *Client) release(s *shared) {
	c.drop(s)
	c.pump()
}

// drop is release within an input: who gave that tells what happened.
func (c *Client) drop(s *shared) {
	c.wakeSteady() // it may have been this one that others of its user wait for
	if s.users--; s.users > 0 || c.replicas[s.name] != s {
		return
	}
	delete(c.replicas, s.name)
	c.cache.keep(s.name)
	c.core.Close(s.name)
}

// end says that there is no such object any more.
func (c *Client) end(s *shared, err *status.Error) {
	s.err = err
	if !s.isReady() {
		close(s.ready)
	}
	for _, h := range slices.Clone(s.handles) {
		h.end(err)
	}
	delete(c.replicas, s.name)
	c.wakeSteady()
}

// whenSteady returns nil if these objects are all seen as they were at one position; otherwise what will be closed when that may
// have changed, or one of them has ended.
func (c *Client) whenSteady(names []string) <-chan struct{} {
	if c.core.Steady(names) {
		return nil
	}
	return c.nextSteady()
}

// nextSteady is closed by wakeSteady.
func (c *Client) nextSteady() <-chan struct{} {
	if c.steady == nil {
		c.steady = make(chan struct{})
	}
	return c.steady
}

// wakeSteady has those who wait for whenSteady or whenWhole look again.
func (c *Client) wakeSteady() {
	if c.steady != nil {
		close(c.steady)
		c.steady = nil
	}
}

// deliver passes on the core's events.
func (c *Client) deliver() {
	for events := c.core.Events(); len(events) > 0; events = c.core.Events() { // what is done about one may bring others
		c.pass(events)
		c.core.Passed(events)
	}
}

func (c *Client) pass(events []replica.Event) {
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case replica.Settled:
			if e.Err == nil {
				c.remember(e)
			}
			if w := c.works.runs[e.Sequence]; w != nil && !c.closed {
				c.settled(w, e)
				continue
			}
			if answer := c.waiting[e.Sequence]; answer != nil {
				delete(c.waiting, e.Sequence)
				answer <- *e
			}
			continue
		case replica.Landed:
			if !c.closed {
				c.landed(e.Sequence)
			}
			continue
		case replica.Steady:
			c.wakeSteady()
			continue
		case replica.Moved:
			c.commits.displace(displacement{e.Log, e.Object, Position(e.Position), e.Paths})
			continue
		case replica.Revised, replica.Recalled, replica.Answered:
			c.told(*e)
			continue
		}
		if (e.Kind == replica.Refused || e.Kind == replica.Ended) && e.Err.Is(ErrDenied) {
			c.cache.deny(e.Object)
		}
		s := c.replicas[e.Object]
		if s == nil {
			continue // closed meanwhile
		}
		switch e.Kind {
		case replica.Opened:
			if !s.isReady() {
				close(s.ready)
			}
		case replica.Refused, replica.Ended:
			c.end(s, e.Err)
		case replica.Changed:
			for _, h := range s.handles {
				h.feed.publish(e.Before, e.After, e.Version, origins[e.Origin], e.Paths)
			}
		}
	}
}

// remember keeps what an own commit did, so that it can be undone.
func (c *Client) remember(e *replica.Event) {
	own := ownCommit{log: e.Log, epoch: e.Epoch, position: Position(e.Position)}
	for i := range e.Made {
		m := &e.Made[i]
		if len(m.Writes) == 0 {
			continue
		}
		if m.Before == nil { // nobody knows what it replaced
			return
		}
		own.effects = append(own.effects, ownEffect{object: m.Object, version: m.Version, before: m.Before, writes: m.Writes})
	}
	c.commits.add(own)
}

var origins = [...]Origin{replica.Remote: Remote, replica.Mine: Mine, replica.Rollback: Rollback, replica.Reset: Reset}

// present is the view of the replica now.
func (s *shared) present() *view {
	state, ok := s.client.core.State(s.name)
	if !ok {
		return nil
	}
	old := &s.made
	if s.view != nil && old.Root == state.Root && old.Confirmed == state.Confirmed && old.Epoch == state.Epoch && old.Version == state.Version && old.Seen == state.Seen &&
		old.Log == state.Log && old.Strict == state.Strict && sameSlice(old.Readable, state.Readable) && sameSlice(old.Pending, state.Pending) {
		return s.view
	}
	v := &view{
		log: state.Log, object: s.name, epoch: state.Epoch, base: state.Version,
		position: Position(state.Seen), root: state.Root, confirmed: state.Confirmed, pending: state.Pending,
		strict: state.Strict, readable: state.Readable,
	}
	s.view, s.made = v, state
	return v
}

// sameSlice reports whether a and b are one slice, unchanged.
func sameSlice[T any](a, b []T) bool {
	return (a == nil) == (b == nil) && len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
