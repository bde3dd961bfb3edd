package transport

import (
	"context"
	"math/rand/v2"
	"time"
)

// Drain empties the server for a restart. It lets nobody in any more and tells
// each client to come back (to another node, or to the next process) after a delay of its
// own between 0 and spread, so that they do not all come at once. Clients stay until
// then. Drain returns nil when all sessions have ended; when ctx is done it closes those
// that are left and returns ctx's error. [Server.Close] afterwards waits for the rest.
func (s *Server) Drain(ctx context.Context, spread time.Duration) error {
	s.refuse("the server is draining")
	for _, one := range s.all() {
		if !one.open.Load() {
			one.Close(CloseGoingAway, "the server is draining")
			continue
		}
		var delay time.Duration
		if spread > 0 {
			delay = rand.N(spread)
		}
		one.queueControl(appendGoaway(nil, delay.Milliseconds(), "draining"))
	}
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
		for _, one := range s.all() {
			one.Close(CloseGoingAway, "the server is draining")
		}
		return context.Cause(ctx)
	}
}
