package rpc

import (
	"math/rand/v2"
	"testing"
)

// TestQueueOrder compares the queue with a plain one, over random additions and removals.
func TestQueueOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	in := &inbound{}
	var model []int64
	id := int64(0)
	for range 20_000 {
		if rng.IntN(100) < 50+10*(rng.IntN(3)-1) {
			id++
			in.add(&inCall{id: id})
			model = append(model, id)
			continue
		}
		c, spawn := in.next(true)
		switch {
		case len(model) == 0:
			if c != nil || spawn {
				t.Fatal("took a call from an empty queue")
			}
			continue
		case c == nil || c.id != model[0]:
			t.Fatalf("took %v, want %d", c, model[0])
		}
		model = model[1:]
		if spawn != (len(model) > 0) {
			t.Fatalf("spawn %v with %d in the queue", spawn, len(model))
		}
	}
	if cap(in.queue) > 4096 {
		t.Errorf("the queue has grown to %d places", cap(in.queue))
	}
}
