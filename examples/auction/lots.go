package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/status"
)

// Limits of a new lot.
const (
	maxTitle   = 80   // characters
	maxText    = 1000 // characters
	maxSeconds = 7 * 24 * 60 * 60
)

// handle makes calls answer for the house.
func (h *house) handle(calls *rpc.Peer) {
	askClock.Handle(calls, func(context.Context, struct{}) (Now, error) { return Now{h.clock.now()}, nil })
	askMe.Handle(calls, func(ctx context.Context, _ struct{}) (Person, error) {
		user, _ := caller(ctx)
		return h.personOf(user), nil
	})
	listLots.Handle(calls, func(context.Context, struct{}) ([]Card, error) { return h.cards(), nil })
	lotHistory.Handle(calls, func(ctx context.Context, in LotName) ([]Point, error) { return h.history(ctx, in.Lot) })
	openLot.Handle(calls, func(ctx context.Context, in NewLot) (Card, error) {
		user, _ := caller(ctx)
		return h.open(ctx, user, in)
	}, needs(roleSeller, roleAuctioneer))
	cancelLot.Handle(calls, func(ctx context.Context, in LotName) (Card, error) {
		user, role := caller(ctx)
		return h.cancelLot(ctx, user, role, in.Lot)
	}, needs(roleSeller, roleAuctioneer))
	setProxy.Handle(calls, func(ctx context.Context, in Proxy) (ProxyState, error) {
		user, _ := caller(ctx)
		return h.proxySet(ctx, user, in)
	}, needs(roleBidder, roleSeller))
	findPeople.Handle(calls, h.findPeople)
}

// caller is who calls, as the server knows it.
func caller(ctx context.Context) (user, role string) {
	info, _ := rpc.CallFrom(ctx)
	return info.Identity.User, roleOf(info.Identity)
}

// needs allows a call to people of some roles.
func needs(roles ...string) rpc.HandleOption {
	return rpc.Authorize(func(_ context.Context, info rpc.Info) error {
		if slices.Contains(roles, roleOf(info.Identity)) {
			return nil
		}
		return status.New(status.PermissionDenied, "auction.role", "that is for people of the role %s", strings.Join(roles, " or "))
	})
}

func (h *house) personOf(id string) Person {
	who, ok := h.people.get(id)
	if !ok {
		return Person{}
	}
	return Person{ID: id, Name: who.Name, Role: who.Role, Robot: who.Robot}
}

func (h *house) findPeople(_ context.Context, in People) ([]Person, error) {
	if len(in.IDs) > 100 {
		return nil, status.New(status.InvalidArgument, "auction.too_many", "100 people at once are the most")
	}
	found := []Person{}
	for _, id := range in.IDs {
		if who := h.personOf(id); who.ID != "" {
			found = append(found, who)
		}
	}
	return found, nil
}

// cards are all open lots, the next to end first, and the newest closed ones.
func (h *house) cards() []Card {
	h.mu.Lock()
	clerks := make([]*clerk, 0, len(h.clerks))
	for _, c := range h.clerks {
		clerks = append(clerks, c)
	}
	closed := make([]Card, 0, len(h.closed))
	for _, card := range h.closed {
		closed = append(closed, card)
	}
	h.mu.Unlock()
	open := make([]Card, 0, len(clerks)+len(closed))
	for _, c := range clerks {
		_ = c.lot.View(func(tx *dstm.Tx) error { // one that closes meanwhile comes by a publication
			open = append(open, h.cardOf(tx, c.id))
			return nil
		})
	}
	slices.SortFunc(open, func(a, b Card) int { return cmp.Or(cmp.Compare(a.Ends, b.Ends), cmp.Compare(a.ID, b.ID)) })
	slices.SortFunc(closed, func(a, b Card) int { return cmp.Or(cmp.Compare(b.Closed, a.Closed), cmp.Compare(a.ID, b.ID)) })
	return append(open, closed...)
}

// clerkOf is the clerk of an open lot.
func (h *house) clerkOf(lot string) (*clerk, error) {
	h.mu.Lock()
	c := h.clerks[lot]
	h.mu.Unlock()
	if c != nil {
		return c, nil
	}
	if _, err := h.readCard(h.ctx, lot); err != nil {
		return nil, err
	}
	return nil, errClosed
}

