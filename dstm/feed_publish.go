package dstm

import (
	"errors"
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// storeAudience is everyone who has one object open and ready.
type storeAudience struct{ list []*storeOpened }

// publish makes state the present one, tells everyone of the entries that led to it, and then answers the
// jobs: an answer comes behind the changes of every entry up to the one at which it was decided. The caller holds applying.
func (s *Store) publish(state *engine.State, entries []*engine.Entry, jobs []storeJob, decisions []engine.Decision) {
	s.mu.Lock()
	recents := make([]*storeRecent, len(entries))
	for i, e := range entries {
		recents[i] = s.ring.push(e)
	}
	s.adopt(state, entries)
	for i, e := range entries {
		s.publishEntry(recents[i])
		s.publishLocal(e)
		s.displaced(e)
	}
	for i, ss := range s.due { // not before all is published: it would be sent twice
		ss.pump()
		s.due[i] = nil
	}
	s.due = s.due[:0]
	for i := range jobs {
		s.unpinJob(&jobs[i])
		if !s.queue.decided(&jobs[i], &decisions[i]) {
			s.answer(&jobs[i], &decisions[i])
		}
	}
	for _, recent := range recents {
		recent.strip()
	}
	s.mu.Unlock()
}

// publishEntry sends an entry to the sessions that are in step.
func (s *Store) publishEntry(r *storeRecent) {
	e := r.entry
	switch {
	case e.Kind == engine.NewEpoch:
		for _, ss := range s.sessions {
			ss.fallBehind(e.Position - 1)
			s.due = append(s.due, ss)
		}
	case e.Kind != engine.Commit:
	case len(e.Parts) == 1:
		if audience := s.audiences[e.Parts[0].Object]; audience != nil {
			s.scratch = s.scratch[:0]
			lensed := false
			for _, o := range audience.list {
				if o.lens != nil {
					lensed = true
				} else if !o.session.behind {
					s.scratch = append(s.scratch, o.session.session)
				}
			}
			if len(s.scratch) > 0 {
				s.broadcast(r, 1, r.change(s.opts.LogName, 1))
			}
			if lensed {
				s.publishClasses(r, true)
			}
		}
	default:
		s.publishClasses(r, false)
	}
}

// storeClass are the sessions that get the same frame of an entry.
type storeClass struct {
	sample   *storeSession
	sessions []world.Session
}

// publishClasses sends an entry to each class of sessions: those parts that they have open, as
// they may see them. With lensed it leaves those out that see everything.
func (s *Store) publishClasses(r *storeRecent, lensed bool) {
	masks := map[*storeSession]uint32{}
	for i := range r.entry.Parts {
		if audience := s.audiences[r.entry.Parts[i].Object]; audience != nil {
			for _, o := range audience.list {
				if !o.session.behind && (o.lens != nil || !lensed) {
					masks[o.session] |= 1 << i
				}
			}
		}
	}
	classes := map[storeFrame]*storeClass{}
	for ss, mask := range masks {
		key := storeFrame{mask: mask}
		if ss.lenses > 0 {
			key, _ = ss.class(r, mask)
		}
		class := classes[key]
		if class == nil {
			class = &storeClass{sample: ss}
			classes[key] = class
		}
		class.sessions = append(class.sessions, ss.session)
	}
	for key, class := range classes {
		s.scratch = append(s.scratch[:0], class.sessions...)
		s.broadcast(r, key.mask, class.sample.change(r, key.mask))
	}
}

// broadcast sends the frame of an entry's parts of mask to the sessions in scratch.
func (s *Store) broadcast(r *storeRecent, mask uint32, frame *transport.Shared) {
	s.spread(frame, func(session world.Session, err error) {
		ss := s.sessions[session]
		if ss == nil {
			return
		}
		switch {
		case errors.Is(err, transport.ErrFull):
			ss.fallBehind(r.entry.Position - 1)
			ss.await()
		case errors.Is(err, transport.ErrFrameTooLarge):
			ss.fallBehind(r.entry.Position)
			ss.dropTooLarge(r, mask)
			s.due = append(s.due, ss)
		}
	})
	clear(s.scratch)
}

// spread queues f for each session in scratch, and calls refused for each that did not take it before it goes on. Sessions of a transport are written to together.
func (s *Store) spread(f *transport.Shared, refused func(world.Session, error)) {
	s.wired = s.wired[:0]
	for _, session := range s.scratch {
		if wired, ok := session.(*transport.Session); ok {
			s.wired = append(s.wired, wired)
		} else if err := session.TrySendShared(f); err != nil {
			refused(session, err)
		}
	}
	transport.Broadcast(s.wired, f, func(session *transport.Session, err error) { refused(session, err) })
	clear(s.wired)
}

// publishLocal tells the store's own objects.
func (s *Store) publishLocal(e *engine.Entry) {
	if len(s.locals) == 0 {
		return
	}
	origin := Remote
	if s.own.is(e.Client) {
		origin = Mine
	}
	for i := range e.Parts {
		p := &e.Parts[i]
		if objects := s.locals[p.Object]; len(objects) > 0 {
			paths := make([]Path, len(p.Writes))
			for j := range p.Writes {
				paths[j] = p.Writes[j].Path
			}
			for o := range objects {
				o.feed.publish(&p.Before.Root, &p.After.Root, p.Version, origin, paths)
			}
		}
	}
}

// displaced notes which elements others have moved that own commits had moved before.
func (s *Store) displaced(e *engine.Entry) {
	if s.own.is(e.Client) {
		return
	}
	for i := range e.Parts {
		if moved := movedBy(e.Parts[i].Writes); moved != nil {
			s.own.commits.displace(displacement{s.opts.LogName, e.Parts[i].Object, Position(e.Position), moved})
		}
	}
}

// publishReload brings everyone from before to after, which the ring does not reach.
func (s *Store) publishReload(before, after *engine.State) {
	for _, ss := range s.sessions {
		ss.fallBehind(before.Position)
		ss.pump()
	}
	for name, objects := range s.locals {
		s.own.commits.displace(displacement{s.opts.LogName, name, Position(after.Position), nil})
		was, is := before.Object(name), after.Object(name)
		for o := range objects {
			o.feed.publish(&was.Root, &is.Root, is.Version, Reset, nil)
		}
	}
}

// giveAnswers gives the answers that were held back.
func (s *Store) giveAnswers(answers []*storeHeld) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, held := range answers {
		s.answer(&held.job, &held.decision)
	}
}

