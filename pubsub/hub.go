package pubsub

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// HubOptions configure a [Hub]. nil and the zero value deny everything to clients.
type HubOptions struct {
	// Rules are asked in order; the first whose Topic matches counts.
	Rules []Rule
	// Broker carries publications and history; default a new [MemoryBroker]. Hubs that share one see each other's publications.
	Broker Broker
	// MaxSubscriptions bounds the subscriptions of one session; default 1000.
	MaxSubscriptions int
	// MaxPending bounds the publishes of one session that wait for the broker; more are refused. Default 256.
	MaxPending int
	// MaxPendingBytes bounds the bytes of those; default 8 MiB.
	MaxPendingBytes int
	// MemberGrace is how long a client that lost its connection stays a member; default 10 s.
	MemberGrace time.Duration
	// Logger receives what only an operator can act on; default slog.Default().
	Logger *slog.Logger
}

// Hub is the server's side of pub/sub: hand it to [transport.NewServer], once. It implements
// [transport.Pattern] and [Publisher]. All its methods may be called from several goroutines at once.
type Hub struct {
	opts   HubOptions
	lanes  []*lane
	byRule []*lane          // the lane of each rule
	byLog  map[string]*lane // those with history
	detach func()
	quick  bool // the broker does not wait: publications of clients need no goroutine
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup
}

// NewHub makes a hub. It panics on options that make no sense, for instance rules that share a log and
// keep different histories: that is a mistake of the program.
func NewHub(opts *HubOptions) *Hub {
	h := &Hub{byLog: make(map[string]*lane)}
	if opts != nil {
		h.opts = *opts
	}
	o := &h.opts
	if o.MaxSubscriptions < 0 || o.MaxPending < 0 || o.MaxPendingBytes < 0 || o.MemberGrace < 0 {
		panic("pubsub: negative value in HubOptions")
	}
	o.MaxSubscriptions = or(o.MaxSubscriptions, 1000)
	o.MaxPending = or(o.MaxPending, 256)
	o.MaxPendingBytes = or(o.MaxPendingBytes, 8<<20)
	o.MemberGrace = or(o.MemberGrace, 10*time.Second)
	if o.Broker == nil {
		o.Broker = NewMemoryBroker(nil)
	}
	_, h.quick = o.Broker.(*MemoryBroker)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Rules = append([]Rule(nil), o.Rules...)
	for i := range o.Rules {
		h.addRule(&o.Rules[i])
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.detach = o.Broker.Attach((*hubFeed)(h))
	return h
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (h *Hub) addRule(r *Rule) {
	r.check()
	log := ""
	if r.History != 0 {
		log = or(r.Log, r.Topic)
	}
	l := h.byLog[log]
	if l == nil {
		l = newLane(h, int64(len(h.lanes)+1), log, r.retention())
		h.lanes = append(h.lanes, l)
		if log != "" {
			h.byLog[log] = l
		}
	} else if l.keep != r.retention() {
		panic(fmt.Sprintf("pubsub: rules share log %q and keep different histories", log))
	}
	h.byRule = append(h.byRule, l)
}

// Name implements [transport.Pattern].
func (h *Hub) Name() string { return "pubsub" }

// Attach implements [transport.Pattern].
func (h *Hub) Attach(s *transport.Session) (transport.Receiver, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errClosed()
	}
	return newPeer(h, s), nil
}

// Close detaches the hub from its broker and waits for its goroutines. Close the server first. Idempotent.
func (h *Hub) Close() error {
	h.mu.Lock()
	first := !h.closed
	h.closed = true
	h.mu.Unlock()
	if first {
		h.cancel()
		h.detach()
		for _, l := range h.lanes {
			l.stop()
		}
	}
	h.work.Wait()
	return nil
}

// spawn runs fn on a goroutine that Close waits for; false if the hub is closed.
func (h *Hub) spawn(fn func()) bool {
	if !h.enter() {
		return false
	}
	go func() {
		defer h.work.Done()
		fn()
	}()
	return true
}

// enter has Close wait until the caller calls work.Done; false if the hub is closed.
func (h *Hub) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.work.Add(1)
	return true
}

// rule is the first rule that has a topic in common with name (a topic or filter), if it
// covers all of it; nil otherwise, since then no single rule can answer for it.
func (h *Hub) rule(name string) (*Rule, *lane) {
	for i := range h.opts.Rules {
		r := &h.opts.Rules[i]
		if covers(r.Topic, name) {
			return r, h.byRule[i]
		}
		if intersects(r.Topic, name) {
			return nil, nil
		}
	}
	return nil, nil
}

// Publish implements [Publisher]: the server itself publishes, whatever the rules' Publish says. It returns when the broker has
// accepted. ErrNoRule if no rule matches topic: then nobody could subscribe to it.
func (h *Hub) Publish(ctx context.Context, topic string, value any, opts ...PublishOption) (Position, error) {
	if err := checkTopic(topic); err != nil {
		return Position{}, err
	}
	o, err := publishOptionsOf(opts)
	if err != nil {
		return Position{}, err
	}
	_, l := h.rule(topic)
	if l == nil {
		return Position{}, status.New(status.FailedPrecondition, ErrNoRule, "no rule matches %s", topic)
	}
	payload, err := codec.Marshal(value)
	if err != nil {
		return Position{}, errBadValue(err)
	}
	if err := l.open(ctx); err != nil {
		return Position{}, err
	}
	return h.opts.Broker.Publish(ctx, l.log, Record{
		Topic: topic, Key: o.key, Metadata: o.raw, Payload: payload,
	})
}

// Members lists who is subscribed to topic on this node, in the order of joining. ErrNoMembers if its rule does not keep them.
func (h *Hub) Members(ctx context.Context, topic string) ([]Member, error) {
	if err := checkTopic(topic); err != nil {
		return nil, err
	}
	r, l := h.rule(topic)
	if r == nil || !r.Members {
		return nil, errNoMembers(topic)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.members(topic), nil
}

func errNoMembers(topic string) *status.Error {
	return status.New(status.FailedPrecondition, ErrNoMembers, "the members of %s are not kept", topic)
}

// hubFeed is the Feed of a Hub.
type hubFeed Hub

// Deliver implements [Feed].
func (f *hubFeed) Deliver(log string, records []*Record) {
	h := (*Hub)(f)
	if l := h.byLog[log]; l != nil {
		l.deliver(records)
		return
	}
	if log != "" {
		return // a log of other hubs
	}
	for i := range records {
		if _, l := h.rule(records[i].Topic); l != nil && l.log == "" {
			l.deliver(records[i : i+1])
		}
	}
}

// Reset implements [Feed].
func (f *hubFeed) Reset(log string) {
	for _, l := range f.lanes {
		if l.log == log {
			l.reset()
		}
	}
}
