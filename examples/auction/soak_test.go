package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/status"
)

// soak is how long and how hard. AUCTION_SOAK=60s makes it long: then it is 200 robots and three kills, and the robots bid a tenth more often than
// is asked for, so that 1,000 bids a second are won although some are lost and nobody can bid while the house is away.
type soak struct {
	robots, rate, kills int
	length              time.Duration
	seed                uint64
}

func soakOf(t *testing.T) soak {
	s := soak{robots: 30, rate: 100, kills: 1, length: 3 * time.Second, seed: rand.Uint64()}
	number := func(name string, to *int) {
		if text := os.Getenv(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			*to = n
		}
	}
	if text := os.Getenv("AUCTION_SOAK"); text != "" {
		length, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("AUCTION_SOAK: %v", err)
		}
		s = soak{robots: 200, rate: 1100, kills: 3, length: length, seed: s.seed}
	}
	number("AUCTION_SOAK_ROBOTS", &s.robots)
	number("AUCTION_SOAK_RATE", &s.rate)
	number("AUCTION_SOAK_KILLS", &s.kills)
	return s
}

// Robots in this process bid at a house in another one, which is killed again and again: every bid that they were told of is in the log once, and
// the sum of money is what it was.
func TestSoak(t *testing.T) {
	leak.Check(t)
	s := soakOf(t)
	tuneMemory() // 200 clients are in this process
	t.Logf("%+v", s)
	ctx, cancel := context.WithTimeout(context.Background(), s.length+2*time.Minute)
	defer cancel()
	data := filepath.Join(t.TempDir(), "auction.db")
	c := startChild(t, data, 500*time.Millisecond)
	var told journal
	lots, sellers := s.lots(t, ctx, c, &told)
	robots := make([]*bidder, s.robots)
	parallel(16, s.robots, func(i int) { robots[i] = c.join(ctx, fmt.Sprintf("Robot %d", i), roleBidder, &told) })
	if t.Failed() {
		t.FailNow()
	}

	began := time.Now()
	count := newTally(began, s.length)
	var wg sync.WaitGroup
	running, stop := context.WithTimeout(ctx, s.length)
	defer stop()
	wg.Go(func() { sellShort(running, sellers[0], lots) })
	for i, b := range robots {
		wg.Go(func() { s.bids(ctx, running, b, uint64(i), lots, count) })
	}
	for i := range s.kills {
		until(running, began.Add(s.length*time.Duration(i+1)/time.Duration(s.kills+1)))
		c.kill()
		c.start()
	}
	wg.Wait()
	took := time.Since(began)
	for _, b := range append(robots, sellers...) {
		b.close()
	}
	said := c.stop()
	report := holdsAll(t, data, &told)
	t.Log(count.line(took, c.spent))
	t.Logf("the server says:\n%s", said)
	t.Logf("the log says:\n%s", strings.Join(report.Lines, "\n"))
	if !strings.Contains(said, "self-check passed") || count.other > 0 || count.won == 0 || count.won != report.Accounted {
		t.Error("not everything is accounted for")
	}
}

// lots opens lots that stay open, three for two robots, and returns their ids and the sellers.
func (s *soak) lots(t *testing.T, ctx context.Context, c *child, told *journal) (lots *soakList, sellers []*bidder) {
	lots = &soakList{}
	for i := 0; len(lots.long) < s.robots*3/2; i++ {
		seller := c.join(ctx, fmt.Sprintf("Seller %d", i), roleSeller, told)
		sellers = append(sellers, seller)
		for j := range maxOwnLots - 4 {
			card, err := openLot.Call(ctx, seller.calls, NewLot{Title: fmt.Sprintf("Lot %d/%d", i, j), Start: 100, Step: 1, Seconds: 3600})
			if err != nil {
				t.Fatal(err)
			}
			lots.long = append(lots.long, card.ID)
		}
	}
	return lots, sellers
}

// soakList is what is on offer: lots that stay, and lots that end soon.
type soakList struct {
	long  []string
	mu    sync.Mutex
	short []string
}

// sellShort opens lots that end within seconds, so that hammers fall and kills come in their last second.
func sellShort(ctx context.Context, seller *bidder, lots *soakList) {
	for ctx.Err() == nil {
		card, err := openLot.Call(ctx, seller.calls, NewLot{Title: "Quick", Start: 100, Step: 1, Seconds: 2}, waitReady)
		if err == nil {
			lots.mu.Lock()
			lots.short = append(lots.short, card.ID)
			lots.short = lots.short[max(0, len(lots.short)-4):]
			lots.mu.Unlock()
		}
		until(ctx, time.Now().Add(500*time.Millisecond))
	}
}

// bids has one robot bid at its part of the rate until running is done; what it has missed while the house was away it catches up on.
func (s *soak) bids(ctx, running context.Context, b *bidder, id uint64, lots *soakList, count *tally) {
	chance := rand.New(rand.NewPCG(s.seed, id))
	mine := make([]string, 6)
	for i := range mine {
		mine[i] = lots.long[chance.IntN(len(lots.long))]
	}
	gap := time.Duration(float64(time.Second) * float64(s.robots) / float64(s.rate))
	due := time.Now().Add(time.Duration(chance.Int64N(int64(gap))))
	for ; running.Err() == nil; due = due.Add(gap) {
		until(running, due)
		if running.Err() != nil {
			return
		}
		lot := mine[chance.IntN(len(mine))]
		if chance.IntN(40) == 0 {
			lots.mu.Lock()
			if n := len(lots.short); n > 0 {
				lot = lots.short[chance.IntN(n)]
			}
			lots.mu.Unlock()
		}
		began := time.Now()
		var err error
		for range len(mine) { // it does not bid against itself
			_, err = b.bid(ctx, lot, func(next Cents) Cents { return next + chance.Int64N(3) })
			if status.From(err) == nil || status.From(err).Reason != errLeading.Reason {
				break
			}
			lot = mine[chance.IntN(len(mine))]
		}
		count.add(err, time.Since(began))
	}
}

// until waits for a moment, or the end of ctx.
func until(ctx context.Context, moment time.Time) {
	timer := time.NewTimer(time.Until(moment))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// parallel calls fn for all numbers below n, some at once.
func parallel(atOnce, n int, fn func(i int)) {
	var wg sync.WaitGroup
	for part := range slices.Chunk(numbers(n), max(1, (n+atOnce-1)/atOnce)) {
		wg.Go(func() {
			for _, i := range part {
				fn(i)
			}
		})
	}
	wg.Wait()
}

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
