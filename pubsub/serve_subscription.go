package pubsub

import (
	"context"
	"errors"
	"math"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/transport"
)

// The states of a subscription on a hub.
type subState uint8

const (
	starting subState = iota // not answered yet
	behind                   // reads history
	live                     // gets what is delivered
	gone
)

// Bounds of one replay frame. One record larger than replayBytes travels alone.
const (
	replayBytes   = 32 << 10
	replayRecords = 512
)

// subscription is one subscription of one session. Its mutable fields are guarded by lane.mu; those of
// a catching-up one (cursor to head) are only written by the peer's serving goroutine. What a publication looks at comes first.
type subscription struct {
	port  *port
	state subState
	queueing
	plain    bool
	member   bool
	told     bool // the client knows that it is behind
	quiet    bool // it asked for the last few: what is missing before those is no gap
	solo     bool // send records one by one
	stalled  bool // the last batch found no room
	cause    Cause
	index    int // in port.subs
	entry    *entry[*subscription]
	rule     *Rule
	peer     *peer
	lane     *lane
	id       int64
	filter   string
	lost     int64 // publications without offset that were dropped; -1 unknown
	epoch    string
	cursor   int64    // everything up to here was sent, or told missing
	floor    int64    // told missing up to here
	gap      *gapNote // to be told before anything else
	first    int64    // offset of the first record of the batch that is being sent
	oversize int64    // offset of a record that does not fit into a frame of this session
	subscribeOptions
}

// subscribeOptions is the options map of a subscribe frame.
type subscribeOptions struct {
	from  *Position // resume behind it
	last  int
	watch bool // wants member events, not publications
}

func readSubscribeOptions(body *codec.Reader) (o subscribeOptions, err error) {
	if body.Len() == 0 || body.Nil() {
		return o, nil
	}
	var from Position
	m := body.Map()
	for m.Len() > 0 {
		key := m.Text()
		switch string(key) {
		case "log":
			from.Log = m.String()
		case "epoch":
			from.Epoch = m.String()
		case "offset":
			from.Offset = m.Int()
		case "last":
			o.last = int(min(m.Int(), math.MaxInt32))
		case "members":
			o.watch = m.Bool()
		default:
			m.Skip()
		}
	}
	if m.Err() != nil || body.Err() != nil || from.Offset < 0 || o.last < 0 || len(from.Epoch) > maxEpoch || len(from.Log) > maxName {
		return o, errMalformed("subscribe")
	}
	if from.Epoch != "" { // without one it means nothing
		o.from = &from
	}
	return o, nil
}

// try queues a frame about s. Called with lane.mu held, so that it stands where it belongs in the stream.
func (s *subscription) try(frame []byte) verdict {
	if errors.Is(s.peer.session.TrySend(frame), transport.ErrFull) {
		return full
	}
	return finished // also if the session has ended: its receiver hears of it
}

// miss counts a publication that was dropped. Of several causes the slow consumer is told.
func (s *subscription) miss(cause Cause) {
	if s.cause == 0 {
		s.cause = cause
	} else if s.cause != cause && s.cause != FeedLost {
		s.cause = SlowConsumer
	}
	if s.lost >= 0 {
		s.lost++
	}
}

// serve does the next step of a subscription.
func (s *subscription) serve() verdict {
	s.lane.mu.Lock()
	state, told := s.state, s.told
	s.lane.mu.Unlock()
	switch {
	case state == starting:
		return s.start()
	case state == behind && s.watch:
		return s.list()
	case state == behind && told:
		return s.catchUp()
	}
	return finished
}

// start answers subscribe.
func (s *subscription) start() verdict {
	l := s.lane
	if s.watch {
		return s.list()
	}
	if l.log == "" {
		l.mu.Lock()
		defer l.mu.Unlock()
		return s.begin(Position{}, false)
	}
	ctx := s.peer.session.Context()
	head, err := s.head(ctx)
	if err == nil {
		err = s.place(ctx, head)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if v := s.try(refusedFrame(l.stream, s.id, err)); v != finished {
			return v
		}
		s.forget()
		return finished
	}
	replay := s.last > 0 || s.from != nil
	if !replay && s.epoch == l.epoch {
		s.cursor = max(s.cursor, l.delivered)
	}
	return s.begin(Position{Log: l.log, Epoch: s.epoch, Offset: s.cursor}, replay)
}

// begin sends the answer. Called with lane.mu held.
func (s *subscription) begin(at Position, replay bool) verdict {
	if s.state == gone {
		return finished
	}
	if v := s.try(subscribedFrame(s.lane.stream, s.id, at, replay)); v != finished {
		return v
	}
	if replay {
		s.state, s.told = behind, true
		return again
	}
	s.lane.goLive(s)
	return finished
}

// head asks the broker where the log stands.
func (s *subscription) head(ctx context.Context) (Head, error) {
	if err := s.lane.open(ctx); err != nil {
		return Head{}, err
	}
	return s.peer.hub.opts.Broker.Head(ctx, s.lane.log, s.filter)
}

// place decides where a new subscription begins.
func (s *subscription) place(ctx context.Context, head Head) (err error) {
	l, broker := s.lane, s.peer.hub.opts.Broker
	s.gap, s.quiet = nil, false
	switch {
	case s.from == nil && s.last == 0:
		s.cursor = head.Offset
	case s.from == nil:
		s.cursor, s.quiet = head.Offset, true
		for r, e := range broker.Read(ctx, l.log, Query{Filter: s.filter, UpTo: head.Offset, Last: s.last}) {
			if e != nil {
				return e
			}
			s.cursor = r.Position.Offset - 1
			break
		}
	case s.from.Log == l.log && s.from.Epoch == head.Epoch && s.from.Offset <= head.Offset:
		s.cursor = s.from.Offset
	default:
		if s.from.Log == l.log && s.from.Epoch == head.Epoch {
			if head, err = l.renew(ctx, head); err != nil {
				return err
			}
		}
		s.cursor = head.Offset
		s.gap = &gapNote{cause: EpochChanged, epoch: head.Epoch, after: head.Offset, to: head.Offset, count: -1}
	}
	s.epoch = head.Epoch
	return nil
}

// renew begins a new epoch: somebody holds a position above the head, so the log was restored from
// an older copy, and offsets will mean something else from now on. That can only be so if the epoch was there before this hub was:
// otherwise the position is made up, and concerns nobody but who holds it.
func (l *lane) renew(ctx context.Context, head Head) (Head, error) {
	l.opening.Lock()
	defer l.opening.Unlock()
	if l.found != head.Epoch {
		return head, nil
	}
	l.found = "" // at most once
	renewed, err := l.hub.opts.Broker.Renew(ctx, l.log, head.Epoch)
	if err != nil {
		l.found = head.Epoch
		return head, err
	}
	return renewed, nil
}

// forget removes a subscription that was refused or ended. Called with lane.mu held.
func (s *subscription) forget() {
	p := s.peer
	s.lane.mu.Unlock()
	p.unsubscribe(s.id)
	s.lane.mu.Lock()
}