// answer tells whoever asked what was decided. The caller holds mu.
func (s *Store) answer(job *storeJob, d *engine.Decision) {
	switch {
	case job.open != nil:
		job.session.deliver(*job.open)
	case job.waiter != nil:
		job.waiter.done(d, nil)
	case d.Refusal != nil:
		told := visible(&job.request, d.Refusal)
		if d.Old { // it runs again on what it has seen by then: that must be enough
			job.session.deliver(storeItem{kind: itemCurrent})
		}
		job.session.reject(job.request.Tx.Sequence, refusalError(told), told.Conflicts)
		if d.Above {
			job.session.resetParts(job.request.Tx)
		}
	default:
		job.session.deliver(storeItem{
			kind: itemAnswer, counts: true,
			frame: appendCommitted(nil, s.opts.LogName, job.request.Tx.Sequence, d.Position, d.Versions),
		})
	}
}

// visible is a refusal as its receiver may see it: a conflict of a write with something that is not readable is told at
// the path of the write.
func visible(q *engine.Request, r *engine.Refusal) *engine.Refusal {
	if q.Readable == nil || len(r.Conflicts) == 0 {
		return r
	}
	told := *r
	told.Conflicts, told.Message = nil, "what the transaction read or wrote has changed"
	for _, c := range r.Conflicts {
		if c.Part >= len(q.Tx.Parts) {
			continue
		}
		part := &q.Tx.Parts[c.Part]
		if paths := q.Readable(part.Object); paths == nil || slices.ContainsFunc(paths, c.Path.Starts) {
			told.Conflicts = append(told.Conflicts, c)
			continue
		}
		for i := range part.Writes {
			path := part.Writes[i].Path
			same := func(other txn.Conflict) bool { return other.Part == c.Part && slices.Equal(other.Path, path) }
			if path.Touches(c.Path) && len(told.Conflicts) < engine.MaxConflicts && !slices.ContainsFunc(told.Conflicts, same) {
				told.Conflicts = append(told.Conflicts, txn.Conflict{Part: c.Part, Path: path})
			}
		}
	}
	return &told
}

// answerClosed answers a job that the store will not decide any more.
func (s *Store) answerClosed(job *storeJob, err *status.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unpinJob(job)
	switch {
	case job.waiter != nil:
		job.waiter.done(nil, err)
	case job.open != nil:
		job.session.deliver(storeItem{kind: itemAnswer, frame: appendRefused(nil, job.open.request, job.open.object, err)})
	default:
		job.session.reject(job.request.Tx.Sequence, err, nil)
	}
}
