package dstm

import (
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/turns"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
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
	pinned  bool // its objects are
}

// storeQueue is what waits for the committer, bounded in number and bytes; also what is parked because of
// reservations, and the answers that wait for one.
type storeQueue struct {
	world    *world.World
	mu       sync.Mutex
	jobs     []storeJob
	bytes    int
	length   int // limits
	capacity int
	busy     bool // a batch is being committed
	closed   bool
	changed  sync.Cond
	changes  int // how often that was signalled

	aside storeAside

	turns   *turns.Turns[storeTurn, *storeHeld]
	parked  int          // jobs that are not in jobs but in turns or ready
	ready   []*storeHeld // were parked and are to be decided
	answers []*storeHeld // were held back and are to be given, once ready is decided
	lapse   func()       // ends the timer for the reservation that lapses next
	lapses  time.Time    // and when
}

func (q *storeQueue) init(w *world.World, length, bytes int) {
	q.world = w
	q.length, q.capacity = length, bytes
	q.changed.L = &q.mu
	q.aside.lines = map[storeTurn][]*storeCold{}
	q.turns = turns.New[storeTurn, *storeHeld]()
}

// storePush is what became of a job that was to be queued.
type storePush int

const (
	pushed storePush = iota
	pushFull
	pushClosed
)

// push queues a job whose objects are in memory.
func (q *storeQueue) push(job storeJob) storePush {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.add(job)
}

// add is push. The caller holds mu.
func (q *storeQueue) add(job storeJob) storePush {
	if did := q.admits(&job); did != pushed {
		return did
	}
	q.jobs = append(q.jobs, job)
	q.bytes += job.size
	if len(q.jobs) == 1 {
		q.signal()
	}
	return pushed
}

// admits reports whether there is room for a job. The caller holds mu.
func (q *storeQueue) admits(job *storeJob) storePush {
	waiting, factor := len(q.jobs)+q.parked+q.aside.count, job.room()
	switch {
	case q.closed:
		return pushClosed
	case waiting >= factor*q.length || waiting > 0 && q.bytes+job.size > factor*q.capacity:
		return pushFull
	}
	return pushed
}

// room is how many times the room of others a job may use: a transaction that may have been sent before must not be refused for want
// of room, since a copy of it may yet commit.
func (j *storeJob) room() int {
	if j.request.Tx != nil && j.request.Tx.Again {
		return 2
	}
	return 1
}

// take waits for something to do and returns the jobs that are to be decided next, in batch, reusing it, and the
// answers that are to be given after that. Both are empty when the queue is closed and nothing is left. The caller calls
// done when all is dealt with.
func (q *storeQueue) take(batch []storeJob) ([]storeJob, []*storeHeld) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		q.advance()
		batch = q.fill(batch[:0])
		var answers []*storeHeld
		if len(q.ready) == 0 {
			answers, q.answers = q.answers, nil
		}
		if q.busy = len(batch)+len(answers) > 0; q.busy {
			return batch, answers
		}
		if q.closed && len(q.jobs)+q.aside.count == 0 {
			q.signal() // what was left may have gone without being decided
			return nil, nil
		}
		if len(q.jobs) == 0 {
			q.wait()
		}
	}
}

// fill takes jobs for a batch; those that a reservation forbids are parked. The caller holds mu.
func (q *storeQueue) fill(batch []storeJob) []storeJob {
	size := 0
	fits := func(job *storeJob) bool {
		return len(batch) < maxBatchJobs && (len(batch) == 0 || size+job.size <= maxBatchBytes)
	}
	add := func(job *storeJob) {
		batch = append(batch, *job)
		size += job.size
		q.bytes -= job.size
	}
	for len(q.ready) > 0 && fits(&q.ready[0].job) {
		add(&q.ready[0].job)
		q.ready[0] = nil
		q.ready = q.ready[1:]
		q.parked--
	}
	if len(q.ready) > 0 {
		return batch
	}
	q.ready = nil
	n := 0
	for ; n < len(q.jobs) && fits(&q.jobs[n]); n++ {
		if q.admit(&q.jobs[n]) {
			add(&q.jobs[n])
		}
	}
	q.drop(n)
	return batch
}

// drop takes the first n jobs out. The room is used again if that costs little, and unless it was for a rush that is over. The
// caller holds mu.
func (q *storeQueue) drop(n int) {
	left := len(q.jobs) - n
	if left > n {
		clear(q.jobs[:n])
		q.jobs = q.jobs[n:]
		return
	}
	copy(q.jobs, q.jobs[n:])
	clear(q.jobs[left:])
	if q.jobs = q.jobs[:left]; left == 0 && cap(q.jobs) > 2*maxBatchJobs {
		q.jobs = nil
	}
}

func (q *storeQueue) done() {
	q.mu.Lock()
	q.busy = false
	q.signal()
	q.mu.Unlock()
}

// close refuses what comes later. Reservations end: nobody can make use of them any more.
func (q *storeQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.turns.Close()
	q.signal()
	q.mu.Unlock()
}

// rest takes everything that still waits.
func (q *storeQueue) rest() []storeJob {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turns.Close()
	q.advance()
	var jobs []storeJob
	for _, list := range [][]*storeHeld{q.answers, q.ready} {
		for _, held := range list {
			jobs = append(jobs, held.job)
		}
	}
	jobs = append(jobs, q.jobs...)
	jobs = append(jobs, q.aside.rest()...)
	q.jobs, q.ready, q.answers, q.parked, q.bytes = nil, nil, nil, 0, 0
	q.signal()
	return jobs
}

// waitDrained waits until nothing is queued nor being committed.
func (q *storeQueue) waitDrained() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.jobs)+q.aside.count+len(q.ready)+len(q.answers) > 0 || !q.turns.Empty() || q.busy {
		q.wait()
	}
}

// signal wakes those who wait for a change. The caller holds mu.
func (q *storeQueue) signal() {
	q.changes++
	q.changed.Broadcast()
}

// wait waits for a change. The caller holds mu.
func (q *storeQueue) wait() {
	if q.world.Await == nil {
		q.changed.Wait()
		return
	}
	seen := q.changes
	q.mu.Unlock()
	defer q.mu.Lock()
	q.world.Await(func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return q.changes != seen
	})
}
