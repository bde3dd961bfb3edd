package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/status"
)

// tally is what became of bids, and when they were answered.
type tally struct {
	began time.Time

	mu                        sync.Mutex
	won, lost, other, unknown int
	slowest                   time.Duration
	last                      time.Time     // when there was an answer
	silent                    time.Duration // the longest time without one
	seconds                   []int         // answers in each
}

func newTally(began time.Time, length time.Duration) *tally {
	return &tally{began: began, last: began, seconds: make([]int, length/time.Second, length/time.Second+60)}
}

// add counts one bid that took so long.
func (c *tally) add(err error, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.won++
	case lost(err):
		c.lost++
	case status.OutcomeUnknown(err):
		c.unknown++
	default:
		c.other++
		fmt.Println("soak:", err)
	}
	c.slowest = max(c.slowest, took)
	now := time.Now()
	c.silent, c.last = max(c.silent, now.Sub(c.last)), now
	second := int(now.Sub(c.began) / time.Second)
	for len(c.seconds) <= second {
		c.seconds = append(c.seconds, 0)
	}
	c.seconds[second]++
}

// line says it all, of bids that went on for so long, kills included, and for which the server used the processor so long.
func (c *tally) line(took, spent time.Duration) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	rate := func(n int) float64 { return float64(n) / took.Seconds() }
	return fmt.Sprintf("in %v: %d bids answered (%.0f/s): %d won (%.0f/s), %d lost to others or the hammer; %d unknown, %d failed; slowest answer %v, longest silence %v, %v of the server's processor for a bid\nanswers by second: %s",
		took.Round(time.Millisecond), c.won+c.lost, rate(c.won+c.lost), c.won, rate(c.won), c.lost, c.unknown, c.other,
		c.slowest.Round(time.Millisecond), c.silent.Round(time.Millisecond), (spent / time.Duration(max(1, c.won+c.lost))).Round(time.Microsecond), strings.Trim(fmt.Sprint(c.seconds), "[]"))
}
