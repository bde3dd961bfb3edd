package transport

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/status"
)

// MemoryClusterOptions configure a [MemoryCluster]. The zero value and nil are good.
type MemoryClusterOptions struct {
	// Lease is how long a node that crashed stays known; default 10 s.
	Lease time.Duration
	// Inbox bounds the messages that wait for one node's handler; default 1,024.
	Inbox int
}

// MemoryCluster is a [Cluster] of nodes within one process, for tests and for programs that run several
// servers. All its methods may be called from several goroutines at once.
type MemoryCluster struct {
	lease time.Duration
	inbox int

	mu       sync.Mutex
	nodes    map[ID]*memoryNode
	sessions map[ID]*memorySession
	clients  map[ID]map[ID]*memorySession // the same by client: each hello asks for one client's
}

// put adds a session, or replaces it. The caller holds mu.
func (c *MemoryCluster) put(s *memorySession) {
	c.drop(s.record.Session)
	c.sessions[s.record.Session] = s
	of := c.clients[s.record.Client]
	if of == nil {
		of = make(map[ID]*memorySession)
		c.clients[s.record.Client] = of
	}
	of[s.record.Session] = s
}

// drop removes a session. The caller holds mu.
func (c *MemoryCluster) drop(session ID) {
	s := c.sessions[session]
	if s == nil {
		return
	}
	delete(c.sessions, session)
	of := c.clients[s.record.Client]
	if delete(of, session); len(of) == 0 {
		delete(c.clients, s.record.Client)
	}
}

// memorySession is a session's record and its node.
type memorySession struct {
	record SessionRecord
	node   *memoryNode
}

// memoryNode is the [Membership] of one node. Its fields are guarded by the cluster's mutex, which is
// never held while a handler runs.
type memoryNode struct {
	cluster *MemoryCluster
	id      ID
	handler ClusterHandler

	inbox   []memoryMessage
	running bool          // a goroutine is delivering the inbox
	idle    chan struct{} // closed when it has ended; made by Leave
	crashed bool          // no longer renews; known to others until expires
	expires time.Time     // by the monotonic clock; counts if crashed
	lapse   *time.Timer
	gone    bool
	done    chan struct{}
}

// memoryMessage is what one node sent to another.
type memoryMessage struct {
	from, session ID
	msg           []byte
	close         bool
	code          CloseCode
	reason        string
}

// NewMemoryCluster makes a cluster without members. It panics on negative options.
func NewMemoryCluster(opts *MemoryClusterOptions) *MemoryCluster {
	var o MemoryClusterOptions
	if opts != nil {
		o = *opts
	}
	if o.Lease < 0 || o.Inbox < 0 {
		panic("transport: MemoryClusterOptions are negative")
	}
	if o.Lease == 0 {
		o.Lease = 10 * time.Second
	}
	if o.Inbox == 0 {
		o.Inbox = 1024
	}
	return &MemoryCluster{
		lease: o.Lease, inbox: o.Inbox,
		nodes: make(map[ID]*memoryNode), sessions: make(map[ID]*memorySession),
		clients: make(map[ID]map[ID]*memorySession),
	}
}

// Lease is how long a node that crashed stays known.
func (c *MemoryCluster) Lease() time.Duration { return c.lease }

// Crash makes node behave as if its process had died: its lease is not renewed, nothing reaches it, and its membership can
// do nothing any more. The others see it until its lease lapses. For tests.
func (c *MemoryCluster) Crash(node ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[node]
	if n == nil || n.crashed {
		return
	}
	n.crashed, n.inbox = true, nil
	n.expires = time.Now().Add(c.lease)
	n.lapse = time.AfterFunc(c.lease, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		n.remove()
	})
}

// Join implements [Cluster].
func (c *MemoryCluster) Join(ctx context.Context, node ID, handler ClusterHandler) (Membership, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.From(err)
	}
	if node.IsZero() || handler == nil {
		return nil, status.New(status.InvalidArgument, "", "a node needs an id and a handler")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nodes[node].alive() {
		return nil, status.New(status.AlreadyExists, ErrNodeExists, "the node is a member already")
	}
	n := &memoryNode{cluster: c, id: node, handler: handler, done: make(chan struct{})}
	c.nodes[node] = n
	return n, nil
}

// alive reports whether n is a member; the lapse of a lease counts from its moment, not
// from when the timer fires. If it has lapsed, n goes.
func (n *memoryNode) alive() bool {
	if n == nil || n.gone {
		return false
	}
	if n.crashed && !time.Now().Before(n.expires) {
		n.remove()
		return false
	}
	return true
}

