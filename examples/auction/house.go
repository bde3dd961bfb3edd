package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/status"
)

// houseObject is the object that only the server opens.
const houseObject = "house"

// Paths of the object house, besides minted.
var (
	houseAlive  = dstm.NewVar[Millis]("alive")         // the house's time when it was last written down
	housePaused = dstm.NewVar[int64]("paused")         // for how long the house was closed in all, in milliseconds
	houseLots   = dstm.NewVar[Millis]("lots", "{lot}") // 0 while open, else when it closed; the newest closed ones only
	housePeople = dstm.NewVar[person]("people", "{user}")
	houseNames  = dstm.NewVar[string]("names", "{folded}")        // to the user
	houseTokens = dstm.NewVar[string]("tokens", "{hash}")         // to the user
	houseProxy  = dstm.NewVar[bool]("proxies", "{lot}", "{user}") // where maxima are
)

// terms are how the house runs. Tests change them.
type terms struct {
	wall      func() time.Time // the computer's clock
	beat      time.Duration    // how often the house's time is written down
	extension time.Duration    // a bid so late moves the end so far
	grace     time.Duration    // an open lot has at least so long when the house opens
	shortest  time.Duration    // that a lot may be open
	starting  Cents            // what a new account begins with
}

func usualTerms() terms {
	return terms{wall: time.Now, beat: 2 * time.Second, extension: 15 * time.Second, grace: 20 * time.Second, shortest: 10 * time.Second, starting: 1_000_000}
}

// Limits of the house.
const (
	maxPeople    = 10_000
	maxOpenLots  = 500
	maxOwnLots   = 20
	keptLots     = 100 // closed ones in the list
	houseTimeout = 10 * time.Second
)

// house is the auction house: its objects, its clock, and a clerk for each open lot.
type house struct {
	terms
	objects *dstm.Store
	topics  *pubsub.Hub
	object  dstm.Object
	clock   *clock
	paused  int64
	people  people
	proxies proxies
	ledger  accounts
	ctx     context.Context // done when the house closes
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu     sync.Mutex
	clerks map[string]*clerk // of open lots
	closed map[string]Card
	charts map[string]*chart
}

// openHouse opens the house that the store holds, and sets a clerk to each open lot.
func openHouse(objects *dstm.Store, topics *pubsub.Hub, how terms) (_ *house, err error) {
	h := &house{terms: how, objects: objects, topics: topics, clerks: map[string]*clerk{}, closed: map[string]Card{}, charts: map[string]*chart{}}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.ledger.init(objects)
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if h.object, err = objects.Open(h.ctx, houseObject); err != nil {
		return h, err
	}
	if err := h.begin(); err != nil {
		return h, err
	}
	if err := h.people.load(h.object); err != nil {
		return h, err
	}
	var lots map[string]Millis
	var maxima map[string]map[string]bool
	err = h.object.View(func(tx *dstm.Tx) error {
		tx.Lookup(&lots, "lots")
		tx.Lookup(&maxima, "proxies")
		return nil
	})
	if err != nil {
		return h, err
	}
	if err := h.loadProxies(maxima); err != nil {
		return h, err
	}
	if err := h.resume(lots); err != nil {
		return h, err
	}
	for id := range maxima {
		if closed, ok := lots[id]; !ok || closed != 0 { // the house was killed before it had cleaned up
			h.forgetProxies(id)
		}
	}
	h.wg.Go(h.beats)
	return h, nil
}

