//go:build !race

package transport

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
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

// A frame that its sender writes itself, and the answer, allocate nothing of ours.
func TestSendAllocatesNothing(t *testing.T) {
	answer := frameOf(16, 2, integer(1), text("hello"))
	w := newWorld(t, true, false, nil, &probe{name: "echo", receive: func(s *Session, f Frame) error {
		return s.TrySend(answer)
	}})
	answers := make(chan struct{}, 1)
	s := w.client(nil, &probe{name: "echo", receive: func(*Session, Frame) error {
		answers <- struct{}{}
		return nil
	}}).Session()
	f := frameOf(16, 1, integer(1), text("hello"))
	ctx := context.Background()
	allocs := testing.AllocsPerRun(2000, func() {
		if err := s.Send(ctx, f); err != nil {
			t.Fatal(err)
		}
		<-answers
	})
	// gorilla makes a reader for each message that is read: two of them.
	if allocs > 2 {
		t.Errorf("%v allocations for a frame and its answer", allocs)
	}
	t.Logf("%v allocations", allocs)
}

// A heartbeat allocates nothing: the ping that the sweeper queues, its writing, the client's pong, and the server's reading of that.
func TestHeartbeatAllocatesNothing(t *testing.T) {
	const each = 64
	w := newWorld(t, false, false, &ServerOptions{Heartbeat: time.Hour}, echo())
	c := w.client(nil, &probe{name: "echo"})
	s := w.server.Client(c.ID())
	ping := appendPing(nil, kindPing, 1)
	allocs := testing.AllocsPerRun(200, func() {
		for range each {
			before := s.lastRead.Load()
			s.queueControl(ping)
			for s.lastRead.Load() == before {
				runtime.Gosched()
			}
		}
	})
	if allocs/each >= 0.1 {
		t.Fatalf("%v allocations for %d heartbeats", allocs, each)
	}
	t.Logf("%v allocations for %d heartbeats", allocs, each)
}
