package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
)

// clerk looks after one open lot. After every bid it returns escrow to who was outbid, lets proxy bids answer, moves the end, and
// tells everybody; at the end it lets the hammer fall. All of it is the server's own transactions, which find in the lot what there is to do: a
// clerk that was killed halfway is replaced by one that goes on.
type clerk struct {
	house *house
	id    string
	lot   dstm.Object
	woken chan struct{}

	mu      sync.Mutex // one settles at a time: the clerk itself, or a call that wants to see the outcome
	told    uint64     // version of the lot that was published last
	settled uint64     // version of the lot at which nothing was left to do
	done    bool
}

// resume moves the end by how long the house was closed since it was set, and to at least some seconds from now, so that nobody loses
// the chance to answer.
func (c *clerk) resume(ctx context.Context) error {
	h := c.house
	_, err := c.lot.Update(ctx, func(tx *dstm.Tx) error {
		if lotState.At().Get(tx) != stateOpen {
			return nil
		}
		paused, ends := lotPaused.At().Get(tx), lotEnds.At().Get(tx)
		lotEnds.At().Set(tx, max(ends+h.paused-paused, h.clock.now()+h.grace.Milliseconds()))
		lotPaused.At().Set(tx, h.paused)
		return nil
	})
	return err
}

// listen wakes the clerk when the lot has changed.
func (c *clerk) listen() {
	for seen := uint64(0); ; seen = c.lot.Head().Version {
		if c.lot.Wait(c.house.ctx, seen+1) != nil {
			return // the lot or the house is closed
		}
		c.wake()
	}
}

func (c *clerk) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// retryGap is how long a clerk waits after a failure, which is that of the store and rarely passes.
const retryGap = time.Second

// work is the clerk's day.
func (c *clerk) work() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.house.ctx.Done():
			return
		case <-c.woken:
		case <-timer.C:
		}
		closed, wait, err := c.turn(c.house.ctx)
		if closed {
			return
		}
		if err != nil {
			wait = retryGap
		}
		timer.Reset(wait)
	}
}

// turn does what is to be done now, and says how long there is nothing to do if nothing happens. It reports whether the lot is closed and
// everything about it is done.
func (c *clerk) turn(ctx context.Context) (closed bool, wait time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return true, 0, nil
	}
	for {
		if err := c.settle(ctx); err != nil {
			return false, 0, err
		}
		card, err := c.card()
		switch {
		case err != nil: // the store has failed
			return false, 0, err
		case card.State != stateOpen:
			err := c.finish(ctx)
			return c.done, 0, err
		}
		wait := time.Duration(card.Ends-c.house.clock.now()) * time.Millisecond
		if wait > 0 {
			c.publish(&card)
			return false, wait, nil
		}
		if err := c.fall(ctx); err != nil && !errors.Is(err, errNotYet) {
			return false, 0, err
		}
	}
}

// card is the lot now.
func (c *clerk) card() (card Card, err error) {
	err = c.lot.View(func(tx *dstm.Tx) error { card = c.house.cardOf(tx, c.id); return nil })
	return card, err
}

// Limits of one transaction, so that with lot and leader it stays within 16 objects.
const (
	mostReturns  = 6
	mostAnswerer = 6
)

// settle brings the lot in order: escrow is returned, proxies have answered, the end is where it should be.
func (c *clerk) settle(ctx context.Context) error {
	for {
		if c.lot.Head().Version == c.settled {
			return nil
		}
		again, version, err := c.settleOnce(ctx)
		if err != nil {
			return err
		}
		if !again {
			c.settled = version
			return nil
		}
	}
}

// errChanged says that a transaction needs an account that was not foreseen.
var errChanged = errors.New("somebody else leads now")

func (c *clerk) settleOnce(ctx context.Context) (again bool, version uint64, err error) {
	t := &table{lot: c.lot, accounts: map[string]dstm.Object{}}
	var names []string
	err = c.lot.View(func(tx *dstm.Tx) error { // of every bid: so it reads no more than it needs
		names = tx.Keys("due")
		names = names[:min(len(names), mostReturns)]
		if lotState.At().Get(tx) != stateOpen {
			return nil
		}
		names = append(names, c.house.proxies.best(c.id, mostAnswerer)...)
		if leader := lotLeader.At().Get(tx); leader != "" {
			names = append(names, leader)
		}
		return nil
	})
	if err != nil {
		return false, 0, err
	}
	slices.Sort(names)
	objects := []dstm.Object{c.lot}
	for _, user := range slices.Compact(names) {
		account, err := c.house.ledger.of(ctx, user)
		if err != nil {
			return false, 0, err
		}
		t.accounts[user] = account
		objects = append(objects, account)
	}
	more, extended := false, false
	commits, err := dstm.UpdateAll(ctx, objects, func(tx *dstm.Tx) error {
		more, extended = false, false
		lot := lotAt(tx)
		if lot.State == stateOpen {
			if lot.Leader != "" && t.accounts[lot.Leader] == nil {
				return errChanged
			}
			c.answer(tx, &lot, t)
			extended = c.extend(tx, &lot)
		}
		for user := range lot.Due {
			if t.accounts[user] == nil {
				more = true
				continue
			}
			if user != lot.Leader || lot.State == stateCancelled {
				giveBack(tx.In(t.accounts[user]), c.id)
			}
			lotDue.At(user).Delete(tx)
		}
		return nil
	})
	switch {
	case errors.Is(err, errChanged):
		return true, 0, nil
	case err != nil:
		return false, 0, err
	}
	if extended {
		c.ring("extended")
	}
	return more, commits[0].Version, nil
}

// table is what a transaction of the clerk has before it.
type table struct {
	lot      dstm.Object
	accounts map[string]dstm.Object
}

// giveBack returns what an account has set aside for a lot.
func giveBack(mine *dstm.Tx, lot string) {
	if held := heldFor.At(lot).Get(mine); held != 0 {
		dstm.Add(mine, available.At(), held)
		heldFor.At(lot).Delete(mine)
	}
}

// extend moves the end if a bid came late. Each bid is looked at once.
func (c *clerk) extend(tx *dstm.Tx, lot *lotView) bool {
	if lot.Bids == lot.Judged {
		return false
	}
	lotJudged.At().Set(tx, lot.Bids)
	lot.Judged = lot.Bids
	now := c.house.clock.now()
	if until := now + c.house.extension.Milliseconds(); lot.Ends < until {
		lotEnds.At().Set(tx, until)
		lot.Ends = until
		return true
	}
	return false
}

// publish tells everybody how the lot stands, if they have not been told.
func (c *clerk) publish(card *Card) {
	if card.Version == c.told {
		return
	}
	c.told = card.Version
	// Who misses it asks for the list after the reconnect.
	_, _ = prices.At(c.id).Publish(c.house.ctx, c.house.topics, *card)
}

func (c *clerk) ring(text string) {
	_, _ = bell.At().Publish(c.house.ctx, c.house.topics, Ring{Lot: c.id, Text: text})
}
