package transport

// Broadcast queues f for each session and never waits. For each session that
// refused it, refused is called with TrySend's error before Broadcast goes on; it must not
// wait. nil does nothing.
//
// Sessions of a server that have nothing else queued are in step: they share what waits for them, and
// few goroutines write it to all of them, each as one message that was made once.
func Broadcast(sessions []*Session, f *Shared, refused func(*Session, error)) {
	b := broadcast{shared: f, many: len(sessions) >= fewSessions}
	defer b.hand() // also if refused panics: those sessions rely on it
	for _, s := range sessions {
		if err := b.to(s); err != nil && refused != nil {
			refused(s, err)
		}
	}
}

// fewSessions is how many are worth sharing for: below that a copy is cheaper than a step.
const fewSessions = 4

// broadcast is one call of Broadcast.
type broadcast struct {
	shared *Shared
	many   bool
	steps  [8]struct { // from where the sessions were to where they are now
		from, to *step
		json     bool
	}
	last, known int

	pool  *writerPool
	ready [64]*Session // to be written to by pool
	n     int
}

func (b *broadcast) to(s *Session) (err error) {
	if s.pool == nil {
		return s.TrySendShared(b.shared)
	}
	wire := []byte(b.shared.frame)
	if s.json {
		if wire, err = b.shared.line(); err != nil {
			return err
		}
	}
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return s.Err()
	case b.many && o.inStep(len(wire)):
		o.step = b.next(o.step, wire, s.json)
		o.size += len(wire)
	default:
		if err := o.put(wire, b.shared.frame, true); err != nil {
			return err
		}
	}
	if o.needsWriter() {
		o.writing, o.pooled = true, true
		b.add(s)
	}
	return nil
}

// next is the step after from. There are as many different ones as publications were under way while
// workers wrote: few. To forget one costs only that its sessions share less.
func (b *broadcast) next(from *step, wire []byte, json bool) *step {
	for range b.known {
		if one := &b.steps[b.last]; one.from == from && one.json == json {
			return one.to
		}
		b.last = (b.last + 1) % b.known
	}
	if b.known < len(b.steps) {
		b.last = b.known
		b.known++
	}
	to := &step{prev: from, wire: wire, size: len(wire)}
	if from != nil {
		to.size += from.size
	}
	one := &b.steps[b.last]
	one.from, one.to, one.json = from, to, json
	return to
}

// add hands s to the writers of its server, together with others.
func (b *broadcast) add(s *Session) {
	if b.n == len(b.ready) || b.pool != s.pool {
		b.hand()
	}
	b.pool = s.pool
	b.ready[b.n] = s
	b.n++
}

func (b *broadcast) hand() {
	if b.n > 0 {
		b.pool.add(b.ready[:b.n])
		b.n = 0
	}
}
