package main

import (
	"context"
	"errors"

	"github.com/trefoilgo/trefoil/dstm"
)

// errNotYet says that the hammer may not fall: the end has moved, or a bid was not judged yet.
var errNotYet = errors.New("not yet")

// fall is the hammer: one transaction that closes the lot, pays the seller and names the winner. Every bid is committed before it and
// counts, or comes too late and finds the lot closed.
func (c *clerk) fall(ctx context.Context) error {
	h := c.house
	card, err := c.card()
	if err != nil {
		return err
	}
	seller, err := h.ledger.of(ctx, card.Seller)
	if err != nil {
		return err
	}
	objects := []dstm.Object{c.lot, h.object, seller}
	var winner dstm.Object
	leader := card.Leader
	if leader != "" {
		if winner, err = h.ledger.of(ctx, leader); err != nil {
			return err
		}
		objects = append(objects, winner)
	}
	_, err = dstm.UpdateAll(ctx, objects, func(tx *dstm.Tx) error {
		now := h.clock.now()
		lot := lotAt(tx)
		if lot.State != stateOpen || lot.Leader != leader || lot.Judged != lot.Bids || lot.Ends > now {
			return errNotYet
		}
		houseLots.At(c.id).Set(tx.In(h.object), now)
		lotClosed.At().Set(tx, now)
		if leader == "" {
			lotState.At().Set(tx, stateUnsold)
			return nil
		}
		lotState.At().Set(tx, stateSold)
		its, theirs := tx.In(winner), tx.In(seller)
		heldFor.At(c.id).Delete(its)
		dstm.Add(its, spent.At(), lot.Price)
		dstm.Add(theirs, available.At(), lot.Price)
		dstm.Add(theirs, earned.At(), lot.Price)
		return nil
	})
	return err
}

// cancel closes the lot without a sale; may is asked about it in the transaction.
func (c *clerk) cancel(ctx context.Context, may func(lot *lotView) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := dstm.UpdateAll(ctx, []dstm.Object{c.lot, c.house.object}, func(tx *dstm.Tx) error {
		lot := lotAt(tx)
		if lot.State != stateOpen {
			return errClosed
		}
		if err := may(&lot); err != nil {
			return err
		}
		now := c.house.clock.now()
		lotState.At().Set(tx, stateCancelled)
		lotClosed.At().Set(tx, now)
		houseLots.At(c.id).Set(tx.In(c.house.object), now)
		if lot.Leader != "" {
			lotDue.At(lot.Leader).Set(tx, true) // settle returns it
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.ring("cancelled")
	if err := c.settle(ctx); err != nil {
		return err
	}
	return c.finish(ctx)
}

// finish ends the clerk's work on a closed lot. The caller holds mu.
func (c *clerk) finish(ctx context.Context) error {
	if c.done {
		return nil
	}
	h := c.house
	h.forgetProxies(c.id)
	card, err := c.card()
	if err != nil {
		return err
	}
	c.publish(&card)
	c.done = true
	h.mu.Lock()
	delete(h.clerks, c.id)
	h.closed[c.id] = card
	h.mu.Unlock()
	h.prune(ctx)
	_, _ = hammer.At().Publish(h.ctx, h.topics, card)
	c.lot.Close() // ends listen
	c.wake()      // and work, if this was a call
	return nil
}

// prune keeps the list of closed lots short. The lots themselves stay.
func (h *house) prune(ctx context.Context) {
	h.mu.Lock()
	var drop []string
	for len(h.closed) > keptLots {
		oldest := ""
		for id, card := range h.closed {
			if oldest == "" || card.Closed < h.closed[oldest].Closed {
				oldest = id
			}
		}
		delete(h.closed, oldest)
		drop = append(drop, oldest)
	}
	h.mu.Unlock()
	if len(drop) == 0 {
		return
	}
	// If it fails they are in the list again after the next start, and pruned then.
	_, _ = h.object.Update(ctx, func(tx *dstm.Tx) error {
		for _, id := range drop {
			houseLots.At(id).Delete(tx)
		}
		return nil
	})
}
