package dstm

import (
	"sync"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
)

// Limits of one batch for the log.
const (
	maxBatchJobs  = 512
	maxBatchBytes = 1 << 20
)

// storeJob is something that waits for the committer: a transaction, or an opening whose
// resume point is beyond the head.
type storeJob struct {
	request engine.Request // Tx is nil for an opening
	size    int
	session *storeSession // who is answered, or ...
	waiter  *storeWaiter
	open    *storeItem
}

// storeQueue is what waits for the committer, bounded in number and bytes.
type storeQueue struct {
	mu       sync.Mutex
	jobs     []storeJob
	bytes    int
	length   int // limits
	capacity int
	busy     bool // a batch is being committed
	closed   bool
	changed  sync.Cond
}

func (q *storeQueue) init(length, bytes int) {
	q.length, q.capacity = length, bytes
	q.changed.L = &q.mu
}

// storePush is what became of a job that was to be queued.
type storePush int

const (
	pushed storePush = iota
	pushFull
	pushClosed
)

// push queues a job. A transaction that may have been sent before must not be refused for want of room,
// since a copy of it may yet commit: so it may use twice the room.
func (q *storeQueue) push(job storeJob) storePush {
	q.mu.Lock()
	defer q.mu.Unlock()
	factor := 1
	if job.request.Tx != nil && job.request.Tx.Again {
		factor = 2
	}
	switch {
	case q.closed:
		return pushClosed
	case len(q.jobs) >= factor*q.length || len(q.jobs) > 0 && q.bytes+job.size > factor*q.capacity:
		return pushFull
	}
	q.jobs = append(q.jobs, job)
	q.bytes += job.size
	if len(q.jobs) == 1 {
		q.changed.Broadcast()
	}
	return pushed
}

// take waits for jobs and returns the first ones in batch, reusing it; none when the queue is
// closed and empty. The caller calls done when they are dealt with.
func (q *storeQueue) take(batch []storeJob) []storeJob {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.jobs) == 0 && !q.closed {
		q.changed.Wait()
	}
	n, size := 0, 0
	for n < len(q.jobs) && n < maxBatchJobs && (n == 0 || size+q.jobs[n].size <= maxBatchBytes) {
		size += q.jobs[n].size
		n++
	}
	batch = append(batch[:0], q.jobs[:n]...)
	clear(q.jobs[:n])
	q.jobs = q.jobs[n:]
	if len(q.jobs) == 0 {
		q.jobs = nil
	}
	q.bytes -= size
	q.busy = n > 0
	return batch
}

func (q *storeQueue) done() {
	q.mu.Lock()
	q.busy = false
	q.changed.Broadcast()
	q.mu.Unlock()
}

// close refuses what comes later.
func (q *storeQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.changed.Broadcast()
	q.mu.Unlock()
}

// rest takes everything that still waits.
func (q *storeQueue) rest() []storeJob {
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs := q.jobs
	q.jobs, q.bytes = nil, 0
	q.changed.Broadcast()
	return jobs
}

// waitDrained waits until nothing is queued nor being committed.
func (q *storeQueue) waitDrained() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.jobs) > 0 || q.busy {
		q.changed.Wait()
	}
}
