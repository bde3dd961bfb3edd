package main

import (
	"maps"
	"strings"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// The sum of money that was ever given out, in the object house.
var minted = dstm.NewVar[Cents]("minted")

// broken refuses a transaction: why is for programs, the rest for people.
func broken(why, format string, args ...any) *status.Error {
	return status.New(status.FailedPrecondition, "auction.law", format, args...).WithDetail("why", why)
}

// changes are what a transaction does to the objects that it writes.
type changes struct {
	lots     []lotChange
	accounts []accountChange
	minted   Cents
	sound    bool // all of it is of its kind
}

type lotChange struct {
	id      string
	was, is lotView
}

type accountChange struct {
	user    string
	was, is accountView
}

// changesOf reads each object once: it is asked for every commit.
func changesOf(t *dstm.Transition, objects []string) changes {
	c := changes{sound: true}
	for _, name := range objects {
		before, after := t.Before(name), t.After(name)
		if id, ok := strings.CutPrefix(name, "lot/"); ok {
			c.lots = append(c.lots, lotChange{id, lotAt(before), lotAt(after)})
		} else if user, ok := strings.CutPrefix(name, "account/"); ok {
			c.accounts = append(c.accounts, accountChange{user, accountAt(before), accountAt(after)})
		} else if name == houseObject {
			c.minted += minted.At().Get(after) - minted.At().Get(before)
		}
		c.sound = c.sound && before.Err() == nil && after.Err() == nil
	}
	return c
}

// lawful is asked inside every commit, the server's own included. What a client may do is narrowed further by onlyBid; what is
// here holds for everybody, so that a mistake in the server cannot make or lose money either.
func lawful(t *dstm.Transition) error {
	objects := t.Objects()
	c := changesOf(t, objects)
	if !t.Own() {
		if err := onlyBid(t.User(), &c, len(objects)); err != nil {
			return err
		}
	}
	if !c.sound {
		return broken("shape", "something is not of its kind")
	}
	change := -c.minted // of all that people have, less what was given out
	for i := range c.accounts {
		a := &c.accounts[i]
		if err := a.is.lawful(); err != nil {
			return err
		}
		change += a.is.worth() - a.was.worth()
	}
	for i := range c.lots {
		if err := lotLaw(t, &c.lots[i]); err != nil {
			return err
		}
	}
	if change != 0 {
		return broken("money", "the sum of money would change by %d cents", change)
	}
	return nil
}

// onlyBid refuses everything of a client that is not one bid, exactly.
func onlyBid(user string, c *changes, objects int) error {
	if user == "" || objects != 2 || len(c.lots) != 1 || len(c.accounts) != 1 || c.accounts[0].user != user {
		return broken("shape", "a bid changes one lot and the own account")
	}
	lot := c.lots[0].id
	was, is := &c.lots[0].was, &c.lots[0].is
	switch {
	case was.State != stateOpen:
		return broken("closed", "the lot is closed")
	case !c.sound:
		return broken("amount", "bids and money are numbers of whole cents")
	case is.Price < 1 || is.Price > maxAmount:
		return broken("amount", "a bid is between 1 cent and %d cents", maxAmount)
	case is.Price < was.next():
		return broken("low", "the next bid is at least %d cents", was.next()).WithDetail("next", was.next())
	case was.Seller == user:
		return broken("own_lot", "sellers do not bid on their own lots")
	case was.Leader == user:
		return broken("leading", "you lead already")
	case is.Leader != user:
		return broken("shape", "a bid is its author's")
	case is.Bids != was.Bids+1:
		return broken("shape", "a bid is one bid")
	}
	due := maps.Clone(was.Due)
	if was.Leader != "" {
		due[was.Leader] = true
	}
	if !maps.Equal(due, is.Due) {
		return broken("shape", "who was outbid, and nobody else, is marked")
	}
	had, has := &c.accounts[0].was, &c.accounts[0].is
	need := is.Price - had.Held[lot]
	if need > had.Available {
		return broken("money", "you have %d cents that are free, and need %d", had.Available, need)
	}
	held := maps.Clone(had.Held)
	held[lot] = is.Price
	if has.Available != had.Available-need || !maps.Equal(has.Held, held) {
		return broken("shape", "a bid sets its price aside, and nothing else")
	}
	return nil
}

// lotLaw is what holds of a lot whoever changes it.
func lotLaw(t *dstm.Transition, c *lotChange) error {
	id, was, is := c.id, &c.was, &c.is
	if was.State == "" {
		if is.State != stateOpen || is.Price != 0 || is.Leader != "" || is.Bids != 0 || is.Start < 1 || is.Start > maxAmount || is.Step < 1 || is.Step > maxAmount {
			return broken("shape", "a lot begins open and without bids")
		}
		return nil
	}
	raised, same := is.Price != was.Price, is.Leader == was.Leader
	switch {
	case is.Seller != was.Seller || is.Start != was.Start || is.Step != was.Step || is.Opened != was.Opened:
		return broken("shape", "what a lot began with stays")
	case was.State != stateOpen && (raised || !same || is.State != was.State || is.Bids != was.Bids || is.Ends != was.Ends || is.Closed != was.Closed):
		return broken("closed", "nothing happens after the hammer")
	case raised && is.Price < was.next() || is.Price > maxAmount:
		return broken("low", "a price only rises, and by a step at least")
	case !raised && !same, raised && is.Bids <= was.Bids, !raised && is.Bids != was.Bids:
		return broken("shape", "another leader is another price, and a bid")
	case raised && is.Leader == "", is.Leader == is.Seller && is.Leader != "":
		return broken("own_lot", "sellers do not lead")
	}
	// The escrow of the leader is the price, and the one before is marked or has it back.
	if raised && escrowAfter(t, is.Leader, id) != is.Price {
		return broken("money", "the price must be set aside by who leads")
	}
	if !same && was.Leader != "" && !is.Due[was.Leader] && escrowAfter(t, was.Leader, id) != 0 {
		return broken("money", "who was outbid gets the money back")
	}
	if is.State == was.State {
		return nil
	}
	switch is.State {
	case stateSold:
		seller := accountObject(is.Seller)
		if is.Leader == "" || raised || escrowAfter(t, is.Leader, id) != 0 || t.After(seller) == nil ||
			accountAt(t.After(seller)).Available-accountAt(t.Before(seller)).Available != is.Price {
			return broken("money", "the winner's escrow goes to the seller")
		}
	case stateUnsold:
		if is.Leader != "" {
			return broken("shape", "a lot with a bid is sold")
		}
	case stateCancelled:
		if is.Leader != "" && !is.Due[is.Leader] && escrowAfter(t, is.Leader, id) != 0 {
			return broken("money", "who led gets the money back")
		}
	default:
		return broken("shape", "a lot is open, sold, unsold or cancelled")
	}
	return nil
}

// escrowAfter is what user has set aside for lot after the transaction, -1 if it does not name the account.
func escrowAfter(t *dstm.Transition, user, lot string) Cents {
	tx := t.After(accountObject(user))
	if tx == nil {
		return -1
	}
	return heldFor.At(lot).Get(tx)
}
