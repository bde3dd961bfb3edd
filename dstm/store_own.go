package dstm

import (
	"sync"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
)

// ownSlots is how many of the store's own transactions may be on their way: as many as are committed at once, and as many that
// gather meanwhile.
const ownSlots = 2 * maxBatchJobs

// storeOwn is the store as a client of itself. A client may have only engine.MaxUnsettled transactions whose answers it has not
// seen, which would be all that one batch could hold of the store's own; so it is as many clients as its batches need.
type storeOwn struct {
	world *world.World
	slots chan struct{} // one for each transaction that may be on its way

	mu    sync.Mutex
	lanes []*ownLane

	commits ownCommits
}

// ownLane is one of the clients that the store is: its id and its sequences.
type ownLane struct {
	client   engine.ID
	last     uint64
	settled  uint64
	answered map[uint64]struct{} // above settled
}

func (o *storeOwn) init(w *world.World) {
	o.world = w
	o.slots = make(chan struct{}, ownSlots)
	o.lane(0)
}

// lane is the n-th lane, made if it is the next. The caller holds mu.
func (o *storeOwn) lane(n int) *ownLane {
	if n == len(o.lanes) {
		l := &ownLane{answered: map[uint64]struct{}{}}
		o.world.Fill(l.client[:])
		o.lanes = append(o.lanes, l)
	}
	return o.lanes[n]
}

// is reports whether the store itself is this client.
func (o *storeOwn) is(client engine.ID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range o.lanes {
		if l.client == client {
			return true
		}
	}
	return false
}

// number gives the store's own transactions of a batch their clients and sequences. They get them no earlier, since those that are
// parked because of a reservation are decided later than others that were queued behind them. All that were decided
// before are settled.
func (o *storeOwn) number(jobs []storeJob) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for i := range jobs {
		if w := jobs[i].waiter; w != nil {
			l := o.lane(n / engine.MaxUnsettled)
			n++
			l.last++
			w.lane, w.sequence = l, l.last
			q := &jobs[i].request
			q.Client, q.Tx.Sequence, q.Tx.Settled = l.client, l.last, l.settled
		}
	}
}

// settle notes that a sequence was answered.
func (l *ownLane) settle(sequence uint64) {
	if sequence <= l.settled {
		return
	}
	l.answered[sequence] = struct{}{}
	for {
		if _, ok := l.answered[l.settled+1]; !ok {
			return
		}
		l.settled++
		delete(l.answered, l.settled)
	}
}
