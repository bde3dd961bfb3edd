package main

import (
	"sync/atomic"
	"time"
)

// clock is the house's time. It begins where the house's last run left off or at the computer's clock, whichever is later, and
// goes by a monotonic counter from there: setting the computer's clock moves nothing.
type clock struct {
	base  Millis
	began time.Time
	ahead atomic.Int64 // milliseconds; tests move it
}

func newClock(wall time.Time, last Millis) *clock {
	return &clock{base: max(wall.UnixMilli(), last), began: time.Now()}
}

func (c *clock) now() Millis { return c.time().UnixMilli() }

// time is now as the log takes it.
func (c *clock) time() time.Time {
	return time.UnixMilli(c.base + c.ahead.Load()).Add(time.Since(c.began))
}