// resume takes up the lots of an earlier run, all at once: each open one is a transaction, and the store commits together what comes together.
func (h *house) resume(lots map[string]Millis) error {
	errs := make(chan error, len(lots))
	for id, closed := range lots {
		go func() {
			if closed != 0 {
				errs <- h.remember(id)
			} else {
				errs <- h.setClerk(id, true)
			}
		}()
	}
	var all []error
	for range lots {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

// begin starts the house's clock. How long it was closed is added to what open lots are moved by; see clerk.resume.
func (h *house) begin() error {
	var clk *clock
	_, err := h.object.Update(h.ctx, func(tx *dstm.Tx) error {
		last := houseAlive.At().Get(tx)
		clk = newClock(h.wall(), last)
		h.paused = housePaused.At().Get(tx)
		if last != 0 {
			h.paused += clk.base - last
		}
		housePaused.At().Set(tx, h.paused)
		houseAlive.At().Set(tx, clk.base)
		if !tx.Exists("proxies") {
			for _, name := range []string{"lots", "people", "names", "tokens", "proxies"} {
				tx.Set(map[string]any{}, name)
			}
		}
		return nil
	})
	h.clock = clk
	return err
}

// beats writes the house's time down as long as lots are open.
func (h *house) beats() {
	ticker := time.NewTicker(h.beat)
	defer ticker.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-ticker.C:
			h.mu.Lock()
			some := len(h.clerks) > 0
			h.mu.Unlock()
			if some {
				h.writeTime(h.ctx)
			}
		}
	}
}

// writeTime writes the house's time down. If that fails the store has failed, and says so elsewhere.
func (h *house) writeTime(ctx context.Context) {
	_, _ = h.object.Update(ctx, func(tx *dstm.Tx) error {
		houseAlive.At().Overwrite(tx, h.clock.now())
		return nil
	})
}

// close lets the clerks finish and writes the time down.
func (h *house) close() error {
	h.cancel()
	h.wg.Wait()
	if h.object == nil {
		return nil
	}
	if h.clock != nil {
		ctx, cancel := context.WithTimeout(context.Background(), houseTimeout)
		defer cancel()
		h.writeTime(ctx)
	}
	for _, c := range h.clerks {
		c.lot.Close()
	}
	h.ledger.close()
	return h.object.Close()
}

// setClerk has a clerk look after an open lot, of an earlier run or a new one.
func (h *house) setClerk(id string, earlier bool) error {
	lot, err := h.objects.Open(h.ctx, lotObject(id))
	if err != nil {
		return err
	}
	c := &clerk{house: h, id: id, lot: lot, woken: make(chan struct{}, 1)}
	if earlier {
		if err := c.resume(h.ctx); err != nil {
			lot.Close()
			return err
		}
	}
	h.mu.Lock()
	h.clerks[id] = c
	h.mu.Unlock()
	h.wg.Go(c.listen)
	h.wg.Go(c.work)
	return nil
}

// remember takes the card of a closed lot into the list.
func (h *house) remember(id string) error {
	card, err := h.readCard(h.ctx, id)
	if err != nil {
		return err
	}
	h.mu.Lock()
	h.closed[id] = card
	h.mu.Unlock()
	return nil
}

// readCard reads the card of any lot that ever was.
func (h *house) readCard(ctx context.Context, id string) (card Card, err error) {
	if !validID(id) {
		return card, noLot()
	}
	lot, err := h.objects.Open(ctx, lotObject(id))
	if err != nil {
		return card, err
	}
	defer lot.Close()
	err = lot.View(func(tx *dstm.Tx) error {
		card = h.cardOf(tx, id)
		return nil
	})
	if err == nil && card.State == "" {
		err = noLot()
	}
	return card, err
}

// cardOf is the card of a lot as a transaction sees it.
func (h *house) cardOf(tx *dstm.Tx, id string) Card {
	lot := lotAt(tx)
	return Card{
		ID: id, Title: lot.Title, Seller: lot.Seller, SellerName: h.people.name(lot.Seller), State: lot.State, Start: lot.Start, Step: lot.Step,
		Price: lot.Price, Next: lot.next(), Leader: lot.Leader, LeaderName: h.people.name(lot.Leader), Bids: lot.Bids,
		Opened: lot.Opened, Ends: lot.Ends, Closed: lot.Closed, Version: tx.Version(),
	}
}

func noLot() error { return status.New(status.NotFound, "auction.no_lot", "there is no such lot") }

// validID reports whether id is one of a person or lot.
func validID(id string) bool {
	return len(id) > 0 && len(id) <= 64 && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}
