package transport

import "bytes"

// wake sees to it that somebody writes what is queued. The caller holds out.mu.
// A server's busy reader will, before it waits: many answers leave in one
// message then, without a goroutine. A client's reader never writes: two ends
// that both wrote while reading would in the end wait for each other for ever.
func (s *Session) wake() {
	if s.out.needsWriter() {
		s.out.writing = true
		s.startWriter()
	}
}

// needsWriter reports whether nobody writes, and nobody is about to.
func (o *outbound) needsWriter() bool {
	return !o.writing && (!o.reading || o.size > handOver)
}

// startWriter starts a writer that takes over o.writing.
func (s *Session) startWriter() {
	s.work.Add(1)
	go s.writeFn()
}

// write is the writer goroutine: it lives as long as something is queued.
func (s *Session) write() {
	defer s.work.Done()
	s.flush(false)
}

// flush writes until nothing is queued. The caller has set out.writing. A reader
// (which must get back to reading) leaves to a writer what is more than it may write itself.
func (s *Session) flush(reader bool) {
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.pending() {
		if reader && o.size > handOver {
			s.startWriter()
			return
		}
		taken, err := s.sendNext()
		if !s.wrote(taken, err) {
			return
		}
	}
	o.stopWriting()
}

// sendNext writes one message, or what is left of one, and waits for it. The caller holds out.mu.
func (s *Session) sendNext() (taken int, err error) {
	o := &s.out
	if s.try != nil && o.heldSize == 0 {
		taken, whole, err := s.tryNext()
		if whole {
			return taken, err
		}
	}
	if o.heldSize > 0 {
		framed, taken := o.held, o.heldSize
		o.held, o.heldSize = nil, 0
		o.mu.Unlock()
		defer o.mu.Lock()
		s.writeFrom.Store(s.now())
		err = s.try.finish(framed)
		s.writeFrom.Store(0)
		s.lastWrite.Store(s.now())
		return taken, err
	}
	msg, taken := o.next()
	o.mu.Unlock()
	defer o.mu.Lock()
	err = s.send(msg.b)
	msg.release()
	return taken, err
}

// tryNext takes the next message and writes as much of it as goes without waiting. If that is not the whole, what is left is held for
// sendNext. The caller holds out.mu, and nothing is held already.
func (s *Session) tryNext() (taken int, whole bool, err error) {
	o := &s.out
	framed, own, taken := o.nextFramed()
	o.mu.Unlock()
	n, err := s.try.tryWrite(framed)
	s.lastWrite.Store(s.now())
	o.mu.Lock()
	if err == nil && n < len(framed) {
		if n > 0 {
			framed = nil // the connection keeps what is left
		}
		o.held, o.heldSize = framed, taken
		return 0, false, nil
	}
	if own != nil {
		own.release()
	}
	return taken, true, err
}

// nextFramed takes what the next message is made of, and frames it. own holds it, unless it is a step that others share.
func (o *outbound) nextFramed() (framed []byte, own *buffer, taken int) {
	if t := o.step; t != nil && len(o.control.batches) == 0 {
		o.step = nil
		return t.message(o.json), nil, t.size
	}
	own, taken = o.next()
	return own.framed(o.json, o.masks), own, taken
}

// wrote notes that n queued bytes have left, or that the connection failed: then it gives up the right to
// write and returns false. The caller holds out.mu.
func (s *Session) wrote(n int, err error) bool {
	o := &s.out
	due := o.wrote(n)
	if err != nil {
		o.drop()
		o.stopWriting()
		o.mu.Unlock()
		s.lost(err)
		o.mu.Lock()
		return false
	}
	if len(due) > 0 {
		o.mu.Unlock()
		for _, w := range due {
			s.drained(w.fn)
		}
		o.mu.Lock()
	}
	return true
}

// send writes one message, and leaves the time for the sweeper to judge.
func (s *Session) send(msg []byte) error {
	if s.json {
		msg = bytes.TrimSuffix(msg, []byte{'\n'})
	}
	s.writeFrom.Store(s.now())
	err := s.conn.Write(msg)
	s.writeFrom.Store(0)
	s.lastWrite.Store(s.now())
	return err
}

// stopWriting gives up the right to write.
func (o *outbound) stopWriting() {
	o.writing, o.pooled = false, false
	if o.idle != nil {
		o.idle.Broadcast()
	}
}

// beforeRead is called when a server's reader has dealt with all that had arrived
// and is about to wait: what its receivers queued leaves now, as one message.
func (s *Session) beforeRead() {
	o := &s.out
	o.mu.Lock()
	o.reading = false
	if o.writing || !o.pending() {
		o.mu.Unlock()
		return
	}
	o.writing = true
	o.mu.Unlock()
	s.flush(true)
}

// afterRead is called when bytes have arrived.
func (s *Session) afterRead() {
	s.lastRead.Store(s.now())
	if s.server {
		s.out.mu.Lock()
		s.out.reading = true
		s.out.mu.Unlock()
	}
}
