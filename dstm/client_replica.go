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
	c.core.Open(name)
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
	h := &clientObject{client: s.client, replica: s, feed: newFeed(), done: make(chan struct{})}
	h.object = object{name: s.name, origin: h}
	s.handles = append(s.handles, h)
	return h
}

// release takes one user away; with the last one the object is closed.
func (c *Client) release(s *shared) {
	if s.users--; s.users > 0 || c.replicas[s.name] != s {
		return
	}
	delete(c.replicas, s.name)
	c.core.Close(s.name)
	c.pump()
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
}

// deliver passes on the core's events.
func (c *Client) deliver() {
	for _, e := range c.core.Events() {
		if e.Kind == replica.Settled {
			if answer := c.waiting[e.Sequence]; answer != nil {
				delete(c.waiting, e.Sequence)
				answer <- e
			}
			continue
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

var origins = [...]Origin{replica.Remote: Remote, replica.Mine: Mine, replica.Rollback: Rollback, replica.Reset: Reset}

// present is the view of the replica now.
func (s *shared) present() *view {
	state, ok := s.client.core.State(s.name)
	if !ok {
		return nil
	}
	old := &s.made
	if s.view != nil && old.Root == state.Root && old.Epoch == state.Epoch && old.Version == state.Version && old.Seen == state.Seen &&
		old.Log == state.Log && len(old.Pending) == len(state.Pending) && (len(old.Pending) == 0 || &old.Pending[0] == &state.Pending[0]) {
		return s.view
	}
	v := &view{
		log: state.Log, object: s.name, epoch: state.Epoch, base: state.Version,
		position: Position(state.Seen), root: state.Root, pending: state.Pending,
	}
	s.view, s.made = v, state
	return v
}
