package pubsub

import (
	"slices"
	"time"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// roster is who is subscribed to one topic on this hub, and who wants to know. Guarded by lane.mu.
type roster struct {
	present  map[transport.ID]*presence
	watchers map[*subscription]struct{}
}

// presence is one member. After its connection was lost it stays until its timer fires.
type presence struct {
	Member
	subs  int
	timer *time.Timer
}

func (l *lane) roster(topic string) *roster {
	r := l.presence[topic]
	if r == nil {
		r = &roster{present: make(map[transport.ID]*presence), watchers: make(map[*subscription]struct{})}
		l.presence[topic] = r
	}
	return r
}

func (l *lane) prune(topic string) {
	if r := l.presence[topic]; r != nil && len(r.present) == 0 && len(r.watchers) == 0 {
		delete(l.presence, topic)
	}
}

// members lists who is present, in the order of joining. Called with l.mu held.
func (l *lane) members(topic string) []Member {
	r := l.presence[topic]
	if r == nil {
		return nil
	}
	list := make([]Member, 0, len(r.present))
	for _, p := range r.present {
		list = append(list, p.Member)
	}
	slices.SortFunc(list, func(a, b Member) int {
		if c := a.Since.Compare(b.Since); c != 0 {
			return c
		}
		return slices.Compare(a.Client[:], b.Client[:])
	})
	return list
}

// join counts a subscription that makes its client a member. Called with l.mu held.
func (l *lane) join(s *subscription) {
	r := l.roster(s.filter)
	p := r.present[s.peer.client()]
	if p == nil {
		p = &presence{Member: Member{
			Client: s.peer.client(), User: s.peer.session.Identity().User, Since: time.Now().Round(0).UTC(),
		}}
		r.present[s.peer.client()] = p
		l.announce(s.filter, r, true, p.Member)
	}
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	p.subs++
}

// leave undoes join, at once or after the grace period. Called with l.mu held.
func (l *lane) leave(s *subscription, lost bool) {
	topic, client := s.filter, s.peer.client()
	p := l.presence[topic].present[client]
	if p.subs--; p.subs > 0 {
		return
	}
	if !lost || l.hub.ctx.Err() != nil {
		l.expire(topic, p)
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(l.hub.opts.MemberGrace, func() { l.graceOver(topic, p, &timer) })
	p.timer = timer // whoever looks at it holds l.mu, as we do now
}

// graceOver ends a membership, unless the client came back while the timer's goroutine was on its way here; it may
// even have gone again, under another timer.
func (l *lane) graceOver(topic string, p *presence, timer **time.Timer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.timer == *timer {
		l.expire(topic, p)
	}
}

func (l *lane) expire(topic string, p *presence) {
	p.timer = nil
	r := l.presence[topic]
	delete(r.present, p.Client)
	l.announce(topic, r, false, p.Member)
	l.prune(topic)
}

// announce tells the watchers. One that has no room gets the whole list when it has. Called with l.mu held.
func (l *lane) announce(topic string, r *roster, joined bool, m Member) {
	if len(r.watchers) == 0 {
		return
	}
	f := transport.NewShared(memberFrame(l.stream, topic, joined, m))
	for s := range r.watchers {
		if s.state == live && s.peer.session.TrySendShared(f) != nil {
			s.state = behind
			s.peer.later(s)
		}
	}
}

// list sends a watching subscription its answer and all present members; from then on it gets changes.
func (s *subscription) list() verdict {
	l := s.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	switch s.state {
	case starting:
		if v := s.try(subscribedFrame(l.stream, s.id, Position{}, false)); v != finished {
			return v
		}
		s.state = behind
		l.roster(s.filter).watchers[s] = struct{}{}
	case gone:
		return finished
	}
	members := l.members(s.filter)
	frame := memberListFrame(l.stream, s.id, members)
	if len(frame) > s.peer.session.MaxFrame()/2 { // JSON needs up to twice the room
		if v := s.try(endedFrame(l.stream, s.id, errTooManyMembers(len(members)))); v != finished {
			return v
		}
		s.forget()
		return finished
	}
	if v := s.try(frame); v != finished {
		return v
	}
	s.state = live
	return finished
}

func (l *lane) unwatch(s *subscription) {
	if r := l.presence[s.filter]; r != nil {
		delete(r.watchers, s)
		l.prune(s.filter)
	}
}

// stop ends the lane's timers.
func (l *lane) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.presence {
		for _, p := range r.present {
			if p.timer != nil {
				p.timer.Stop()
				p.timer = nil
			}
		}
	}
}

func errTooManyMembers(n int) *status.Error {
	return status.New(status.ResourceExhausted, ErrTooLarge, "%d members do not fit into a frame", n)
}
