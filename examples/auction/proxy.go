package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"sync"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// proxies is where maxima are, and how high. Those that count are in the accounts; only the server writes them, and here too.
type proxies struct {
	mu   sync.Mutex
	lots map[string]map[string]Cents
}

func (p *proxies) set(lot, user string, most Cents) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case most > 0:
		if p.lots == nil {
			p.lots = map[string]map[string]Cents{}
		}
		if p.lots[lot] == nil {
			p.lots[lot] = map[string]Cents{}
		}
		p.lots[lot][user] = most
	case len(p.lots[lot]) == 1:
		if _, ok := p.lots[lot][user]; ok {
			delete(p.lots, lot)
		}
	default:
		delete(p.lots[lot], user)
	}
}

// best are the users with the highest maxima on a lot, n at most.
func (p *proxies) best(lot string, n int) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.lots[lot]
	users := make([]string, 0, len(all))
	for user := range all {
		users = append(users, user)
	}
	slices.SortFunc(users, func(a, b string) int { return cmp.Or(cmp.Compare(all[b], all[a]), cmp.Compare(a, b)) })
	return users[:min(n, len(users))]
}

// users are all who have a maximum on a lot.
func (p *proxies) users(lot string) []string { return p.best(lot, 1<<30) }

// loadProxies reads the maxima from the accounts that have some, by lot and user.
func (h *house) loadProxies(where map[string]map[string]bool) error {
	for lot, users := range where {
		for user := range users {
			account, err := h.ledger.of(h.ctx, user)
			if err != nil {
				return err
			}
			err = account.View(func(tx *dstm.Tx) error {
				h.proxies.set(lot, user, maximum.At(lot).Get(tx))
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// proxySet is the call proxy.set.
func (h *house) proxySet(ctx context.Context, user string, in Proxy) (ProxyState, error) {
	if in.Max < 0 || in.Max > maxAmount {
		return ProxyState{}, badAmount()
	}
	c, err := h.clerkOf(in.Lot)
	if err != nil {
		return ProxyState{}, err
	}
	account, err := h.ledger.of(ctx, user)
	if err != nil {
		return ProxyState{}, err
	}
	ctx = context.WithoutCancel(ctx) // what is committed must be known here too, whether somebody waits for it or not
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return ProxyState{}, errClosed
	}
	_, err = dstm.UpdateAll(ctx, []dstm.Object{c.lot, account, h.object}, func(tx *dstm.Tx) error {
		mine, book := tx.In(account), tx.In(h.object)
		lot := lotAt(tx)
		switch {
		case lot.State != stateOpen:
			return errClosed
		case lot.Seller == user:
			return errOwnLot
		case in.Max == 0:
			maximum.At(in.Lot).Delete(mine)
			houseProxy.At(in.Lot, user).Delete(book)
			return nil
		case lot.Leader != user && in.Max < lot.next(), lot.Leader == user && in.Max < lot.Price:
			return errLow
		case in.Max > heldFor.At(in.Lot).Get(mine)+available.At().Get(mine):
			return errMoney
		}
		maximum.At(in.Lot).Set(mine, in.Max)
		houseProxy.At(in.Lot, user).Set(book, true)
		return nil
		// Hashes of entries are public. Salt keeps the maximum from being found by trying all that there are.
	}, dstm.Metadata(map[string]string{"salt": rand.Text()}))
	if err != nil {
		return ProxyState{}, err
	}
	h.proxies.set(in.Lot, user, in.Max)
	c.settled = 0 // the lot has not changed, but there is something to do
	if err := c.settle(ctx); err != nil {
		return ProxyState{}, err
	}
	card, err := c.card()
	if err != nil {
		return ProxyState{}, err
	}
	c.publish(&card)
	return ProxyState{Leading: card.Leader == user, Price: card.Price, Max: in.Max}, nil
}

func badAmount() error {
	return status.New(status.InvalidArgument, "auction.bad_amount", "an amount is whole cents, from 1 to %d", maxAmount)
}

// answer lets proxy bids answer what there is, in one step: as if all who have a maximum had gone on until only one was left.
func (c *clerk) answer(tx *dstm.Tx, lot *lotView, t *table) {
	next := lot.next()
	best, most, second := lot.Leader, lot.Price, Cents(0)
	if best != "" {
		most = max(most, c.limit(tx.In(t.accounts[best])))
	}
	for _, user := range c.house.proxies.best(c.id, mostAnswerer) {
		account := t.accounts[user]
		if account == nil || user == lot.Leader || user == lot.Seller {
			continue
		}
		switch limit := c.limit(tx.In(account)); {
		case limit < next:
		case best == "" || limit > most:
			best, most, second = user, limit, max(second, most)
		default:
			second = max(second, limit)
		}
	}
	if best == "" || best == lot.Leader && second == 0 {
		return
	}
	price := min(most, second+lot.Step)
	if second == 0 { // the first bid, or nobody against it
		price = next
	}
	price = max(price, next)
	mine := tx.In(t.accounts[best])
	need := price - heldFor.At(c.id).Get(mine)
	dstm.Add(mine, available.At(), -need)
	heldFor.At(c.id).Set(mine, price)
	if lot.Leader != "" && lot.Leader != best {
		giveBack(tx.In(t.accounts[lot.Leader]), c.id)
	}
	lotPrice.At().Set(tx, price)
	lotLeader.At().Set(tx, best)
	lotBids.At().Set(tx, lot.Bids+1)
	lot.Price, lot.Leader, lot.Bids = price, best, lot.Bids+1
}

// limit is how far a proxy bid goes: to its maximum, or as far as there is money. 0 without one.
func (c *clerk) limit(mine *dstm.Tx) Cents {
	most := maximum.At(c.id).Get(mine)
	if most == 0 {
		return 0
	}
	return min(most, heldFor.At(c.id).Get(mine)+available.At().Get(mine))
}

// forgetProxies removes the maxima of a closed lot. Where they are is forgotten with each, so that a house that was killed in between goes on.
func (h *house) forgetProxies(lot string) {
	for _, user := range h.proxies.users(lot) {
		account, err := h.ledger.of(h.ctx, user)
		if err != nil {
			return
		}
		_, err = dstm.UpdateAll(h.ctx, []dstm.Object{account, h.object}, func(tx *dstm.Tx) error {
			maximum.At(lot).Delete(tx)
			houseProxy.At(lot, user).Delete(tx.In(h.object))
			return nil
		})
		if err != nil {
			return // the house closes, and goes on with it at the next start
		}
		h.proxies.set(lot, user, 0)
	}
	if len(h.proxies.users(lot)) == 0 {
		_, _ = h.object.Update(h.ctx, func(tx *dstm.Tx) error {
			if tx.Exists("proxies", lot) {
				tx.Delete("proxies", lot)
			}
			return nil
		})
	}
}
