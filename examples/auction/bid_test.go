package main

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// Two people bid against each other: escrow goes to and fro, the seller is paid, and whoever loses is told why.
func TestBids(t *testing.T) {
	h := newHall(t)
	seller, ann, bob := h.join("Sam", roleSeller), h.join("Ann", roleBidder), h.join("Bob", roleBidder)
	lot := h.lot(seller)
	h.wins(ann, lot, 100)
	if err := h.bids(ann, lot, 200); !errors.Is(err, errLeading) {
		t.Errorf("against oneself: %v", err)
	}
	for amount, want := range map[Cents]error{109: errLow, 100: errLow, 2_000_000: errMoney} {
		if err := h.bids(bob, lot, amount); !errors.Is(err, want) {
			t.Errorf("bid of %d: %v", amount, err)
		}
	}
	if err := h.bids(seller, lot, 500); !errors.Is(err, errOwnLot) {
		t.Errorf("the seller: %v", err)
	}
	h.wins(bob, lot, 110)
	h.quiet(lot)
	if p := h.purse(ann); p.Available != 1_000_000 || len(p.Held) != 0 {
		t.Errorf("Ann, outbid: %+v", p)
	}
	if p := h.purse(bob); p.Available != 999_890 || p.Held[lot] != 110 {
		t.Errorf("Bob, leading: %+v", p)
	}
	h.advance(lot)
	h.until(lot, func(l lotView) bool { return l.State == stateSold })
	if p := h.purse(bob); p.Available != 999_890 || len(p.Held) != 0 || p.Spent != 110 {
		t.Errorf("Bob, winner: %+v", p)
	}
	if p := h.purse(seller); p.Available != 1_000_110 || p.Earned != 110 {
		t.Errorf("Sam, seller: %+v", p)
	}
	if err := h.bids(ann, lot, 500); !errors.Is(err, errClosed) {
		t.Errorf("after the hammer: %v", err)
	}
	points, err := lotHistory.Call(h.ctx, ann.calls, LotName{lot})
	if err != nil || len(points) != 2 || points[0].Price != 100 || points[1].Price != 110 || points[1].LeaderName != "Bob" || points[0].At > points[1].At {
		t.Errorf("history: %+v, %v", points, err)
	}
	cards, err := listLots.Call(h.ctx, ann.calls, struct{}{})
	if err != nil || len(cards) != 1 || cards[0].State != stateSold || cards[0].LeaderName != "Bob" {
		t.Errorf("list: %+v, %v", cards, err)
	}
}

// advance moves the house's clock to the end of the lot, when all bids on it have been judged.
func (h *hall) advance(lot string) {
	h.t.Helper()
	h.quiet(lot)
	h.server.house.clock.ahead.Add(h.card(lot).Ends - h.server.house.clock.now())
	if c, err := h.server.house.clerkOf(lot); err == nil {
		c.wake()
	}
}

