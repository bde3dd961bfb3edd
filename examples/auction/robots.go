package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/pubsub"
)

// Limits of robots.
const (
	maxRobots    = 1000
	maxRate      = 5000
	robotMoney   = 4_000_000
	robotLots    = 8 // that robots keep open, and one more for each six of them
	robotTimeout = 10 * time.Second
)

// robots bid and sell in the background, through clients of the usual kind over connections in memory.
type robots struct {
	server *server
	all    []*robot
	board  *board
	eye    *bidder // watches the board for all
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// robot is one of them, with its own taste.
type robot struct {
	*bidder
	eager  float64 // how far above what things are worth it goes
	late   bool    // bids in the last minute only
	jumps  bool    // now and then bids more than it must
	agents bool    // rather has the house bid for it
	turn   sync.Mutex
}

// startRobots lets n robots in. What it returns can be stopped, also if there was an error.
func startRobots(ctx context.Context, s *server, n int, rate float64) (*robots, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &robots{server: s, cancel: cancel}
	if n == 0 {
		return r, nil
	}
	for i := range n {
		made, err := s.robot(ctx, i)
		if err != nil {
			return r, err
		}
		r.all = append(r.all, made)
	}
	r.eye, r.board = r.all[0].bidder, &board{cards: map[string]Card{}}
	heard, err := prices.All().Subscribe(ctx, r.eye.topics)
	if err != nil {
		return r, err
	}
	r.wg.Go(func() { r.board.follow(ctx, r.eye, heard) })
	r.wg.Go(func() { r.sell(ctx) })
	if rate > 0 {
		r.wg.Go(func() { r.bid(ctx, rate) })
	}
	return r, nil
}

// stop ends the robots, and waits for them.
func (r *robots) stop() {
	r.cancel()
	r.wg.Wait()
	for _, one := range r.all {
		one.close()
	}
}

// robot lets the robot of that number in: the one of an earlier run, or a new one.
func (s *server) robot(ctx context.Context, i int) (*robot, error) {
	name := robotNames[i%len(robotNames)]
	if again := i / len(robotNames); again > 0 {
		name = fmt.Sprintf("%s %d", name, again+1)
	}
	name += " (robot)"
	id, known := s.house.people.robot(name)
	token := ""
	if known {
		token = s.house.tokenOf(id)
	} else {
		var err error
		if _, token, err = s.house.signUp(ctx, name, roleSeller, true, robotMoney); err != nil {
			return nil, err
		}
	}
	b, err := connect(ctx, "ws://in-memory/ws", token, s.sessions.Pipe(), &s.journal)
	if err != nil {
		return nil, err
	}
	chance := rand.New(rand.NewPCG(uint64(i), 1))
	return &robot{bidder: b, eager: 0.7 + 0.6*chance.Float64(), late: i%5 == 1, jumps: i%4 == 2, agents: i%6 == 3}, nil
}

// bid has one robot after the other do something, at a rate that is kept on average.
func (r *robots) bid(ctx context.Context, rate float64) {
	turns := make(chan struct{}, 64)
	for range min(len(r.all), 64) {
		r.wg.Go(func() {
			chance := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
			for range turns {
				r.act(ctx, r.all[chance.IntN(len(r.all))], chance)
			}
		})
	}
	defer close(turns)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		select {
		case turns <- struct{}{}:
		default: // all are busy: the rate is what they can do
		}
		timer.Reset(time.Duration(rand.ExpFloat64() / rate * float64(time.Second)))
	}
}

// act has a robot look at some lots and bid on the first that it wants.
func (r *robots) act(ctx context.Context, one *robot, chance *rand.Rand) {
	if !one.turn.TryLock() {
		return
	}
	defer one.turn.Unlock()
	ctx, cancel := context.WithTimeout(ctx, robotTimeout)
	defer cancel()
	now := r.server.house.clock.now()
	cards := r.board.open()
	for range min(6, len(cards)) {
		card := cards[chance.IntN(len(cards))]
		if card.Seller == one.id || card.Leader == one.id || one.late && card.Ends-now > 60_000 {
			continue
		}
		worth := one.worth(&card)
		if card.Next > worth || card.Next > one.free() {
			continue
		}
		if one.agents && chance.IntN(3) == 0 {
			if _, err := setProxy.Call(ctx, one.calls, Proxy{Lot: card.ID, Max: min(worth, one.free())}); err == nil {
				return
			}
			continue
		}
		_, err := one.bid(ctx, card.ID, func(next Cents) Cents {
			if one.jumps && next+2*card.Step <= worth {
				next += card.Step * chance.Int64N(3)
			}
			if next > worth {
				return 0
			}
			return next
		})
		if err != nil && !lost(err) && ctx.Err() == nil {
			slog.Warn("auction: a robot could not bid", "robot", one.id, "error", err)
		}
		if err == nil {
			return
		}
	}
}

// worth is what a lot is worth to a robot: always the same, and different to each.
func (one *robot) worth(card *Card) Cents {
	seed := uint64(14695981039346656037)
	for _, c := range []byte(one.id + card.ID) {
		seed = (seed ^ uint64(c)) * 1099511628211
	}
	taste := rand.New(rand.NewPCG(seed, 2)).NormFloat64()
	return Cents(float64(card.Start) * max(1, 2.2*one.eager*(1+0.35*taste)))
}

// sell keeps some lots open, as long as others sell less.
func (r *robots) sell(ctx context.Context) {
	chance := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(time.Second + time.Duration(chance.Int64N(int64(4*time.Second))))
		cards, err := listLots.Call(ctx, r.eye.calls, struct{}{})
		if err != nil {
			continue
		}
		r.board.take(cards)
		open := 0
		for _, card := range cards {
			if card.State == stateOpen {
				open++
			}
		}
		most := min(robotLots+len(r.all)/6, maxOpenLots/2)
		for round := 0; open < most && round <= most/8; open++ {
			seller := r.all[chance.IntN(len(r.all))]
			lot := newWare(chance, 60+chance.Int64N(300))
			if _, err := openLot.Call(ctx, seller.calls, lot); err != nil {
				break
			}
			if open >= most/2 { // one after the other, but for the first half
				round++
			}
		}
	}
}

// board is what the house publishes, as robots see it.
type board struct {
	mu    sync.Mutex
	cards map[string]Card
}

func (b *board) take(cards []Card) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, card := range cards {
		if card.State != stateOpen {
			delete(b.cards, card.ID)
		} else if card.Version >= b.cards[card.ID].Version {
			b.cards[card.ID] = card
		}
	}
}

func (b *board) open() []Card {
	b.mu.Lock()
	defer b.mu.Unlock()
	cards := make([]Card, 0, len(b.cards))
	for _, card := range b.cards {
		cards = append(cards, card)
	}
	return cards
}

// follow takes what is published; after a gap the list.
func (b *board) follow(ctx context.Context, eye *bidder, heard *pubsub.Subscription[Card]) {
	defer heard.Close()
	for m, err := range heard.All(ctx) {
		if err != nil {
			if cards, err := listLots.Call(ctx, eye.calls, struct{}{}); err == nil {
				b.take(cards)
			}
			continue
		}
		b.take([]Card{m.Value})
	}
}
