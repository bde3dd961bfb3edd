package rpc

import "sync"

// outbound holds the calls of one session that wait for their answers. Whoever takes a call out of it settles it: the
// answer, the end of the session, or the caller that gives up. So each settles exactly once.
//
// Ids are given in order and most calls are answered soon, so nearly all find a place of their own in recent, where a map would be
// looked up and changed twice for each call. A call whose place is taken, by one that waits for longer, is in the map.
type outbound struct {
	mu     sync.Mutex
	closed bool
	recent *[recentCalls]*outCall // by id; nil until the first call
	others map[int64]*outCall
}

// recentCalls is more than most programs have in flight.
const recentCalls = 256

func (o *outbound) add(c *outCall) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	if o.recent == nil {
		o.recent = new([recentCalls]*outCall)
	}
	if place := &o.recent[c.id%recentCalls]; *place == nil {
		*place = c
		return true
	}
	if o.others == nil {
		o.others = make(map[int64]*outCall)
	}
	o.others[c.id] = c
	return true
}

// take removes the call of that id, nil if there is none. An id is a peer's word, but positive.
func (o *outbound) take(id int64) *outCall {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.recent == nil {
		return nil
	}
	place := &o.recent[id%recentCalls]
	if c := *place; c != nil && c.id == id {
		*place = nil
		return c
	}
	c := o.others[id]
	if c != nil {
		delete(o.others, id)
	}
	return c
}

// close takes all calls out, and lets none in any more.
func (o *outbound) close() (calls []*outCall) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.recent != nil {
		for _, c := range o.recent {
			if c != nil {
				calls = append(calls, c)
			}
		}
	}
	for _, c := range o.others {
		calls = append(calls, c)
	}
	o.closed, o.recent, o.others = true, nil, nil
	return calls
}
