package rpc

import (
	"errors"
	"slices"
	"time"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// begin sends what waits: a session has opened.
func (q *queue) begin() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.over = nil
	q.calm()
	q.kick()
}

// finish tells those who wait that no session will come any more. What is stored stays.
func (q *queue) finish(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.over = err
	q.calm()
	for _, c := range slices.Clone(q.list) {
		q.abandon(c)
	}
}

// abandon ends the wait for a call, and the call itself unless it is stored. The caller holds mu, as that of the next three.
func (q *queue) abandon(c *queuedCall) {
	if q.storage == nil {
		q.remove(c)
		c.cancel()
	}
	e := status.From(q.over)
	if q.storage != nil || c.sent {
		e = e.MaybeDone()
	}
	q.tell(c, Response{}, e)
}

// tell ends the wait for a call's result, if somebody waits. It reports whether somebody did.
func (q *queue) tell(c *queuedCall, resp Response, err error) bool {
	if !c.waiting {
		return false
	}
	c.waiting, c.resp, c.err = false, resp, err
	close(c.done)
	return true
}

// calm ends a pause.
func (q *queue) calm() {
	if q.again != nil {
		q.again.Stop()
		q.again = nil
	}
}

// kick begins to send if there is something, and somewhere to, and nobody does.
func (q *queue) kick() {
	if !q.sending && q.again == nil && q.over == nil && len(q.list) > 0 && q.peer.own() != nil {
		q.sending = true
		go q.send()
	}
}

// send sends one after another, until there is none, or no session, or the server has no time.
func (q *queue) send() {
	for {
		q.mu.Lock()
		l := q.peer.own()
		if l == nil || q.over != nil || len(q.list) == 0 || q.again != nil {
			q.sending = false
			q.mu.Unlock()
			return
		}
		c := q.list[0]
		before := c.sent
		c.sent = true
		q.mu.Unlock()

		resp, err := q.peer.send(c.ctx, &c.req)
		if status.CodeOf(err) != status.Unavailable && !errors.Is(err, ErrBusy) {
			q.settle(c, resp, err)
			continue
		}
		q.mu.Lock()
		c.sent = before || status.OutcomeUnknown(err)
		if q.over == nil && q.peer.own() == l { // it is not for want of a session
			q.again = time.AfterFunc(busyPause, q.resume)
		}
		q.mu.Unlock()
	}
}

// resume goes on after a pause.
func (q *queue) resume() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.again = nil
	q.kick()
}

// settle takes an answered call out, and tells who waits for it. If its record cannot be deleted, the call is made once more after a restart.
func (q *queue) settle(c *queuedCall, resp Response, err error) {
	q.mu.Lock()
	taken := q.remove(c)
	q.mu.Unlock()
	told := false
	if taken {
		c.cancel()
		q.erase(c)
		q.mu.Lock()
		told = q.tell(c, resp, err)
		q.mu.Unlock()
	}
	if told {
		return
	}
	resp.release()
	if taken && err != nil {
		q.peer.logger.Warn("rpc: a queued call was refused, and nobody waits for it", "method", c.req.Procedure, "error", err)
	}
}

// remove takes a call out of the list. It reports false if somebody else has. The caller holds mu.
func (q *queue) remove(c *queuedCall) bool {
	i := slices.Index(q.list, c)
	if i < 0 {
		return false
	}
	q.list = slices.Delete(q.list, i, i+1)
	q.bytes -= c.size
	return true
}

// erase deletes a call's record.
func (q *queue) erase(c *queuedCall) {
	if q.storage == nil {
		return
	}
	if err := q.storage.Apply([]transport.StorageChange{{Space: queueSpace, Key: c.key}}); err != nil {
		q.peer.logger.Error("rpc: the client's storage fails", "error", err)
	}
}
