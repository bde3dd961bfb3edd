package pubsub

import (
	"context"
	"iter"
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
	order   []transport.ID          // whose state may differ
	dirty   map[transport.ID]struct{}
	ended   bool
	err     error
}

// WatchMembers follows the members of topic on the server's node. It needs the permission to subscribe, and
// does not make the client a member. It waits for a session and the server's answer until ctx is done.
func (c *Client) WatchMembers(ctx context.Context, topic string) (*MemberFeed, error) {
	if err := checkTopic(topic); err != nil {
		return nil, err
	}
	f := &MemberFeed{
		client: c, signal: make(chan struct{}, 1),
		present: make(map[transport.ID]Member), known: make(map[transport.ID]Member), dirty: make(map[transport.ID]struct{}),
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
			id := f.order[0]
			f.order = f.order[1:]
			delete(f.dirty, id)
			if e, ok := f.difference(id); ok {
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
	for id := range f.present {
		f.touch(id)
	}
	clear(f.present)
	for _, m := range members {
		f.present[m.Client] = m
		f.touch(m.Client)
	}
	f.mu.Unlock()
	f.notify()
}

func (f *MemberFeed) touch(id transport.ID) {
	if _, ok := f.dirty[id]; !ok {
		f.dirty[id] = struct{}{}
		f.order = append(f.order, id)
	}
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