// Many bid at once: each bid that was acknowledged is in the log once, and one wins.
func TestManyAtOnce(t *testing.T) {
	h := newHall(t)
	seller := h.join("Sam", roleSeller)
	lots := []string{h.lot(seller), h.lot(seller)}
	var wg sync.WaitGroup
	for _, name := range []string{"A", "B", "C", "D", "E", "F"} {
		b := h.join(name, roleBidder)
		wg.Go(func() {
			for i := range 20 {
				_, err := b.bid(h.ctx, lots[i%2], func(next Cents) Cents { return next })
				if err != nil && !lost(err) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	acknowledged := map[string]int64{}
	for _, r := range h.journal.all() {
		acknowledged[r.Lot]++
	}
	for _, lot := range lots {
		h.quiet(lot)
		if card := h.card(lot); card.Bids != acknowledged[lot] || card.Price != 100+10*(card.Bids-1) {
			t.Errorf("%+v, %d acknowledged", card, acknowledged[lot])
		}
	}
	h.good()
}

// A bid in the last seconds moves the end; a lot without bids is unsold.
func TestEnds(t *testing.T) {
	h := newHall(t)
	seller, ann := h.join("Sam", roleSeller), h.join("Ann", roleBidder)
	lot, other := h.lot(seller), h.lot(seller)
	h.wins(ann, lot, 100)
	h.quiet(lot)
	before := h.card(lot).Ends
	clock := h.server.house.clock
	clock.ahead.Add(before - clock.now() - 5000)
	h.wins(h.join("Bob", roleBidder), lot, 200)
	h.quiet(lot)
	card := h.card(lot)
	if card.State != stateOpen || card.Ends <= before || card.Ends > clock.now()+15_000 {
		t.Errorf("a late bid: %+v, before %d, now %d", card, before, clock.now())
	}
	h.advance(other)
	h.until(other, func(l lotView) bool { return l.State == stateUnsold })
	h.advance(lot)
	h.until(lot, func(l lotView) bool { return l.State == stateSold })
}

// A bid that was committed before the hammer counts though nobody has looked at it: the hammer waits, and the end moves.
func TestHammerWaits(t *testing.T) {
	h := newHall(t)
	seller, ann := h.join("Sam", roleSeller), h.join("Ann", roleBidder)
	lot := h.lot(seller)
	c, err := h.server.house.clerkOf(lot)
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock() // the clerk is busy elsewhere
	h.wins(ann, lot, 100)
	clock := h.server.house.clock
	clock.ahead.Add(h.card(lot).Ends - clock.now() + 1000)
	err = c.fall(h.ctx)
	c.mu.Unlock()
	if !errors.Is(err, errNotYet) {
		t.Fatalf("the hammer fell: %v", err)
	}
	h.quiet(lot)
	if card := h.card(lot); card.State != stateOpen || card.Ends <= clock.now() {
		t.Errorf("%+v at %d", card, clock.now())
	}
}

// What is published is what is.
func TestPublished(t *testing.T) {
	h := newHall(t)
	seller, ann := h.join("Sam", roleSeller), h.join("Ann", roleBidder)
	cards, err := prices.All().Subscribe(h.ctx, ann.topics)
	if err != nil {
		t.Fatal(err)
	}
	defer cards.Close()
	falls, err := hammer.At().Subscribe(h.ctx, ann.topics)
	if err != nil {
		t.Fatal(err)
	}
	defer falls.Close()
	lot := h.lot(seller)
	h.wins(ann, lot, 150)
	for m, err := range cards.All(h.ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if c := m.Value; c.ID != lot || c.SellerName != "Sam" {
			t.Errorf("%+v", c)
		} else if c.Price == 150 && c.Leader == ann.id && c.Next == 160 {
			break
		}
	}
	h.advance(lot)
	for m, err := range falls.All(h.ctx) {
		if c := m.Value; err != nil || c.ID != lot || c.State != stateSold || c.Leader != ann.id || c.Closed == 0 {
			t.Errorf("%+v, %v", c, err)
		}
		break
	}
}

// Proxy bids answer as people with these maxima would, and nobody sees them.
func TestProxy(t *testing.T) {
	h := newHall(t)
	seller, ann, bob, eve := h.join("Sam", roleSeller), h.join("Ann", roleBidder), h.join("Bob", roleBidder), h.join("Eve", roleBidder)
	lot := h.lot(seller)
	set := func(b *bidder, most Cents, want ProxyState, wantErr error) {
		t.Helper()
		got, err := setProxy.Call(h.ctx, b.calls, Proxy{Lot: lot, Max: most})
		want.Max = most
		if wantErr != nil {
			if status.From(err).Reason != status.From(wantErr).Reason {
				t.Errorf("maximum %d: %v, want %v", most, err, wantErr)
			}
		} else if err != nil || got != want {
			t.Errorf("maximum %d: %+v, %v, want %+v", most, got, err, want)
		}
	}
	set(ann, 50, ProxyState{}, errLow)
	set(ann, 2_000_000, ProxyState{}, errMoney)
	set(seller, 500, ProxyState{}, errOwnLot)
	set(ann, 500, ProxyState{Leading: true, Price: 100}, nil)
	set(bob, 300, ProxyState{Leading: false, Price: 310}, nil)
	set(bob, 500, ProxyState{Leading: false, Price: 500}, nil) // as high as the earlier one
	set(eve, 505, ProxyState{}, errLow)
	set(eve, 600, ProxyState{Leading: true, Price: 510}, nil)
	h.wins(ann, lot, 530)
	h.quiet(lot)
	h.until(lot, func(l lotView) bool { return l.Leader == eve.id })
	if card := h.card(lot); card.Price != 540 {
		t.Errorf("answered: %+v", card)
	}
	h.quiet(lot)
	for b, want := range map[*bidder]Cents{ann: 1_000_000, bob: 1_000_000, eve: 999_460} {
		if p := h.purse(b); p.Available != want {
			t.Errorf("%s: %+v", b.id, p)
		}
	}
	if p := h.purse(eve); p.Maxima[lot] != 600 || p.Held[lot] != 540 {
		t.Errorf("Eve: %+v", p)
	}
	// A proxy goes no further than there is money.
	other := h.lot(seller)
	h.wins(eve, other, 999_435) // leaves 25, and 540 are set aside here
	h.wins(bob, lot, 550)
	h.until(lot, func(l lotView) bool { return l.Leader == eve.id && l.Price == 560 })
	h.wins(bob, lot, 570)
	h.quiet(lot)
	if card := h.card(lot); card.Leader != bob.id {
		t.Errorf("beyond the money: %+v", card)
	}
	set(eve, 0, ProxyState{Leading: false, Price: 570}, nil)
	if p := h.purse(eve); len(p.Maxima) != 0 || p.Available != 565 {
		t.Errorf("Eve: %+v", p)
	}
	if _, err := bob.objects.Open(h.ctx, accountObject(eve.id)); !errors.Is(err, dstm.ErrDenied) {
		t.Errorf("another's account: %v", err)
	}
	var log logAnswer
	h.get("/api/audit/log?limit=200", &log)
	seen := 0
	for _, e := range log.Entries {
		for _, c := range e.Changes {
			if slices.Contains(c.Path, "maxima") && len(c.Path) == 2 && c.Op == "set" {
				if seen++; c.Value != "hidden" || len(e.Bytes) > 0 {
					t.Errorf("a maximum in the log: %+v", e)
				}
			}
		}
	}
	if seen != 4 {
		t.Errorf("%d maxima in the log", seen)
	}
	h.advance(lot)
	h.until(lot, func(l lotView) bool { return l.State == stateSold })
	h.advance(other)
	h.until(other, func(l lotView) bool { return l.State == stateSold })
}
