package rpc

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// busyPause is after what time a queued call is sent again that the server had no time for.
const busyPause = time.Second

// queue holds a client's calls that are [Queued] until they are answered. The peer's mutex may be taken while mu is held, never the other way round.
type queue struct {
	peer    *Peer
	storage transport.Storage // nil: memory alone
	length  int
	most    int        // bytes
	adding  sync.Mutex // held while one is stored, so that they are in order; taken before mu

	mu      sync.Mutex
	list    []*queuedCall
	bytes   int
	last    uint64
	sending bool
	again   *time.Timer // the server had no time
	over    error       // why no session will come any more
}

// queuedCall is one call in a queue. What stands below size is guarded by the queue's mutex until done is closed.
type queuedCall struct {
	key    string // of its record
	req    Request
	size   int
	ctx    context.Context // done when it was taken back
	cancel context.CancelFunc
	done   chan struct{}

	sent    bool // it may have been
	waiting bool // for the result, and done is open
	resp    Response
	err     error
}

func newQueue(p *Peer, o *PeerOptions) *queue {
	q := &queue{peer: p, storage: o.Storage, length: o.QueueLength, most: o.QueueBytes}
	if q.length == 0 {
		q.length = 256
	}
	if q.most == 0 {
		q.most = 1 << 20
	}
	q.load()
	return q
}

// load takes up what a process before has left. A record that cannot be read is left alone.
func (q *queue) load() {
	if q.storage == nil {
		return
	}
	data, err := q.storage.Load(queueSpace)
	if err != nil {
		q.peer.logger.Error("rpc: the client's storage cannot be read; nothing is stored", "error", err)
		q.storage = nil
		return
	}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		var n uint64
		if _, err := fmt.Sscanf(key, "queue/%016x", &n); err == nil {
			q.last = max(q.last, n)
		}
		req, err := readQueued(key, data[key])
		if err != nil {
			q.peer.logger.Error("rpc: a record of the client's storage cannot be used; it is left alone", "record", key, "error", err)
			continue
		}
		c := newQueuedCall(key, req, len(data[key]))
		c.sent = true
		q.list = append(q.list, c)
		q.bytes += c.size
	}
}

func newQueuedCall(key string, req Request, size int) *queuedCall {
	c := &queuedCall{key: key, req: req, size: size, done: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// call queues a call and waits for its answer.
func (q *queue) call(ctx context.Context, req *Request) (Response, error) {
	if !req.idempotent || req.Notify || !req.Client.IsZero() {
		return Response{}, errNotQueued
	}
	c, err := q.add(req)
	if err != nil {
		return Response{}, err
	}
	select {
	case <-c.done:
		return c.resp, c.err
	case <-ctx.Done():
	}
	q.mu.Lock()
	sent := c.sent
	taken := q.remove(c)
	q.mu.Unlock()
	if !taken { // it is being settled at this moment
		<-c.done
		return c.resp, c.err
	}
	c.cancel()
	q.erase(c)
	e := contextError(ctx)
	if sent {
		e = e.MaybeDone()
	}
	return Response{}, e
}

// add keeps a call, in the storage if there is one.
func (q *queue) add(req *Request) (*queuedCall, error) {
	q.adding.Lock()
	defer q.adding.Unlock()
	q.mu.Lock()
	q.last++
	key := fmt.Sprintf("queue/%016x", q.last)
	record := appendQueued(key, req)
	over, full := q.over, len(q.list) >= q.length || q.bytes+len(record) > q.most
	q.mu.Unlock()
	switch {
	case q.peer.serves():
		return nil, errServerPeer
	case over != nil:
		return nil, over
	case full:
		return nil, errQueueFull
	}
	// What the caller lent, it may use again when the call has been taken back.
	own := Request{Info: Info{Procedure: req.Procedure, Metadata: maps.Clone(req.Metadata)}, Payload: slices.Clone(req.Payload), peer: q.peer}
	c := newQueuedCall(key, own, len(record))
	c.waiting = true
	if q.storage != nil {
		if err := q.storage.Apply([]transport.StorageChange{{Space: queueSpace, Key: key, Value: record}}); err != nil {
			c.cancel()
			return nil, status.From(err)
		}
	}
	q.mu.Lock()
	q.list = append(q.list, c)
	q.bytes += c.size
	if q.over != nil {
		q.abandon(c)
	}
	q.kick()
	q.mu.Unlock()
	return c, nil
}
