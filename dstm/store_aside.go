package dstm

import (
	"cmp"
	"maps"
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/status"
)

// asideShare is which part of the queue's room transactions may take that wait for objects to be loaded.
const asideShare = 4

// storeAside are the transactions that wait for objects to be loaded, so that the committer does not, and behind them the later
// ones of the same clients, since sequences are decided in order. Guarded by storeQueue.mu.
type storeAside struct {
	lines  map[storeTurn][]*storeCold
	ticket uint64
	count  int
	bytes  int
}

// storeCold is a transaction that waits aside.
type storeCold struct {
	job     storeJob
	missing int    // objects that are not there yet
	ticket  uint64 // ascends in the order in which they came
}

// rest takes all that waits, in the order in which it came.
func (a *storeAside) rest() []storeJob {
	all := slices.Concat(slices.Collect(maps.Values(a.lines))...)
	slices.SortFunc(all, func(x, y *storeCold) int { return cmp.Compare(x.ticket, y.ticket) })
	jobs := make([]storeJob, len(all))
	for i, cold := range all {
		jobs[i] = cold.job
	}
	*a = storeAside{lines: map[storeTurn][]*storeCold{}}
	return jobs
}

// submitJob queues a transaction. Its objects stay in memory from the moment that they are there until it is decided; the
// committer gets it when all are.
func (s *Store) submitJob(job storeJob) storePush {
	s.mu.Lock()
	defer s.mu.Unlock()
	var cold []string
	if job.request.Refusal == nil {
		state := s.state.Load()
		for i := range job.request.Tx.Parts {
			name := job.request.Tx.Parts[i].Object
			s.pin(name)
			if _, ok := state.Resident(name); !ok {
				cold = append(cold, name)
			}
		}
		job.pinned = true
	}
	aside, did := s.queue.submit(job, len(cold))
	if did != pushed {
		s.unpinJob(&job)
		return did
	}
	for _, name := range cold {
		s.fetch(job.turn(), name, func(err *status.Error) { s.queue.arrived(aside, err) })
	}
	return pushed
}

// unpinJob lets go of the objects of a job that is decided. The caller holds mu.
func (s *Store) unpinJob(job *storeJob) {
	if !job.pinned {
		return
	}
	job.pinned = false
	for i := range job.request.Tx.Parts {
		s.unpin(job.request.Tx.Parts[i].Object)
	}
}

// submit queues a transaction of which some objects are missing in memory: aside, if any is, or if an earlier one of its client is.
func (q *storeQueue) submit(job storeJob, missing int) (*storeCold, storePush) {
	turn := job.turn()
	q.mu.Lock()
	defer q.mu.Unlock()
	if missing == 0 && len(q.aside.lines[turn]) == 0 {
		return nil, q.add(job)
	}
	factor := job.room()
	if q.aside.count > 0 && (q.aside.count >= factor*q.length/asideShare || q.aside.bytes+job.size > factor*q.capacity/asideShare) {
		return nil, pushFull
	}
	if did := q.admits(&job); did != pushed {
		return nil, did
	}
	if job.waiter != nil {
		job.waiter.settle()
	}
	q.aside.ticket++
	cold := &storeCold{job, missing, q.aside.ticket}
	q.aside.lines[turn] = append(q.aside.lines[turn], cold)
	q.aside.count++
	q.aside.bytes += job.size
	q.bytes += job.size
	return cold, pushed
}

// arrived notes that one object of a transaction is there, or cannot be had. What then need not wait any more is queued.
func (q *storeQueue) arrived(cold *storeCold, err *status.Error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	cold.missing--
	if r := &cold.job.request; err != nil && r.Refusal == nil {
		r.Refusal = &engine.Refusal{Code: err.Code, Reason: err.Reason, Message: err.Message}
	}
	turn := cold.job.turn()
	line := q.aside.lines[turn]
	n := 0
	for ; n < len(line) && line[n].missing == 0; n++ {
		q.jobs = append(q.jobs, line[n].job)
		q.aside.count--
		q.aside.bytes -= line[n].job.size
		line[n] = nil
	}
	if n == 0 {
		return
	}
	if q.aside.lines[turn] = line[n:]; n == len(line) {
		delete(q.aside.lines, turn)
	}
	q.signal()
}
