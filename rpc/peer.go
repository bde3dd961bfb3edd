package rpc

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/transport"
)

// Peer is one side's end of rpc: it holds the handlers, and the sessions to call on. It is a
// [transport.Pattern], given to a server, whose sessions it all serves, or to a
// client. All its methods may be called from several goroutines at once.
type Peer struct {
	max     int
	logger  *slog.Logger
	serving Func
	plain   bool         // without interceptors around serving
	calling Func         // nil without interceptors
	ids     atomic.Int64 // last call id given

	outCalls sync.Pool // of *outCall
	queue    *queue

	registering sync.Mutex
	methods     atomic.Pointer[map[string]*method] // replaced as a whole, so that reading it takes no lock

	mu      sync.RWMutex
	side    side
	links   map[transport.ID]*link // by client; on a client under the zero ID
	waiting map[transport.ID]*waiter
	over    error // why no session will come any more
}

// side is which end of the connection a peer has turned out to be.
type side int

const (
	sideUnknown side = iota // no session yet
	sideServer
	sideClient
)

// waiter is where calls with WaitReady wait for a session.
type waiter struct {
	opened chan struct{}
	calls  int
}

// NewPeer makes a peer. It panics on options that make no sense: a mistake of the program.
func NewPeer(opts *PeerOptions) *Peer {
	var o PeerOptions
	if opts != nil {
		o = *opts
	}
	if o.MaxConcurrent < 0 {
		panic("rpc: PeerOptions.MaxConcurrent is negative")
	}
	if o.MaxConcurrent == 0 {
		o.MaxConcurrent = 64
	}
	if o.QueueLength < 0 || o.QueueBytes < 0 {
		panic("rpc: a number in PeerOptions is negative")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	p := &Peer{
		max:     o.MaxConcurrent,
		logger:  o.Logger,
		links:   make(map[transport.ID]*link),
		waiting: make(map[transport.ID]*waiter),
	}
	p.outCalls.New = newOutCall
	p.methods.Store(&map[string]*method{})
	p.serving = chain(serve, o.Serving)
	p.plain = len(o.Serving) == 0
	if len(o.Calling) > 0 {
		p.calling = chain(p.sendIntercepted, o.Calling)
	}
	p.queue = newQueue(p, &o)
	return p
}

// Name implements [transport.Pattern].
func (p *Peer) Name() string { return "rpc" }

// Attach implements [transport.Pattern].
func (p *Peer) Attach(s *transport.Session) (transport.Receiver, error) { return p.open(s), nil }

func (p *Peer) open(w wire) *link {
	l := newLink(p, w)
	p.enter(l)
	if !w.Server() {
		p.queue.begin()
	}
	return l
}

// enter makes l the session of its client.
func (p *Peer) enter(l *link) {
	w := l.wire
	p.mu.Lock()
	defer p.mu.Unlock()
	p.side = sideClient
	if w.Server() {
		p.side = sideServer
		l.key = w.Client()
	}
	p.links[l.key] = l
	p.over = nil
	if w := p.waiting[l.key]; w != nil {
		close(w.opened)
		delete(p.waiting, l.key)
	}
}

// Finish implements [transport.Finisher]: calls that wait for a session fail with [ErrNotConnected], of which err is the cause.
func (p *Peer) Finish(err error) {
	over := errNotConnected.Because(err)
	p.queue.finish(over)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = over
	for key, w := range p.waiting {
		close(w.opened)
		delete(p.waiting, key)
	}
}

// own is a client's session, nil if there is none.
func (p *Peer) own() *link {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.links[transport.ID{}]
}

// drop forgets a session that can send no more, unless its client has a newer one already.
func (p *Peer) drop(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.links[l.key] == l {
		delete(p.links, l.key)
	}
}

// method is a handler, its types erased.
type method struct {
	name      string
	inline    bool
	authorize []authorize
	slow      atomic.Int32 // how often an inline handler took too long
	// run decodes the input, calls the handler, and appends the encoded result to b.
	run func(ctx context.Context, in input, b []byte) ([]byte, error)
	// bytes says that the input is bytes.
	bytes bool
}

func (p *Peer) register(m *method) {
	p.registering.Lock()
	defer p.registering.Unlock()
	methods := maps.Clone(*p.methods.Load())
	if methods[m.name] != nil {
		panic("rpc: method " + m.name + " is handled already")
	}
	methods[m.name] = m
	p.methods.Store(&methods)
}

// ready returns the session to call target on, and waits for one if it should.
func (p *Peer) ready(ctx context.Context, target transport.ID, wait bool) (*link, error) {
	p.mu.RLock()
	l, side, over := p.links[target], p.side, p.over
	p.mu.RUnlock()
	switch {
	case l != nil:
		return l, nil
	case target.IsZero() && side == sideServer:
		return nil, errServerPeer
	case !target.IsZero() && side == sideClient:
		return nil, errClientPeer
	case over != nil:
		return nil, over
	case !wait:
		return nil, errNotConnected
	}
	return p.await(ctx, target)
}

func (p *Peer) await(ctx context.Context, target transport.ID) (*link, error) {
	for {
		p.mu.Lock()
		if l := p.links[target]; l != nil {
			p.mu.Unlock()
			return l, nil
		}
		if p.over != nil || target.IsZero() && p.side == sideServer || !target.IsZero() && p.side == sideClient {
			p.mu.Unlock()
			return p.ready(ctx, target, false) // for the error
		}
		w := p.waiting[target]
		if w == nil {
			w = &waiter{opened: make(chan struct{})}
			p.waiting[target] = w
		}
		w.calls++
		p.mu.Unlock()
		select {
		case <-w.opened:
		case <-ctx.Done():
			p.mu.Lock()
			if w.calls--; w.calls == 0 && p.waiting[target] == w {
				delete(p.waiting, target)
			}
			p.mu.Unlock()
			return nil, contextError(ctx)
		}
	}
}

// serves reports whether this is a server's end.
func (p *Peer) serves() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.side == sideServer
}
