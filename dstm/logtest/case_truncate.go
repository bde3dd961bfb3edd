package logtest

import (
	"fmt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

func truncatePrecondition(k *kit) {
	log := k.fresh()
	k.wantCode(log.Truncate(k.ctx, 1), status.FailedPrecondition, "Truncate up to 1 of an empty log")
	k.fill(log, 20)
	for _, upto := range []dstm.Position{21, 22, 1 << 40} {
		k.wantCode(log.Truncate(k.ctx, upto), status.FailedPrecondition, fmt.Sprintf("Truncate up to %d with head 20", upto))
	}
	k.wantNumbered(log, 0, 20)
}

// truncate may remove fewer entries than it was asked to; what it left must be readable, what it removed must be said.
func truncate(k *kit) {
	log := k.fresh()
	k.fill(log, 200)
	k.save(log, piece("state", 150, "state"))
	reach := dstm.Position(0)
	for _, upto := range []dstm.Position{0, 10, 100, 50, 149, 150} {
		if err := log.Truncate(k.ctx, upto); err != nil {
			k.Fatalf("Truncate up to %d: %v", upto, err)
		}
		k.wantNumbered(log, 150, 200)
		now := k.reach(log, 200)
		if now < reach || now > 150 {
			k.Fatalf("the log begins behind %d after Truncate up to %d; it began behind %d before", now, upto, reach)
		}
		reach = now
		k.wantNumbered(log, reach, 200)
	}
	k.wantPieces(log, piece("state", 150, "state"))
	k.fill(log, 230)
	k.wantNumbered(log, 150, 230)
}

// reach finds the least position behind which Read still yields, and checks that all smaller ones say ErrTruncated.
func (k *kit) reach(log dstm.Log, head dstm.Position) dstm.Position {
	k.Helper()
	reach := head
	for after := head; after > 0; after-- {
		err := k.readEnd(log, after-1)
		if err == nil && reach == after {
			reach = after - 1
			continue
		}
		if err == nil {
			k.Fatalf("Read behind %d works but not behind %d", after-1, reach-1)
		}
		k.wantReason(err, dstm.ErrTruncated, fmt.Sprintf("Read behind %d", after-1))
	}
	return reach
}

// truncateEverything leaves an empty log that must not forget its head, with a reader waiting at it.
func truncateEverything(k *kit) {
	log := k.fresh()
	k.fill(log, 30)
	followed := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		next := dstm.Position(30)
		for e, err := range log.Read(k.ctx, 29) {
			if err == nil && e.Position != next {
				err = fmt.Errorf("yielded %d, want %d", e.Position, next)
			}
			if err != nil {
				followed <- err
				break
			}
			if next == 30 {
				close(started)
			}
			if next == 40 {
				break
			}
			next++
		}
		close(followed)
	}()
	select {
	case <-started:
	case err := <-followed:
		k.Fatalf("Read behind 29: %v", err)
	}
	if err := log.Truncate(k.ctx, 30); err != nil {
		k.Fatalf("Truncate: %v", err)
	}
	k.wantHead(log, 30)
	_, err := log.Append(k.ctx, 0, batch([]byte("no")))
	k.wantReason(err, dstm.ErrMoved, "Append behind 0 after all was truncated")
	k.fill(log, 40)
	k.wantNumbered(log, 30, 40)
	if err := <-followed; err != nil {
		k.Fatalf("a Read that waited at the head while all was truncated: %v", err)
	}
}
