//go:build !race

package transport

import (
	"slices"
	"sync/atomic"
	"testing"
)

// Forwarding one Shared to a session allocates nothing: what it needs it takes
// from pools.
func TestSharedAllocatesNothing(t *testing.T) {
	const each = 64
	w := newWorld(t, false, false, nil, echo())
	seen := make(chan struct{}, 1)
	n := 0
	w.client(nil, &probe{name: "echo", receive: func(*Session, Frame) error {
		if n++; n%each == 0 {
			seen <- struct{}{}
		}
		return nil
	}})
	var s *Session
	for s = range w.server.Sessions() {
	}
	f := NewShared(frameOf(16, 1, text("topic"), text("a publication")))
	list := []*Session{s}
	allocs := testing.AllocsPerRun(200, func() {
		for range each {
			Broadcast(list, f, nil)
		}
		<-seen
	})
	// A garbage collection in between empties the pools: amortised means less than one in ten frames.
	if allocs/each >= 0.1 {
		t.Fatalf("%v allocations for %d frames", allocs, each)
	}
	t.Logf("%v allocations for %d frames", allocs, each)
}

// What a Broadcast allocates does not grow with the sessions: less than one allocation in ten deliveries.
func TestBroadcastAllocates(t *testing.T) {
	const clients, each = 100, 20
	w := newWorld(t, false, false, nil, echo())
	seen := make(chan struct{}, 1)
	var n atomic.Int64
	for range clients {
		w.client(nil, &probe{name: "echo", receive: func(*Session, Frame) error {
			if n.Add(1)%(clients*each) == 0 {
				seen <- struct{}{}
			}
			return nil
		}})
	}
	list := slices.Collect(w.server.Sessions())
	f := NewShared(frameOf(16, 1, text("topic"), text("a publication")))
	allocs := testing.AllocsPerRun(50, func() {
		for range each {
			Broadcast(list, f, nil)
		}
		<-seen
	})
	if allocs/(clients*each) >= 0.1 {
		t.Fatalf("%v allocations for %d deliveries", allocs, clients*each)
	}
	t.Logf("%v allocations for %d deliveries", allocs, clients*each)
}
