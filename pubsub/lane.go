package pubsub

import (
	"context"
	"errors"
	"sync"

	"github.com/trefoilgo/trefoil/transport"
)

// lane is a log, or a rule without one, on a hub: who is subscribed there, and how far it was
// delivered. Its number is the stream key of all that is sent about its topics, so
// everything about a log reaches a session in the log's order.
//
// Locks are taken in this order: the broker's, lane.mu, peer.mu. So nothing here calls the broker with mu held.
type lane struct {
	hub    *Hub
	stream int64
	log    string
	keep   Retention

	opening sync.Mutex
	ready   bool
	found   string // the epoch that was there before this hub; guarded by opening

	mu        sync.Mutex
	epoch     string
	delivered int64 // offset of the last record that was delivered live
	filters   matcher[*subscription]
	ports     map[*transport.Session]*port
	round     uint64 // counts deliveries, to send to each session once
	presence  map[string]*roster

	// Scratch of deliver.
	matched []*subscription
	targets []*transport.Session
	current *Record
	refuse  func(*transport.Session, error)
}

// port is one session on one lane.
type port struct {
	session *transport.Session // the peer's, so that a publication need not look at that
	round   uint64
	// blocked says that the session has no room and has not yet been told which subscriptions missed something: until then
	// nothing live may be sent, or the client would take it for the next.
	blocked bool
	queueing
	peer *peer
	lane *lane
	subs []*subscription // each knows its index
}

func (p *port) add(s *subscription) {
	s.port, s.index = p, len(p.subs)
	p.subs = append(p.subs, s)
}

func (p *port) remove(s *subscription) {
	last := len(p.subs) - 1
	p.subs[s.index] = p.subs[last]
	p.subs[s.index].index = s.index
	p.subs[last] = nil
	p.subs = p.subs[:last]
}

func newLane(h *Hub, stream int64, log string, keep Retention) *lane {
	l := &lane{
		hub: h, stream: stream, log: log, keep: keep,
		ports: make(map[*transport.Session]*port), presence: make(map[string]*roster),
	}
	l.refuse = l.refused
	return l
}

// open prepares the lane's log, once.
func (l *lane) open(ctx context.Context) error {
	if l.log == "" {
		return nil
	}
	l.opening.Lock()
	defer l.opening.Unlock()
	if l.ready {
		return nil
	}
	head, err := l.hub.opts.Broker.Open(ctx, l.log, l.keep)
	if err != nil {
		return err
	}
	l.found, l.ready = head.Epoch, true
	l.mu.Lock()
	if l.epoch == "" {
		l.epoch = head.Epoch
	}
	l.mu.Unlock()
	return nil
}

// deliver sends records to all sessions with a live subscription, each record once to each.
func (l *lane) deliver(records []*Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range records {
		if l.log != "" {
			if r.Position.Epoch != l.epoch {
				l.fallBehind()
				l.epoch, l.delivered = r.Position.Epoch, 0
			}
			if r.Position.Offset <= l.delivered {
				continue
			}
		}
		l.send(r)
		l.delivered = r.Position.Offset
	}
}

func (l *lane) send(r *Record) {
	l.matched = l.filters.recall(r.Topic)
	l.round++
	l.current = r
	l.targets = l.targets[:0]
	for _, s := range l.matched {
		p := s.port
		if s.state != live || p.round == l.round {
			continue
		}
		p.round = l.round
		switch {
		case p.blocked:
			l.refused(p.session, transport.ErrFull)
		case r.NotToFrom && p.session.Client() == r.From:
			if l.log == "" {
				continue // no chain of offsets to keep whole
			}
			if err := p.session.TrySend(skipFrame(l.stream, r)); err != nil {
				l.refused(p.session, err)
			}
		default:
			l.targets = append(l.targets, p.session)
		}
	}
	if len(l.targets) > 0 {
		transport.Broadcast(l.targets, transport.NewShared(publicationFrame(l.stream, r)), l.refuse)
	}
	clear(l.targets)
	l.matched, l.current = nil, nil
}

// refused notes that a session did not take the current record. Called with l.mu held.
func (l *lane) refused(s *transport.Session, err error) {
	p := l.ports[s]
	full := errors.Is(err, transport.ErrFull)
	if p == nil || !full && !errors.Is(err, transport.ErrFrameTooLarge) {
		return // it has ended, and its receiver will hear of it
	}
	for _, sub := range l.matched {
		if sub.port != p || sub.state != live {
			continue
		}
		if full && sub.rule.Slow == Disconnect {
			s.Close(transport.CloseSlowConsumer, "a subscription could not keep up")
			return
		}
		switch {
		case l.log != "":
			sub.state, sub.told = behind, false
			sub.cursor = max(sub.cursor, l.current.Position.Offset-1)
		case full:
			sub.miss(SlowConsumer)
		case sub.try(gapFrame(l.stream, sub.id, &gapNote{cause: TooLarge, count: 1})) == finished:
			continue // told at once, nothing else was missed
		default:
			sub.miss(TooLarge)
		}
		l.block(p)
	}
}

// fallBehind makes every live subscription read on from history.
func (l *lane) fallBehind() {
	for _, p := range l.ports {
		for _, sub := range p.subs {
			if sub.state != live || sub.watch {
				continue
			}
			sub.state, sub.told = behind, false
			if sub.epoch == l.epoch { // one of a newer epoch began behind what the lane has seen
				sub.cursor = max(sub.cursor, l.delivered)
			}
			l.block(p)
		}
	}
}

// reset is called when the broker's feed was interrupted.
func (l *lane) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.log != "" {
		l.fallBehind()
		return
	}
	for _, p := range l.ports {
		for _, sub := range p.subs {
			if sub.state == live && !sub.watch {
				sub.lost, sub.cause = -1, FeedLost
				l.block(p)
			}
		}
	}
}

// block stops live delivery to a port until the session has room and was told.
func (l *lane) block(p *port) {
	if !p.blocked {
		p.blocked = true
		p.peer.later(p)
	}
}

// attach registers a subscription that was allowed; its first answer is up to serve.
func (l *lane) attach(s *subscription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.ports[s.peer.session]
	if p == nil {
		p = &port{session: s.peer.session, peer: s.peer, lane: l}
		l.ports[s.peer.session] = p
	}
	p.add(s)
}

// drop takes a subscription away. A member leaves now, or after the grace period if its connection was lost.
func (l *lane) drop(s *subscription, lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.state == gone {
		return
	}
	s.state = gone
	if s.entry != nil {
		l.filters.remove(s.entry)
	}
	if s.port.remove(s); len(s.port.subs) == 0 {
		delete(l.ports, s.peer.session)
	}
	if s.watch {
		l.unwatch(s)
	}
	if s.member {
		l.leave(s, lost)
	}
}

// goLive puts the subscription among those that publications are matched with. Called with l.mu held,
// in the same breath as the frame that tells the client was queued.
func (l *lane) goLive(s *subscription) {
	s.state, s.told, s.quiet = live, true, false
	if s.entry == nil {
		s.entry = l.filters.add(s.filter, s)
	}
	if s.rule.Members && s.plain && !s.member {
		s.member = true
		l.join(s)
	}
}