// remove ends the membership. Whatever waits for the handler is lost.
func (n *memoryNode) remove() {
	if n.gone {
		return
	}
	n.gone, n.inbox = true, nil
	if n.lapse != nil {
		n.lapse.Stop()
	}
	delete(n.cluster.nodes, n.id)
	for id, s := range n.cluster.sessions {
		if s.node == n {
			n.cluster.drop(id)
		}
	}
	close(n.done)
}

// enter begins an operation of a member: it takes the lock, if the membership lasts.
func (n *memoryNode) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return status.From(err)
	}
	n.cluster.mu.Lock()
	if !n.alive() || n.crashed {
		n.cluster.mu.Unlock()
		return status.New(status.Unavailable, ErrNotMember, "the node is no longer a member")
	}
	return nil
}

// Register implements [Membership].
func (n *memoryNode) Register(ctx context.Context, r SessionRecord) error {
	if r.Session.IsZero() {
		return status.New(status.InvalidArgument, "", "a session record needs the session's id")
	}
	if err := n.enter(ctx); err != nil {
		return err
	}
	defer n.cluster.mu.Unlock()
	if s := n.cluster.sessions[r.Session]; s != nil && s.node != n && s.node.alive() {
		return status.New(status.AlreadyExists, ErrSessionExists, "another node holds the session")
	}
	r.Node = n.id
	n.cluster.put(&memorySession{r, n})
	return nil
}

// Unregister implements [Membership].
func (n *memoryNode) Unregister(ctx context.Context, session ID) error {
	if err := n.enter(ctx); err != nil {
		return err
	}
	defer n.cluster.mu.Unlock()
	if s := n.cluster.sessions[session]; s != nil && s.node == n {
		n.cluster.drop(session)
	}
	return nil
}

// Sessions implements [Membership]. It yields what there was at its beginning.
func (n *memoryNode) Sessions(ctx context.Context, f SessionFilter) iter.Seq2[SessionRecord, error] {
	return func(yield func(SessionRecord, error) bool) {
		if err := n.enter(ctx); err != nil {
			yield(SessionRecord{}, err)
			return
		}
		var records []SessionRecord
		from := n.cluster.sessions
		if !f.Client.IsZero() {
			from = n.cluster.clients[f.Client]
		}
		for _, s := range from {
			if f.Match(s.record) && s.node.alive() {
				records = append(records, s.record)
			}
		}
		n.cluster.mu.Unlock()
		for _, r := range records {
			if err := ctx.Err(); err != nil {
				yield(SessionRecord{}, status.From(err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// SendTo implements [Membership].
func (n *memoryNode) SendTo(ctx context.Context, session ID, msg []byte) error {
	return n.post(ctx, memoryMessage{from: n.id, session: session, msg: append([]byte(nil), msg...)})
}

// CloseSession implements [Membership].
func (n *memoryNode) CloseSession(ctx context.Context, session ID, code CloseCode, reason string) error {
	return n.post(ctx, memoryMessage{from: n.id, session: session, close: true, code: code, reason: reason})
}

func (n *memoryNode) post(ctx context.Context, m memoryMessage) error {
	if err := n.enter(ctx); err != nil {
		return err
	}
	defer n.cluster.mu.Unlock()
	s := n.cluster.sessions[m.session]
	if s == nil || !s.node.alive() {
		return status.New(status.NotFound, ErrNoSession, "no node holds the session")
	}
	to := s.node
	if to.crashed {
		return nil // it is on its way to a node that is no more
	}
	if len(to.inbox) >= n.cluster.inbox {
		return status.New(status.ResourceExhausted, ErrFull, "the session's node is behind")
	}
	to.inbox = append(to.inbox, m)
	if !to.running {
		to.running = true
		go to.deliver()
	}
	return nil
}

// deliver hands the inbox to the handler and ends when it is empty.
func (n *memoryNode) deliver() {
	for {
		n.cluster.mu.Lock()
		if len(n.inbox) == 0 {
			n.running = false
			if n.idle != nil {
				close(n.idle)
				n.idle = nil
			}
			n.cluster.mu.Unlock()
			return
		}
		m := n.inbox[0]
		n.inbox = n.inbox[1:]
		n.cluster.mu.Unlock()
		if m.close {
			n.handler.Close(m.from, m.session, m.code, m.reason)
		} else {
			n.handler.Deliver(m.from, m.session, m.msg)
		}
	}
}

// Done implements [Membership].
func (n *memoryNode) Done() <-chan struct{} { return n.done }

// Leave implements [Membership].
func (n *memoryNode) Leave(ctx context.Context) error {
	n.cluster.mu.Lock()
	if n.alive() && !n.crashed {
		n.remove()
	}
	var idle chan struct{}
	if n.running {
		if n.idle == nil {
			n.idle = make(chan struct{})
		}
		idle = n.idle
	}
	n.cluster.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return status.From(ctx.Err())
	}
}
