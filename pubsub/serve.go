package pubsub

// task is something a peer's serving goroutine has to do: a subscription that starts or
// reads history, a port that has to tell what was missed.
type task interface {
	// serve does one bounded step.
	serve() verdict
	queue() *queueing
}

// verdict is what is to become of a task.
type verdict int

const (
	finished verdict = iota // nothing more to do
	again                   // another step, after the others had theirs
	full                    // again when the session has room
)

// queueing is a task's place in its peer's list; guarded by peer.mu.
type queueing struct{ queued bool }

func (q *queueing) queue() *queueing { return q }

// later has t served soon. It may be called with a lane's mu held.
func (p *peer) later(t task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if q := t.queue(); !q.queued && !p.closed {
		q.queued = true
		p.todo = append(p.todo, t)
		p.startServing()
	}
}

// wake goes on after the session's queue has drained.
func (p *peer) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.todo) > 0 && !p.closed {
		p.startServing()
	}
}

func (p *peer) startServing() {
	if !p.serving {
		p.serving = p.hub.spawn(p.serveAll)
	}
}

// serveAll serves what is to do, in turn, until nothing is left or the session has no room: then it
// ends, and comes back when the queue has drained. So a slow session holds neither a goroutine nor records.
func (p *peer) serveAll() {
	for {
		p.mu.Lock()
		if len(p.todo) == 0 || p.closed {
			p.serving = false
			p.mu.Unlock()
			return
		}
		t := p.todo[0]
		p.todo[0] = nil
		if p.todo = p.todo[1:]; len(p.todo) == 0 {
			p.todo = nil
		}
		t.queue().queued = false
		p.mu.Unlock()

		v := t.serve()
		if v == finished {
			continue
		}
		p.mu.Lock()
		if q := t.queue(); !q.queued && !p.closed {
			q.queued = true
			p.todo = append(p.todo, t)
		}
		if v == full {
			p.serving = false
			p.mu.Unlock()
			p.session.AfterDrain(p.wake)
			return
		}
		p.mu.Unlock()
	}
}

// serve tells each of the port's subscriptions what it missed, and then lets live publications pass again.
func (p *port) serve() verdict {
	l := p.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range p.subs {
		if s.lost != 0 {
			g := gapNote{cause: s.cause, count: s.lost}
			if v := s.try(gapFrame(l.stream, s.id, &g)); v != finished {
				return v
			}
			s.lost, s.cause = 0, 0
		}
		if s.state == behind && !s.told && !s.watch {
			// An empty replay that is not the last: from here on the client takes
			// nothing live for this subscription, until it has caught up.
			if v := s.try(replayFrame(l.stream, s.id, s.cursor, false, 0, nil)); v != finished {
				return v
			}
			s.told = true
			s.peer.later(s)
		}
	}
	p.blocked = false
	return finished
}
