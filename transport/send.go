package transport

import (
	"context"
)

// TrySend queues one msgpack frame and never waits. It copies frame, which stays
// the caller's. Errors: [ErrFull] if the outbound budget has no room now (nothing
// was queued; see [Session.AfterDrain]), [ErrFrameTooLarge] if the peer would not accept it, or
// the session's error if it has ended. A frame larger than the whole budget is accepted
// only while nothing else is queued.
func (s *Session) TrySend(frame []byte) error { return s.trySend(frame, false) }

// trySend is TrySend; with direct the caller is the writer if that can be.
func (s *Session) trySend(frame []byte, direct bool) error {
	if !s.json {
		return s.queue(frame, frame, false, direct)
	}
	p := takeBuffer(len(frame) * 2)
	line, err := appendLine(p.b, frame)
	if err != nil {
		p.release()
		return err
	}
	if len(line) > chunkSize { // it will wait as a whole: let it be kept
		return s.queue(line, frame, true, direct)
	}
	err = s.queue(line, frame, false, direct)
	p.release()
	return err
}

// TrySendShared is TrySend of a frame that many sessions share: it is encoded once
// for each codec, and a large one is not copied.
func (s *Session) TrySendShared(f *Shared) error {
	if !s.json {
		return s.queue(f.frame, f.frame, true, false)
	}
	line, err := f.line()
	if err != nil {
		return err
	}
	return s.queue(line, f.frame, true, false)
}

// queue puts a frame into the outbound queue and sees to it that somebody writes, with direct
// the caller if that can be.
func (s *Session) queue(wire, raw []byte, keep, direct bool) error {
	o := &s.out
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return s.Err()
	}
	err := o.put(wire, raw, keep)
	if err == nil {
		if direct = direct && s.mayWrite(); !direct {
			s.wake()
		}
	}
	o.mu.Unlock()
	if err == nil && direct {
		s.direct(len(wire))
	}
	return err
}

// queueControl queues a control frame in msgpack. Without room for it the session ends.
func (s *Session) queueControl(frame []byte) {
	if s.json {
		var err error
		if frame, err = appendLine(nil, frame); err != nil {
			s.Close(CloseInternal, "")
			return
		}
	}
	o := &s.out
	o.mu.Lock()
	ok := o.closed || o.putControl(frame)
	if ok && !o.closed {
		s.wake()
	}
	o.mu.Unlock()
	if !ok {
		s.Close(CloseSlowConsumer, "the outbound queue and its reserve are full")
	}
}

// Send is TrySend that waits for room until ctx is done or the session ends.
// Never call it from [Receiver.Receive].
func (s *Session) Send(ctx context.Context, frame []byte) error {
	for {
		err := s.trySend(frame, true)
		if err != errFull {
			return err
		}
		room := make(chan struct{})
		s.out.mu.Lock()
		level := max(0, min(s.out.budget/2, s.out.budget-len(frame)))
		cancel := s.wait(level, func() { close(room) })
		s.out.mu.Unlock()
		select {
		case <-room:
		case <-s.ctx.Done():
			return s.Err()
		case <-ctx.Done():
			cancel()
			return context.Cause(ctx)
		}
	}
}

// AfterDrain calls fn once, on a goroutine of the transport, when the outbound queue has
// fallen to half of its budget; at once (but not before AfterDrain returns) if it is already there. fn must not
// wait. It is not called after the session has ended.
func (s *Session) AfterDrain(fn func()) {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	s.wait(s.out.budget/2, fn)
}

// wait calls fn when no more than level bytes are queued. The caller holds out.mu.
func (s *Session) wait(level int, fn func()) (cancel func()) {
	o := &s.out
	switch {
	case o.closed:
		return func() {}
	case o.size > level:
		w := &waiter{level, fn}
		o.waiters = append(o.waiters, w)
		return func() { o.forget(w) }
	}
	s.work.Go(func() { s.drained(fn) })
	return func() {}
}

// drained calls what waited for the queue to drain.
func (s *Session) drained(fn func()) {
	if s.ending.Load() == nil {
		s.guard("AfterDrain", "", fn)
	}
}
