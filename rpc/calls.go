package rpc

import "sync"

// outbound holds the calls of one session that wait for their answers. Whoever takes a call out of it settles it: the
// answer, the end of the session, or the caller that gives up. So each settles exactly once.
type outbound struct {
	mu     sync.Mutex
	closed bool
	calls  byID[outCall]
}

func (o *outbound) add(c *outCall) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	o.calls.put(c.id, c)
	return true
}

func (o *outbound) take(id int64) *outCall {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.calls.remove(id)
}

func (o *outbound) close() []*outCall {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	return o.calls.removeAll()
}
