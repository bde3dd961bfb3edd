package dstm

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/replica"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// ClientOptions configure a [Client]. The zero value and nil are good.
type ClientOptions struct {
	// MaxPending bounds the transactions that wait for their answer, those made while there is no connection
	// included; Update of one more fails with ErrBusy. It also bounds the works with a name and the items of the inbox together; Submit of
	// one more fails with ErrBusy. Default 1,024.
	MaxPending int
	// Storage is where replicas, works and the inbox outlive the process; it must be that of transport.ClientOptions. NewClient reads it, which
	// may take a while. Default: nothing is stored.
	Storage transport.Storage
	// Transactions are those that may be submitted, or were by a process before. No two may have the same name.
	Transactions []Named
	// MaxCached and MaxCachedBytes bound the objects that are stored; those that were opened longest ago go first, but for those
	// that a work is about. Defaults 32 and 64 MiB.
	MaxCached, MaxCachedBytes int
	// Logger hears of a Storage that fails. Default slog.Default().
	Logger *slog.Logger
}

// Client is the client's side of dstm: replicas of the objects that are open, and the own
// transactions on their way. It is a [transport.Pattern]: give it to one transport.Dial or transport.Connect.
//
// When the connection drops, objects stay: View goes on with what was last seen, Update queues its transaction, shows it
// in View at once, and returns when it was decided after the reconnect. When the connection has ended for good (see
// transport.Client), so does what waits for it: Update and Open fail at once then, View and Changes go on with what is there. A
// new Dial with the same Client and the same key revives it, objects and all; what was sent before is still settled
// once, unseen. All methods may be called from several goroutines.
type Client struct {
	world    *world.World
	mu       sync.Mutex // guards all below; nothing waits while holding it
	core     *replica.Core
	session  world.Session
	full     bool // the session's queue is; pump goes on when it has drained
	replicas map[string]*shared
	waiting  map[uint64]chan replica.Event // submits, by sequence
	asking   map[uint64]chan replica.Event // questions about the past, by request
	retry    func()                        // ends the timer that runs, nil if none does
	closed   bool
	over     *status.Error // why no session will come any more
	steady   chan struct{} // closed when objects may all have come to one position; nil if nobody waits

	maxPending int
	disk       disk
	cache      cache
	works      works
	running    sync.Mutex // held while a transaction with a name runs; taken before mu

	commits ownCommits // guards itself
}

// retryRefused is after what time an object is asked for again that the server had no room or no store for.
const retryRefused = time.Second

var (
	errClientClosed = status.New(status.Unavailable, ErrClosed, "the client is closed")
	errObjectClosed = status.New(status.Unavailable, ErrClosed, "the object is closed")
)

// NewClient makes a Client. It panics on a negative option: a mistake of the program.
func NewClient(opts *ClientOptions) *Client { return newClient(world.Real, opts) }

func newClient(w *world.World, opts *ClientOptions) *Client {
	var o ClientOptions
	if opts != nil {
		o = *opts
	}
	if o.MaxPending < 0 || o.MaxCached < 0 || o.MaxCachedBytes < 0 {
		panic("dstm: a number in ClientOptions is negative")
	}
	c := &Client{
		world: w, maxPending: cmp.Or(o.MaxPending, 1024), replicas: make(map[string]*shared),
		waiting: make(map[uint64]chan replica.Event), asking: make(map[uint64]chan replica.Event),
	}
	c.prepare(&o)
	return c
}

// Name implements [transport.Pattern].
func (c *Client) Name() string { return "dstm" }

// Open opens the object called name and returns when its state has arrived: at once if another Object of
// the name is open already. It waits for a connection as long as ctx allows. The error is the server's refusal
// (ErrDenied for instance), ctx's, or ErrClosed. The caller closes the Object.
func (c *Client) Open(ctx context.Context, name string) (Object, error) {
	if !txn.ValidName(name) {
		return nil, status.New(status.InvalidArgument, ErrInvalid, "%q is no name for an object", name)
	}
	c.mu.Lock()
	if err := c.ended(); err != nil && (c.closed || !c.cache.holds(name) && c.replicas[name] == nil) {
		c.mu.Unlock()
		return nil, err
	}
	s := c.share(name)
	s.users++
	c.pump()
	if c.over != nil && !s.isReady() {
		defer c.mu.Unlock()
		c.release(s)
		return nil, c.over
	}
	c.mu.Unlock()
	c.world.Until(func() bool { return s.isReady() || ctx.Err() != nil })
	var err error
	if _, ok := world.Receive(ctx, s.ready); !ok {
		err = status.From(context.Cause(ctx))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && s.err != nil {
		err = s.err
	}
	if err != nil {
		c.release(s)
		return nil, err
	}
	return s.handle(), nil
}

// ended is why nothing can be begun any more, nil if it can.
func (c *Client) ended() *status.Error {
	if c.closed {
		return errClientClosed
	}
	return c.over
}

// Close ends the use of all objects: their Updates and Changes end with ErrClosed, which says Unknown for
// what may have been sent. What is to be stored is, before it returns; works that are stored go on with the next client
// that has the Storage. The connection stays open. Idempotent; it always returns nil.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	if c.retry != nil {
		c.retry()
	}
	c.settle(errClientClosed)
	c.mu.Unlock()
	c.disk.finish()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.works.order {
		if w.unpause != nil {
			w.unpause()
		}
		w.handle.finish(nil, errClientClosed.MaybeDone())
	}
	c.works.changed()
	for _, name := range slices.Sorted(maps.Keys(c.replicas)) {
		c.end(c.replicas[name], errClientClosed)
		c.core.Close(name)
	}
	c.pump()
	return nil
}

