package main

import (
	"context"
	"errors"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// Why a bid cannot win, as its own client knows at once; the server says the same in the details of its refusal.
var (
	errClosed  = status.New(status.FailedPrecondition, "auction.closed", "the lot is closed")
	errLow     = status.New(status.FailedPrecondition, "auction.low", "somebody bids as much or more")
	errLeading = status.New(status.FailedPrecondition, "auction.leading", "you lead already")
	errOwnLot  = status.New(status.FailedPrecondition, "auction.own_lot", "sellers do not bid on their own lots")
	errMoney   = status.New(status.FailedPrecondition, "auction.money", "you do not have that much money free")
)

// bid bids on a lot as the user me, whose account is given: a transaction of me's own client. amount is asked, again if somebody was faster, how
// much to bid where next is the least; 0 gives up with errLow. What it returned last is returned.
func bid(ctx context.Context, lot, account dstm.Object, me string, amount func(next Cents) Cents) (dstm.Commit, Cents, error) {
	id := lot.Name()[len("lot/"):]
	var offer Cents
	commits, err := dstm.UpdateAll(ctx, []dstm.Object{lot, account}, func(tx *dstm.Tx) error {
		mine := tx.In(account)
		if !lotState.At().Guard(tx, dstm.Equal, stateOpen) {
			return errClosed
		}
		next, leader, bids := lotStart.At().Get(tx), lotLeader.At().Get(tx), lotBids.At().Get(tx)
		if bids > 0 {
			next = lotPrice.At().Get(tx) + lotStep.At().Get(tx)
		}
		switch {
		case leader == me:
			return errLeading
		case lotSeller.At().Get(tx) == me:
			return errOwnLot
		}
		if offer = amount(next); offer < next {
			return errLow
		}
		held := heldFor.At(id)
		need := offer - held.Get(mine) // what has not come back yet counts
		if !available.At().Guard(mine, dstm.GreaterOrEqual, need) {
			return errMoney
		}
		if leader != "" {
			lotDue.At(leader).Set(tx, true) // the server returns that escrow
		}
		lotPrice.At().Set(tx, offer)
		lotLeader.At().Set(tx, me)
		lotBids.At().Set(tx, bids+1)
		dstm.Add(mine, available.At(), -need)
		held.Set(mine, offer)
		return nil
	})
	if err != nil {
		return dstm.Commit{}, offer, reasoned(err)
	}
	return commits[0], offer, nil
}

// reasoned turns the server's refusal into the error that the client would have given itself, had it known.
func reasoned(err error) error {
	if !errors.Is(err, dstm.ErrInvariant) {
		return err
	}
	why, _ := status.From(err).Details["why"].(string)
	for _, e := range []*status.Error{errClosed, errLow, errLeading, errOwnLot, errMoney} {
		if string(e.Reason) == "auction."+why {
			return e.Because(err)
		}
	}
	return err
}
