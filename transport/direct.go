package transport

import "runtime"

// A caller of Send who finds that nobody writes is the writer itself for a moment. To start a
// writer takes two switches between goroutines, often between processors, which is
// most of what a single call costs; BenchmarkSend measures it.
//
// The caller must come back when its context is done, whether the peer reads or
// not. So it writes only what goes without waiting; what is left, be it half a message, is for a writer.

// directMessages is how many messages a caller of Send writes before it leaves
// what others have queued meanwhile to a writer: it has other things to do.
const directMessages = 2

// expectCrowd says that several frames have come at once: those who waited for them are about to send together.
func (o *outbound) expectCrowd() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.crowded = true
}

// mayWrite takes the right to write for a caller of Send who has queued a frame, if it
// can be had and nothing speaks for a writer. The caller holds out.mu.
func (s *Session) mayWrite() bool {
	o := &s.out
	if s.try == nil || !o.needsWriter() || o.size > batchSize || len(o.waiters) > 0 {
		return false
	}
	o.writing = true
	return true
}

// direct writes what is queued as far as that needs no waiting. The caller has
// the right to write, and has queued a frame of own bytes.
func (s *Session) direct(own int) {
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.crowded {
		// Others are about to send too, as the last time: let them, then one message holds it all.
		o.mu.Unlock()
		runtime.Gosched()
		o.mu.Lock()
	}
	o.crowded = o.size > own
	for n := 0; n < directMessages && o.pending(); n++ {
		taken, whole, err := s.tryNext()
		if !whole {
			break
		}
		if err != nil {
			s.wrote(taken, err)
			return
		}
		for _, w := range o.wrote(taken) { // it may take long
			s.work.Go(func() { s.drained(w.fn) })
		}
		o.crowded = o.crowded || o.pending()
	}
	if o.pending() {
		s.startWriter()
		return
	}
	o.stopWriting()
}
