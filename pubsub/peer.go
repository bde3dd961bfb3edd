package pubsub

import (
	"cmp"
	"errors"
	"slices"
	"sync"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// peer is one session on a hub. It has no goroutine of its own: one runs while there are publishes
// to hand to the broker, another while subscriptions read history.
type peer struct {
	hub     *Hub
	session *transport.Session

	mu           sync.Mutex
	closed       bool
	working      bool
	serving      bool
	pending      int32           // jobs not yet done
	subs         []*subscription // by id
	jobs         []func()        // publishes and queries, in order
	pendingBytes int
	todo         []task
}

func newPeer(h *Hub, s *transport.Session) *peer { return &peer{hub: h, session: s} }

func (p *peer) client() transport.ID { return p.session.Client() }

// find is where a subscription stands, or would. The caller holds mu. Clients count their ids up, and most have few subscriptions: a map
// takes four times as much.
func (p *peer) find(id int64) (at int, found bool) {
	return slices.BinarySearchFunc(p.subs, id, func(s *subscription, id int64) int { return cmp.Compare(s.id, id) })
}

// Receive implements [transport.Receiver].
func (p *peer) Receive(f transport.Frame) error {
	name, ok := f.StreamText()
	if !ok {
		return errMalformed("pubsub")
	}
	id := f.Body.Int()
	if f.Body.Err() != nil || id < 1 || id > maxID {
		return errMalformed("pubsub")
	}
	switch f.Kind {
	case kindSubscribe:
		return p.subscribe(name, id, &f.Body)
	case kindUnsubscribe:
		p.unsubscribe(id)
		return nil
	case kindPublish:
		return p.publish(name, id, &f.Body)
	case kindMembers:
		return p.listMembers(name, id)
	}
	return errProtocol("unknown kind %d", f.Kind)
}

// Close implements [transport.Receiver].
func (p *peer) Close(error) {
	p.mu.Lock()
	p.closed = true
	subs := p.subs
	p.subs, p.jobs, p.todo = nil, nil, nil
	p.mu.Unlock()
	for _, s := range subs {
		s.lane.drop(s, true)
	}
}

// refuse answers a request from the reader. A client that has no room for its answers does not read them.
func (p *peer) refuse(stream, id int64, err *status.Error) error {
	if p.session.TrySend(refusedFrame(stream, id, err)) != nil {
		p.session.Close(transport.CloseSlowConsumer, "no room for an answer")
	}
	return nil
}

func (p *peer) subscribe(filter string, id int64, body *codec.Reader) error {
	opts, err := readSubscribeOptions(body)
	if err != nil {
		return err
	}
	p.mu.Lock()
	_, taken := p.find(id)
	full := len(p.subs) >= p.hub.opts.MaxSubscriptions
	p.mu.Unlock()
	if taken {
		return errProtocol("subscription %d exists", id)
	}
	if err := checkFilter(filter); err != nil {
		return p.refuse(0, id, status.From(err))
	}
	rule, l := p.hub.rule(filter)
	if rule == nil || !rule.Subscribe.allows(p.session, filter) {
		return p.refuse(0, id, errDenied(filter))
	}
	plain := isPlain(filter)
	if opts.watch && (!rule.Members || !plain) {
		return p.refuse(l.stream, id, errNoMembers(filter))
	}
	if full {
		return p.refuse(l.stream, id, status.New(status.ResourceExhausted, ErrTooMany, "more than %d subscriptions", p.hub.opts.MaxSubscriptions))
	}
	s := &subscription{peer: p, lane: l, rule: rule, id: id, filter: filter, plain: plain, subscribeOptions: opts}
	p.mu.Lock()
	at, _ := p.find(id) // only the reader adds, so what was found above still holds; others remove
	p.subs = slices.Insert(p.subs, at, s)
	p.mu.Unlock()
	l.attach(s)
	p.later(s)
	return nil
}

// unsubscribe of an unknown id is harmless: the subscription may just have ended.
func (p *peer) unsubscribe(id int64) {
	p.mu.Lock()
	at, found := p.find(id)
	var s *subscription
	if found {
		s = p.subs[at]
		p.subs = slices.Delete(p.subs, at, at+1)
	}
	p.mu.Unlock()
	if s != nil {
		s.lane.drop(s, false)
	}
}

func (p *peer) publish(topic string, id int64, body *codec.Reader) error {
	flags := body.Int()
	metadata, payload := body.Raw(), body.Raw()
	key := ""
	if body.Len() > 0 && !body.Nil() {
		key = body.String()
	}
	within, ok := checkMetadata(metadata)
	if body.Err() != nil || !ok {
		return errMalformed("publish")
	}
	if err := checkTopic(topic); err != nil {
		return p.refuse(0, id, status.From(err))
	}
	rule, l := p.hub.rule(topic)
	if rule == nil || !rule.Publish.allows(p.session, topic) {
		return p.refuse(0, id, errDenied(topic))
	}
	if !within {
		return p.refuse(l.stream, id, errMetadata())
	}
	if len(key) > maxName {
		return p.refuse(l.stream, id, status.New(status.InvalidArgument, ErrBadRequest, "the key is longer than %d bytes", maxName))
	}
	r := Record{Topic: topic, From: p.client(), NotToFrom: flags&flagNotToMyself != 0, Key: key}
	// One copy for both: the frame's bytes are the transport's again.
	kept := append(append(make(codec.Raw, 0, len(metadata)+len(payload)), payload...), metadata...)
	r.Payload = kept[:len(payload):len(payload)]
	if len(metadata) > 1 { // not nil
		r.Metadata = kept[len(payload):]
	}
	if p.hub.quick && !p.busy() {
		return p.publishNow(l, id, r)
	}
	return p.publishLater(l, id, r, len(kept))
}

// publishLater publishes behind the jobs that wait. size is what r holds.
func (p *peer) publishLater(l *lane, id int64, r Record, size int) error {
	return p.enqueue(l.stream, id, size, func() {
		_ = p.reply(p.handOver(l, id, r), size) // if the session has ended, its receiver hears of it
	})
}

// publishNow publishes on the session's reader, to a broker that does not wait. A goroutine for that would cost more than the publication, and
// write each answer by itself: those that a reader queues leave together.
func (p *peer) publishNow(l *lane, id int64, r Record) error {
	if !p.hub.enter() {
		p.closing()
		return nil
	}
	defer p.hub.work.Done()
	frame := p.handOver(l, id, r)
	if errors.Is(p.session.TrySend(frame), transport.ErrFull) {
		return p.enqueue(l.stream, id, 0, func() { _ = p.reply(frame, 0) })
	}
	return nil
}

// handOver gives a publication to the broker and returns the answer.
func (p *peer) handOver(l *lane, id int64, r Record) []byte {
	at := Position{}
	err := l.open(p.hub.ctx)
	if err == nil {
		at, err = p.hub.opts.Broker.Publish(p.hub.ctx, l.log, r)
	}
	if err != nil {
		return refusedFrame(l.stream, id, err)
	}
	return publishedFrame(l.stream, id, at)
}

// reply makes room for another job, before the answer that may call for it is sent.
func (p *peer) reply(frame []byte, size int) error {
	p.mu.Lock()
	p.pending--
	p.pendingBytes -= size
	p.mu.Unlock()
	return p.send(frame)
}

// send waits for room: it runs on the peer's working goroutine, so a client that does not read its answers only holds up itself.
func (p *peer) send(frame []byte) error { return p.session.Send(p.session.Context(), frame) }

func (p *peer) listMembers(topic string, id int64) error {
	if err := checkTopic(topic); err != nil {
		return p.refuse(0, id, status.From(err))
	}
	rule, l := p.hub.rule(topic)
	if rule == nil || !rule.Subscribe.allows(p.session, topic) {
		return p.refuse(0, id, errDenied(topic))
	}
	if !rule.Members {
		return p.refuse(l.stream, id, errNoMembers(topic))
	}
	return p.enqueue(l.stream, id, 0, func() {
		l.mu.Lock()
		members := l.members(topic)
		l.mu.Unlock()
		if err := p.reply(memberListFrame(l.stream, id, members), 0); errors.Is(err, transport.ErrFrameTooLarge) {
			_ = p.send(refusedFrame(l.stream, id, errTooManyMembers(len(members))))
		}
	})
}

// enqueue runs job behind the earlier ones, on one goroutine that exists while there are any. size is what
// the job holds in bytes; one that is larger than all that may wait is taken when nothing else does.
func (p *peer) enqueue(stream, id int64, size int, job func()) error {
	o := &p.hub.opts
	p.mu.Lock()
	if int(p.pending) >= o.MaxPending || p.pending > 0 && p.pendingBytes+size > o.MaxPendingBytes {
		p.mu.Unlock()
		return p.refuse(stream, id, status.New(status.ResourceExhausted, ErrTooMany, "too many requests of this session wait"))
	}
	p.pending++
	p.pendingBytes += size
	p.jobs = append(p.jobs, job)
	start := !p.working
	p.working = true
	p.mu.Unlock()
	if start && !p.hub.spawn(p.drainJobs) {
		p.closing()
	}
	return nil
}

// busy reports whether jobs are under way: what comes now must wait its turn.
func (p *peer) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.working
}

func (p *peer) closing() { p.session.Close(transport.CloseGoingAway, "the hub was closed") }

func (p *peer) drainJobs() {
	for {
		p.mu.Lock()
		jobs := p.jobs
		p.jobs = nil
		if len(jobs) == 0 {
			p.working = false
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		for _, job := range jobs {
			job()
		}
	}
}
