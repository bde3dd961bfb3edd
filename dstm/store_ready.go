package dstm

import (
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Attempts at what a batch needs to know before it can be decided.
const (
	maxReadies    = 5
	firstReadyGap = 5 * time.Millisecond
)

// confirm makes sure that the store knows the end of the log, if a job has seen more than this node has, since another node may
// be ahead, or only reads, since no append will tell then. The caller holds applying. An error ends the store.
func (s *Store) confirm(jobs []storeJob) error {
	needed, ahead := false, false
	head := s.state.Load().Position
	for i := range jobs {
		tx := jobs[i].request.Tx
		needed = needed || tx != nil && readsOnly(tx)
		ahead = ahead || jobs[i].open != nil || tx != nil && tx.Position > head
	}
	if !needed && !ahead {
		return nil
	}
	attempts := 1
	if needed {
		attempts = maxReadies
	}
	err := s.patiently(attempts, func() error { return s.catchUp(s.ctx) })
	if err == nil || final(err) {
		return err
	}
	// What writes is decided on what is here, and the append tells if that was not the end.
	for i := range jobs {
		if tx := jobs[i].request.Tx; tx != nil && readsOnly(tx) && jobs[i].request.Refusal == nil {
			jobs[i].request.Refusal = &engine.Refusal{Code: status.ResourceExhausted, Reason: ErrBusy, Message: "the end of the log cannot be read now"}
		}
	}
	return nil
}

func readsOnly(tx *txn.Transaction) bool {
	for i := range tx.Parts {
		if len(tx.Parts[i].Writes) > 0 {
			return false
		}
	}
	return true
}

// patiently calls fn until it succeeds or fails for good, attempts times at most.
func (s *Store) patiently(attempts int, fn func() error) error {
	for attempt, gap := 1, firstReadyGap; ; attempt, gap = attempt+1, 2*gap {
		err := fn()
		if err == nil || final(err) || s.ctx.Err() != nil || attempt == attempts {
			return err
		}
		s.world.Sleep(s.ctx, gap)
		if s.ctx.Err() != nil {
			return err
		}
	}
}
