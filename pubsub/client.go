package pubsub

import (
	"cmp"
	"context"
	"log/slog"
	"sync"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// ClientOptions configure a [Client]. nil and the zero value are good.
type ClientOptions struct {
	// MaxPending bounds how many publishes and queries may wait for their answers; more fail at once with ErrTooMany. Default 256.
	MaxPending int
	// Storage keeps what is published with [Queued] over a restart; it is that of transport.ClientOptions. Default: memory.
	Storage transport.Storage
	// QueueLength and QueueBytes bound what is queued; defaults 256 and 1 MiB.
	QueueLength, QueueBytes int
	// Refused is told of a queued publication that the server refused; it must not block.
	Refused func(topic string, value codec.Raw, err error)
	// Logger hears of what is refused and of a Storage that fails. Default slog.Default().
	Logger *slog.Logger
}

// Client is the client's side of pub/sub: hand it to [transport.Dial], once. It implements
// [transport.Pattern] and [Publisher]. All its methods may be called from several goroutines at once.
type Client struct {
	opts ClientOptions

	mu     sync.Mutex
	closed error // why, once it is
	link   *link // nil while there is no session
	lastID int64 // of requests and subscriptions, over all sessions
	wires  map[int64]*wire
	order  []*wire // as they were made, to subscribe again in that order
	match  matcher[*wire]

	outbox outbox // guards itself
}

// NewClient makes a client. It panics on negative options.
func NewClient(opts *ClientOptions) *Client {
	c := &Client{wires: make(map[int64]*wire)}
	if opts != nil {
		c.opts = *opts
	}
	if c.opts.MaxPending < 0 || c.opts.QueueLength < 0 || c.opts.QueueBytes < 0 {
		panic("pubsub: a number in ClientOptions is negative")
	}
	c.opts.MaxPending = or(c.opts.MaxPending, 256)
	c.outbox = outbox{
		client: c, storage: c.opts.Storage, length: or(c.opts.QueueLength, 256), most: or(c.opts.QueueBytes, 1<<20),
		log: cmp.Or(c.opts.Logger, slog.Default()), refused: c.opts.Refused,
	}
	c.outbox.load()
	return c
}

// Name implements [transport.Pattern].
func (c *Client) Name() string { return "pubsub" }

// Attach implements [transport.Pattern]: whatever was subscribed is subscribed again, from where it stood.
func (c *Client) Attach(s *transport.Session) (transport.Receiver, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := &link{client: c, session: s, calls: make(map[int64]*call)}
	if c.closed != nil {
		l.ended = true // the other patterns may go on
		return l, nil
	}
	c.link = l
	for _, w := range c.order {
		w.detached()
	}
	l.flush()
	c.outbox.kick()
	return l, nil
}

// connected reports whether there is a session.
func (c *Client) connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link != nil
}

// Close ends all subscriptions and fails what waits for an answer. It does not close the connection. Idempotent.
func (c *Client) Close() error {
	c.finish(errClosed())
	return nil
}

// Finish implements [transport.Finisher]: when no session will come any more, all subscriptions end.
func (c *Client) Finish(err error) { c.finish(errClosed().Because(err)) }

func (c *Client) finish(err error) {
	c.mu.Lock()
	if c.closed != nil {
		c.mu.Unlock()
		return
	}
	c.closed = err
	wires, l := c.order, c.link
	c.order, c.link = nil, nil
	clear(c.wires)
	c.match = matcher[*wire]{}
	for _, w := range wires {
		w.finish(err)
	}
	c.mu.Unlock()
	for _, w := range wires {
		if l != nil {
			_ = l.session.TrySend(w.unsubscribeFrame()) // as a courtesy
		}
	}
	if l != nil {
		l.settleAll()
	}
}

// Publish implements [Publisher]. Without a session it fails at once with ErrNotConnected, unless it is [Queued]. When the session ends, or ctx is done,
// before the answer came, the outcome is unknown.
func (c *Client) Publish(ctx context.Context, topic string, value any, opts ...PublishOption) (Position, error) {
	if err := checkTopic(topic); err != nil {
		return Position{}, err
	}
	o, err := publishOptionsOf(opts)
	if err != nil {
		return Position{}, err
	}
	flags := int64(0)
	if o.notToMyself {
		flags |= flagNotToMyself
	}
	if o.queued {
		return Position{}, c.keep(topic, value, flags, &o)
	}
	r, err := c.request(ctx, func(id int64) ([]byte, error) {
		b := header(make([]byte, 0, 128+len(o.raw)), 8, kindPublish)
		b = codec.AppendInt(codec.AppendString(b, topic), id)
		b = codec.AppendInt(b, flags)
		b = appendRaw(b, o.raw)
		b, err := codec.AppendValue(b, value)
		if err != nil {
			return nil, errBadValue(err)
		}
		return appendText(b, o.key), nil
	})
	return r.at, err
}

// keep queues a publication.
func (c *Client) keep(topic string, value any, flags int64, o *publishOptions) error {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed != nil {
		return closed
	}
	raw, err := codec.AppendValue(nil, value)
	if err != nil {
		return errBadValue(err)
	}
	return c.outbox.add(kept{topic: topic, flags: flags, raw: o.raw, value: raw, about: o.key})
}

// Members lists who is subscribed to topic on the server's node, in the order of joining. It needs the permission to subscribe.
// ErrNoMembers if the topic's rule does not keep them; ErrNotConnected at once without a session.
func (c *Client) Members(ctx context.Context, topic string) ([]Member, error) {
	if err := checkTopic(topic); err != nil {
		return nil, err
	}
	r, err := c.request(ctx, func(id int64) ([]byte, error) {
		b := header(make([]byte, 0, 32+len(topic)), 4, kindMembers)
		return codec.AppendInt(codec.AppendString(b, topic), id), nil
	})
	return r.members, err
}

// call is a request that waits for its answer. It settles once: by whoever takes it out of link.calls.
type call struct {
	done chan struct{}
	result
}

// result is what came of a call.
type result struct {
	at      Position
	members []Member
	err     error
}

// request sends one request and waits for what becomes of it.
func (c *Client) request(ctx context.Context, frame func(id int64) ([]byte, error)) (result, error) {
	if err := ctx.Err(); err != nil {
		return result{}, status.From(err)
	}
	c.mu.Lock()
	l, closed := c.link, c.closed
	c.lastID++
	id := c.lastID
	c.mu.Unlock()
	if closed != nil {
		return result{}, closed
	}
	if l == nil {
		return result{}, errNotConnected()
	}
	b, err := frame(id)
	if err != nil {
		return result{}, err
	}
	k := &call{done: make(chan struct{})}
	if err := l.register(id, k); err != nil {
		return result{}, err
	}
	if err := l.session.Send(ctx, b); err != nil {
		l.take(id)
		return result{}, sendError(err)
	}
	select {
	case <-k.done:
	case <-ctx.Done():
		if l.take(id) != nil { // nobody else will settle it
			e := status.From(ctx.Err())
			return result{}, e.MaybeDone()
		}
		<-k.done
	}
	return k.result, k.err
}