// settle ends the wait for all answers: of transactions, what was never sent is taken back, anything else is unknown.
func (c *Client) settle(err *status.Error) {
	// The last first: what depends on another must not be refused because that one went.
	for _, sequence := range slices.Backward(slices.Sorted(maps.Keys(c.waiting))) {
		answer := c.waiting[sequence]
		lost := err.MaybeDone()
		if c.core.Withdraw(sequence) {
			lost = err
		}
		delete(c.waiting, sequence)
		answer <- replica.Event{Kind: replica.Settled, Sequence: sequence, Err: lost}
	}
	for request, answer := range c.asking {
		c.core.Forget(request)
		delete(c.asking, request)
		answer <- replica.Event{Kind: replica.Answered, Request: request, Err: err}
	}
	c.wakeSteady()
}

// Attach implements [transport.Pattern].
func (c *Client) Attach(s *transport.Session) (transport.Receiver, error) {
	if s.Server() {
		return nil, status.New(status.FailedPrecondition, "dstm.client_only", "a dstm.Client serves no sessions; a Store does")
	}
	return c.attach(s), nil
}

func (c *Client) attach(s world.Session) transport.Receiver {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != nil {
		c.core.Lost()
	}
	c.session, c.full = s, false
	c.setOver(nil)
	c.reopen()
	c.core.Connected(s.Client())
	c.pump()
	return &clientReceiver{client: c, session: s}
}

// clientReceiver takes the frames of one session.
type clientReceiver struct {
	client  *Client
	session world.Session
}

// Receive implements [transport.Receiver]; frames of a session that is not the client's any more are dropped.
func (r *clientReceiver) Receive(f transport.Frame) error {
	c := r.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != r.session {
		return nil
	}
	err := c.core.Receive(f)
	c.pump()
	return err
}

// Close implements [transport.Receiver].
func (r *clientReceiver) Close(err error) {
	c := r.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != r.session {
		return
	}
	c.session, c.full = nil, false
	c.core.Lost()
	c.wakeSteady() // what was on its way comes no more
	c.pump()
}

// pump tells what has happened, sends what there is to send, and stores what there is to store. Whoever gave the core
// an input calls it, with the mutex held.
func (c *Client) pump() {
	c.send()
	c.disk.flush()
	c.kick()
}

func (c *Client) send() {
	for {
		c.deliver()
		c.due()
		if c.session == nil || c.full {
			return
		}
		frame := c.core.Next()
		if frame == nil {
			break
		}
		switch err := c.session.TrySend(frame); {
		case err == nil:
			c.core.Sent()
		case status.From(err).Is(transport.ErrFull):
			c.full = true
			session := c.session
			session.AfterDrain(func() { c.drained(session) })
		case status.From(err).Is(transport.ErrFrameTooLarge):
			c.core.Unsendable(status.New(status.ResourceExhausted, ErrTooLarge, "the server accepts no frame that large"))
		default:
			return // the session has ended; its Close comes
		}
	}
	if c.core.Waiting() && c.retry == nil {
		c.retry = c.world.After(retryRefused, c.again)
	}
}

// drained goes on sending to a session whose queue was full.
func (c *Client) drained(s world.Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == s {
		c.full = false
		c.pump()
	}
}

// again asks once more for objects that the server had no time for.
func (c *Client) again() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retry = nil
	c.core.Again()
	c.pump()
}

// Finish implements [transport.Finisher]: it ends what waits for a connection that will not come
// back. What may have been sent has an unknown outcome. Objects that are open stay readable.
func (c *Client) Finish(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := status.From(err)
	if e.Code == status.Unknown { // a dialer's own error
		e = status.New(status.Unavailable, ErrClosed, "there is no connection and will be none").Because(err)
	}
	c.setOver(e)
	c.settle(e)
	for _, name := range slices.Sorted(maps.Keys(c.replicas)) {
		if s := c.replicas[name]; !s.isReady() {
			c.core.Close(name)
			c.end(s, e)
		}
	}
	c.pump()
}

// setOver notes why no session will come any more, nil if one has: then nothing changes, and nobody may sleep until it does.
func (c *Client) setOver(err *status.Error) {
	c.over = err
	var why error // a nil *status.Error is no nil error
	if err != nil {
		why = err
	}
	for _, s := range c.replicas {
		for _, h := range s.handles {
			h.feed.stall(why)
		}
	}
}
