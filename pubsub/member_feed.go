package pubsub

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// MemberEvent says that a client became a member of a topic, or no longer is one.
type MemberEvent struct {
	// Member is who.
	Member Member
	// Joined is true for a join, false for a leave.
	Joined bool
}

// MemberFeed tells who is subscribed to a topic, first all who are, then every change. It holds the
// present state, not a queue: a program that looks away for long sees a member that came and went not at all, and
// after a reconnect it sees the difference. All methods may be called from several goroutines at once.
type MemberFeed struct {
	client *Client
	wire   *wire
	signal chan struct{}

	mu      sync.Mutex
	present map[transport.ID]Member // by the server
	known   map[transport.ID]Member // by the program
	dirty   map[transport.ID]uint64 // where the two differ, and the turn that it has
	order   []memberTurn            // the turns, and some that are void
	turns   uint64                  // given so far
	ended   bool
	err     error
}

// memberTurn is when a client is told about; void if dirty names another turn, or none.
type memberTurn struct {
	id   transport.ID
	turn uint64
}

// WatchMembers follows the members of topic on the server's node. It needs the permission to subscribe, and
// does not make the client a member. It waits for a session and the server's answer until ctx is done.
func (c *Client) WatchMembers(ctx context.Context, topic string) (*MemberFeed, error) {
	if err := checkTopic(topic); err != nil {
		return nil, err
	}
	f := &MemberFeed{
		client: c, signal: make(chan struct{}, 1),
		present: make(map[transport.ID]Member), known: make(map[transport.ID]Member), dirty: make(map[transport.ID]uint64),
	}
	c.mu.Lock()
	if c.closed != nil {
		defer c.mu.Unlock()
		return nil, c.closed
	}
	f.wire = c.addWire(&wire{filter: topic, watch: f})
	c.mu.Unlock()
	if err := c.await(ctx, f.wire, nil); err != nil {
		return nil, err
	}
	return f, nil
}

// All yields joins and leaves. An error ends it: ctx's, why the server took it away, or ErrClosed when the client was closed. After
// [MemberFeed.Close] it ends without one.
func (f *MemberFeed) All(ctx context.Context) iter.Seq2[MemberEvent, error] {
	return func(yield func(MemberEvent, error) bool) {
		for {
			e, ok, err := f.next(ctx)
			if !ok && err == nil || !yield(e, err) || !ok {
				return
			}
		}
	}
}

// Close ends the feed. Idempotent.
func (f *MemberFeed) Close() error {
	f.client.unsubscribe(f.wire, nil)
	f.end(nil)
	return nil
}

func (f *MemberFeed) next(ctx context.Context) (e MemberEvent, ok bool, err error) {
	for {
		f.mu.Lock()
		for len(f.order) > 0 {
			t := f.order[0]
			f.order = f.order[1:]
			if f.dirty[t.id] != t.turn {
				continue
			}
			delete(f.dirty, t.id)
			if e, ok := f.difference(t.id); ok {
				f.mu.Unlock()
				f.notify()
				return e, true, nil
			}
		}
		ended, err := f.ended, f.err
		f.mu.Unlock()
		if ended {
			f.notify()
			return e, false, err
		}
		select {
		case <-f.signal:
		case <-ctx.Done():
			return e, false, status.From(ctx.Err())
		}
	}
}

// difference brings the program's knowledge about one client up to date.
func (f *MemberFeed) difference(id transport.ID) (MemberEvent, bool) {
	now, here := f.present[id]
	then, was := f.known[id]
	switch {
	case here && !was:
		f.known[id] = now
		return MemberEvent{now, true}, true
	case was && !here:
		delete(f.known, id)
		return MemberEvent{then, false}, true
	}
	return MemberEvent{}, false
}

// change notes a join or leave.
func (f *MemberFeed) change(m Member, joined bool) {
	f.mu.Lock()
	if joined {
		f.present[m.Client] = m
	} else {
		delete(f.present, m.Client)
	}
	f.touch(m.Client)
	f.mu.Unlock()
	f.notify()
}

// reset replaces everything.
func (f *MemberFeed) reset(members []Member) {
	f.mu.Lock()
	before := f.present
	f.present = make(map[transport.ID]Member, len(members))
	for _, m := range members {
		f.present[m.Client] = m
	}
	for id := range before {
		f.touch(id)
	}
	for _, m := range members {
		f.touch(m.Client)
	}
	f.mu.Unlock()
	f.notify()
}

// touch notes whether there is something to tell about a client. So what is noted stays as bounded as those who are
// present, and were when the program looked, however long it looks away.
func (f *MemberFeed) touch(id transport.ID) {
	_, here := f.present[id]
	_, was := f.known[id]
	if here == was {
		delete(f.dirty, id)
		return
	}
	if f.dirty[id] != 0 {
		return
	}
	f.turns++
	f.dirty[id] = f.turns
	if len(f.order) > 2*len(f.dirty)+16 {
		f.order = slices.DeleteFunc(f.order, func(t memberTurn) bool { return f.dirty[t.id] != t.turn })
	}
	f.order = append(f.order, memberTurn{id, f.turns})
}

func (f *MemberFeed) notify() {
	select {
	case f.signal <- struct{}{}:
	default:
	}
}

func (f *MemberFeed) end(err error) {
	f.mu.Lock()
	if !f.ended {
		f.ended, f.err = true, err
	}
	f.mu.Unlock()
	f.notify()
}
