package dstm

import (
	"errors"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/internal/fault"
	"github.com/trefoilgo/trefoil/status"
)

// epochPause is the least time between two epochs that openings make one process begin;
// see docs/decisions/0006-new-epochs.md.
const epochPause = time.Minute

// commitLoop is the committer: the only goroutine that appends to the log.
func (s *Store) commitLoop() {
	defer s.wg.Done()
	var batch []storeJob
	for {
		var answers []*storeHeld
		if batch, answers = s.queue.take(batch); len(batch)+len(answers) == 0 {
			return
		}
		s.own.number(batch)
		s.world.Lock(&s.applying)
		if len(batch) > 0 {
			s.commit(batch)
		}
		s.giveAnswers(answers)
		s.applying.Unlock()
		s.queue.done()
		clear(batch)
	}
}

// storeBatch is a batch decided on one state.
type storeBatch struct {
	base, state engine.State
	memory      engine.Memory
	entries     []*engine.Entry
	data        [][]byte
	decisions   []engine.Decision // one for each job
	epochAt     time.Time         // when the batch begins an epoch
}

// commit decides the jobs, has the log take them, publishes and answers. If another node was
// faster the jobs are decided again on what it wrote.
func (s *Store) commit(jobs []storeJob) {
	if s.ctx.Err() != nil {
		s.closeJobs(jobs, false, nil)
		return
	}
	if err := s.confirm(jobs); err != nil {
		s.closeJobs(jobs, false, err)
		return
	}
	for {
		b := s.decide(jobs)
		if len(b.data) > 0 {
			added, err := s.add(&b, jobs)
			if err != nil {
				s.closeJobs(jobs, status.OutcomeUnknown(err), err)
				return
			}
			if !added {
				continue
			}
		}
		s.memory = b.memory
		if !b.epochAt.IsZero() {
			s.lastEpoch = b.epochAt
		}
		s.publish(&b.state, b.entries, jobs, b.decisions)
		return
	}
}

// decide decides the jobs in order, each on what the ones before have made.
func (s *Store) decide(jobs []storeJob) storeBatch {
	b := storeBatch{base: *s.state.Load(), memory: s.memory, decisions: make([]engine.Decision, len(jobs))}
	b.state = b.base
	for i := range jobs {
		job := &jobs[i]
		if job.open != nil {
			s.maybeNewEpoch(&b, job.open)
			continue
		}
		var d engine.Decision
		b.state, b.memory, d = engine.Decide(b.state, b.memory, &job.request)
		if d.Entry != nil {
			b.entries, b.data = append(b.entries, d.Entry), append(b.data, d.Data)
		}
		b.decisions[i] = d
	}
	return b
}

// maybeNewEpoch begins an epoch because a client holds a state of another history: the log lost its end.
func (s *Store) maybeNewEpoch(b *storeBatch, open *storeItem) {
	now := s.opts.Clock()
	if !s.lastEpoch.IsZero() && now.Sub(s.lastEpoch) < epochPause || !b.epochAt.IsZero() || !s.provenParted(&b.base, open) {
		return
	}
	s.world.Happened("parted histories")
	s.opts.Logger.Warn("dstm: a client has seen what the log does not hold: a new epoch begins",
		"log", s.opts.LogName, "head", b.state.Position, "seen", open.resume.position)
	var e *engine.Entry
	var data []byte
	b.state, e, data = engine.Begin(b.state, now.UnixNano(), s.newEpoch())
	b.entries, b.data = append(b.entries, e), append(b.data, data)
	b.epochAt = now
}

// Attempts at an append whose outcome is in doubt.
const (
	maxAppends     = 10
	firstAppendGap = 5 * time.Millisecond
)

// add appends the batch and finds out what became of it. false means that something else stands where it
// was to stand, or that it stands there already by an attempt that seemed to have failed: the store has applied what is
// there, and the jobs must be decided again, where those of an own earlier attempt are found to be decided. An
// error ends the store; it is unknown if the batch may be in the log.
func (s *Store) add(b *storeBatch, jobs []storeJob) (bool, error) {
	batch := Batch{Entries: b.data}
	s.world.Fill(batch.ID[:])
	inDoubt := false
	for attempt, gap := 1, firstAppendGap; ; attempt, gap = attempt+1, 2*gap {
		fault.Point(fault.BeforeAppend)
		_, err := s.log.Append(s.ctx, Position(b.base.Position), batch)
		if err == nil {
			fault.Point(fault.BeforeAnswer)
			return true, nil
		}
		moved := errors.Is(err, ErrMoved)
		if moved {
			if inDoubt {
				b.tried(jobs)
			}
			if err = s.catchUp(s.ctx); err == nil {
				return false, nil
			}
		}
		if !moved {
			inDoubt = inDoubt || !errors.Is(err, ErrLogClosed) || status.OutcomeUnknown(err)
		}
		if final(err) || s.ctx.Err() != nil || attempt == maxAppends {
			e := closedBy(err)
			e.Unknown = inDoubt
			return false, e
		}
		// The same bytes behind the same entry again: they can stand there once at most, whatever became of the
		// first attempt, and when something stands there no late attempt can succeed.
		s.world.Sleep(s.ctx, gap)
	}
}

// tried notes on the jobs whose entries are in the batch that those may be in the log.
func (b *storeBatch) tried(jobs []storeJob) {
	for i := range jobs {
		if q := &jobs[i].request; b.decisions[i].Entry != nil && !q.Tried {
			q.Tried, q.Behind = true, b.base.Position
		}
	}
}

// final reports whether an error of the log ends the store: trying again would not help.
func final(err error) bool {
	code := status.CodeOf(err)
	return errors.Is(err, ErrLogClosed) || code == status.DataLoss || code == status.FailedPrecondition
}

// closeJobs ends the store because of err, nil if it was closing anyway, and with it the jobs at hand.
func (s *Store) closeJobs(jobs []storeJob, unknown bool, err error) {
	e := status.New(status.Unavailable, ErrClosed, "the store is closed")
	if err != nil {
		e = closedBy(err)
		e.Unknown = false
		if s.ctx.Err() == nil {
			s.opts.Logger.Error("dstm: the store closes: its log failed", "log", s.opts.LogName, "error", err)
		}
	}
	told := e
	if unknown {
		told = e.MaybeDone()
	}
	s.refuseJobs(jobs, told)
	s.fail(e)
}