// open opens a lot of seller's.
func (h *house) open(ctx context.Context, seller string, in NewLot) (card Card, err error) {
	title, err := cleanLine(in.Title, maxTitle)
	if err != nil {
		return card, status.New(status.InvalidArgument, "auction.bad_title", "a title has 1 to %d characters", maxTitle)
	}
	text, err := cleanText(in.Text)
	if err != nil {
		return card, err
	}
	switch {
	case in.Start < 1 || in.Start > maxAmount || in.Step < 0 || in.Step > maxAmount:
		return card, badAmount()
	case in.Seconds < int64(h.shortest/time.Second) || in.Seconds < 1 || in.Seconds > maxSeconds:
		return card, status.New(status.InvalidArgument, "auction.bad_time", "a lot is open for %v to %d days", h.shortest, maxSeconds/86400)
	}
	if in.Step == 0 {
		in.Step = usualStep(in.Start)
	}
	if err := h.room(seller); err != nil {
		return card, err
	}
	id, now := newID(), h.clock.now()
	lot, err := h.objects.Open(ctx, lotObject(id))
	if err != nil {
		return card, err
	}
	defer lot.Close()
	ctx = context.WithoutCancel(ctx) // what is committed needs a clerk, whether somebody waits for it or not
	_, err = dstm.UpdateAll(ctx, []dstm.Object{lot, h.object}, func(tx *dstm.Tx) error {
		lotTitle.At().Set(tx, title)
		lotText.At().Set(tx, text)
		lotSeller.At().Set(tx, seller)
		lotState.At().Set(tx, stateOpen)
		lotStart.At().Set(tx, in.Start)
		lotStep.At().Set(tx, in.Step)
		lotPrice.At().Set(tx, 0)
		lotLeader.At().Set(tx, "")
		lotBids.At().Set(tx, 0)
		lotOpened.At().Set(tx, now)
		lotEnds.At().Set(tx, now+in.Seconds*1000)
		lotClosed.At().Set(tx, 0)
		lotPaused.At().Set(tx, h.paused)
		lotJudged.At().Set(tx, 0)
		tx.Set(map[string]any{}, "due")
		houseLots.At(id).Set(tx.In(h.object), 0)
		card = h.cardOf(tx, id)
		return nil
	})
	if err != nil {
		return card, err
	}
	card.Version = lot.Head().Version
	if err := h.setClerk(id, false); err != nil {
		return card, err
	}
	_, _ = bell.At().Publish(h.ctx, h.topics, Ring{Lot: id, Text: "opened"})
	return card, nil
}

// room says whether seller may have one more lot open.
func (h *house) room(seller string) error {
	h.mu.Lock()
	clerks := make([]*clerk, 0, len(h.clerks))
	for _, c := range h.clerks {
		clerks = append(clerks, c)
	}
	h.mu.Unlock()
	own := 0
	for _, c := range clerks {
		_ = c.lot.View(func(tx *dstm.Tx) error { // one that closes meanwhile does not count
			if lotSeller.At().Get(tx) == seller {
				own++
			}
			return nil
		})
	}
	who, _ := h.people.get(seller)
	if len(clerks) >= maxOpenLots || own >= maxOwnLots && who.Role != roleAuctioneer {
		return status.New(status.ResourceExhausted, "auction.too_many", "there are %d lots, %d of them yours", len(clerks), own)
	}
	return nil
}

// usualStep is the largest of 1, 2 and 5 times a power of ten that is not above a twentieth of where a lot starts, and at least one euro.
func usualStep(start Cents) Cents {
	step := Cents(100)
	for power := step; power <= start/20; power *= 10 {
		for _, times := range []Cents{1, 2, 5} {
			if power*times <= start/20 {
				step = power * times
			}
		}
	}
	return step
}

func (h *house) cancelLot(ctx context.Context, user, role, id string) (Card, error) {
	c, err := h.clerkOf(id)
	if err != nil {
		return Card{}, err
	}
	err = c.cancel(ctx, func(lot *lotView) error {
		switch {
		case role == roleAuctioneer:
			return nil
		case lot.Seller != user:
			return status.New(status.PermissionDenied, "auction.not_yours", "that is another's lot")
		case lot.Bids > 0:
			return status.New(status.FailedPrecondition, "auction.has_bids", "somebody has bid already: only the auctioneer can cancel it now")
		}
		return nil
	})
	if err != nil {
		return Card{}, err
	}
	return h.readCard(ctx, id)
}

// cleanText is text of several lines without other control characters.
func cleanText(text string) (string, error) {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r) && r != '\u200d' {
			return -1
		}
		return r
	}, text))
	if utf8.RuneCountInString(text) > maxText {
		return "", status.New(status.InvalidArgument, "auction.bad_text", "a text has %d characters at most", maxText)
	}
	return text, nil
}
