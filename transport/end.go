package transport

import (
	"errors"
	"time"
)

// closeGrace is how long a session that ends may take to send what is queued and
// to see the peer's close frame. Then the connection is cut.
const closeGrace = 2 * time.Second

// end ends the session for the reason in e, unless it has ended already.
func (s *Session) end(e *ending) {
	if !s.ending.CompareAndSwap(nil, e) {
		return
	}
	o := &s.out
	o.mu.Lock()
	o.closed = true
	if e.cut || e.remote || e.code == CloseSlowConsumer || e.code == CloseHeartbeat {
		o.drop()
	}
	o.waiters = nil
	giveUp := s.giveUp
	o.mu.Unlock()
	s.cancel(e.err)
	if giveUp != nil {
		giveUp(e.err)
	}
	go s.shut(e)
}

// lost ends the session because of an error of its connection.
func (s *Session) lost(err error) {
	var c *CloseError
	if errors.As(err, &c) {
		s.end(&ending{code: c.Code, err: closeError(c.Code, c.Reason, err), remote: true})
		return
	}
	s.end(&ending{err: lostError(err), cut: true})
}

// shut takes the session down: receivers first, then the connection, politely as
// long as the peer plays along.
func (s *Session) shut(e *ending) {
	cut := time.AfterFunc(closeGrace, func() { s.conn.Close() })
	defer cut.Stop()
	if e.cut {
		s.conn.Close()
	}
	if s.open.Load() {
		s.detach(e.err)
	}
	o := &s.out
	o.mu.Lock()
	if o.pending() && !o.writing {
		o.writing = true
		s.startWriter()
	}
	for o.writing {
		o.waitIdle()
	}
	o.writing = true // for good
	o.mu.Unlock()
	if !e.cut && s.conn.WriteClose(e.code, e.reason) == nil && !e.remote {
		// Cutting now could throw away the close frame on its way: what the peer has
		// sent meanwhile and nobody reads makes the network reset the connection.
		<-s.readDone.channel()
	}
	s.conn.Close()
	<-s.readDone.channel()
	s.detach(e.err)
	s.work.Wait()
	for _, t := range []*time.Timer{s.handshake, s.watcher} {
		if t != nil {
			t.Stop()
		}
	}
	if s.host != nil {
		s.host.forget(s)
	}
	s.done.close()
}

// detach closes the receivers, each once, when none of them is receiving.
func (s *Session) detach(err error) {
	s.delivery.Lock()
	defer s.delivery.Unlock()
	if s.detached.closed() {
		return
	}
	for _, b := range s.bound {
		if b.receiver != nil {
			s.guard("Close", b.name, func() { b.receiver.Close(err) })
		}
	}
	s.detached.close()
}
