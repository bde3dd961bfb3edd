package dstm

import (
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/turns"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// storeTurn is who stands in the queue for a reservation: a client, or one Update of the store's own.
type storeTurn struct {
	client engine.ID // zero for an Update
	update any       // nil for a client
}

// storeHeld is a job that is parked, or one that was decided and whose answer is held back.
type storeHeld struct {
	job      storeJob
	decision engine.Decision
}

func (j *storeJob) turn() storeTurn {
	if j.waiter != nil {
		return storeTurn{update: j.waiter.update}
	}
	return storeTurn{client: j.request.Client}
}

// gone reports whether nobody waits for the answer any more.
func (j *storeJob) gone() bool {
	return j.session != nil && j.session.gone.Load() || j.waiter != nil && j.waiter.gone.Load()
}

// admit reports whether a job may be decided now; else it is parked. The caller holds mu.
func (q *storeQueue) admit(job *storeJob) bool {
	if q.turns.Idle() || job.request.Tx == nil || q.turns.Admit(q.world.Now(), job.turn(), spoils(job.request.Tx), &storeHeld{job: *job}) {
		return true
	}
	q.parked++
	if job.waiter != nil {
		job.waiter.settle()
	}
	return false
}

// spoils are the spots where a transaction writes something that others must not have meanwhile if they are to commit
// what they do there.
func spoils(tx *txn.Transaction) []turns.Spot {
	var spots []turns.Spot
	for i := range tx.Parts {
		p := &tx.Parts[i]
		for j := range p.Writes {
			switch w := &p.Writes[j]; w.Op {
			case txn.OpSet, txn.OpDelete:
				spots = append(spots, turns.Spot{Object: p.Object, Path: w.Path})
			case txn.OpMove:
				spots = append(spots, turns.Spot{Object: p.Object, Path: append(w.Path[:len(w.Path):len(w.Path)], w.ID)})
			}
		}
	}
	return spots
}

// decided notes what was decided about a job and reports whether its answer is held back until the paths of
// its conflict are reserved.
func (q *storeQueue) decided(job *storeJob, d *engine.Decision) bool {
	tx := job.request.Tx
	depends := d.Refusal != nil && d.Refusal.Reason == reason.Depends
	if tx == nil || tx.Attempt < 2 && !depends {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.turns.Empty() && d.Refusal == nil {
		return false
	}
	turn := job.turn()
	q.turns.Decided(turn, tx.Attempt)
	if depends {
		return q.turns.Join(turn, held(job, d))
	}
	if d.Refusal == nil || d.Refusal.Reason != reason.Conflict || d.Above || d.Old || job.gone() {
		return false
	}
	var spots []turns.Spot
	for _, c := range d.Refusal.Conflicts {
		if c.Part < len(tx.Parts) { // a remembered refusal may be of another content
			spots = append(spots, turns.Spot{Object: tx.Parts[c.Part].Object, Path: c.Path})
		}
	}
	return q.turns.Earn(q.world.Now(), turn, tx.Attempt, spots, held(job, d))
}

// held is a job that was refused, without what is not needed for the answer: the queue no longer counts what it takes, and it may
// wait for long.
func held(job *storeJob, d *engine.Decision) *storeHeld {
	if job.waiter != nil {
		job.waiter.settle()
	}
	kept := &storeHeld{*job, *d}
	kept.job.size, kept.decision = 0, engine.Decision{Refusal: visible(&job.request, d.Refusal)}
	kept.job.request = engine.Request{Tx: &txn.Transaction{Sequence: job.request.Tx.Sequence, Again: job.request.Tx.Again}}
	return kept
}

// leave takes the place of someone who has gone.
func (q *storeQueue) leave(turn storeTurn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turns.Leave(turn, func(h *storeHeld) bool { return h.job.gone() })
	q.signal()
}

// advance ends the reservations that are over and gathers what is due then. The caller holds mu.
func (q *storeQueue) advance() {
	now := q.world.Now()
	q.turns.Lapse(now)
	begun := q.turns.Begun()
	for {
		item, answer, ok := q.turns.Next(now)
		if !ok {
			break
		}
		if answer {
			q.answers = append(q.answers, item)
		} else {
			q.ready = append(q.ready, item)
		}
	}
	for range q.turns.Begun() - begun {
		q.world.Happened("reservations")
	}
	end, some := q.turns.Deadline()
	if end.Equal(q.lapses) {
		return
	}
	q.lapses = end
	if q.lapse != nil {
		q.lapse()
	}
	if some {
		q.lapse = q.world.After(end.Sub(now), func() {
			q.mu.Lock()
			q.signal()
			q.mu.Unlock()
		})
	}
}
