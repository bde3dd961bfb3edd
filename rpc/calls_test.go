package rpc

import (
	"math/rand/v2"
	"testing"
)

// However calls come and go, each is taken once, by its own id, and the end of the session takes what is left.
func TestOutboundCalls(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	var o outbound
	if o.take(1) != nil || o.take(recentCalls) != nil {
		t.Fatal("a call that nobody made")
	}
	waiting := map[int64]*outCall{}
	var ids []int64
	next := int64(0)
	for range 20_000 {
		if next++; !o.add(&outCall{id: next}) {
			t.Fatal("not let in")
		}
		waiting[next] = nil
		ids = append(ids, next)
		for len(ids) > 3*recentCalls || len(ids) > 0 && r.IntN(2) == 0 {
			at := r.IntN(len(ids))
			if r.IntN(4) > 0 { // mostly an old one
				at = 0
			}
			id := ids[at]
			ids = append(ids[:at], ids[at+1:]...)
			if c := o.take(id); c == nil || c.id != id {
				t.Fatalf("%v in place of call %d", c, id)
			}
			delete(waiting, id)
			if o.take(id) != nil || o.take(id+recentCalls*1000) != nil {
				t.Fatal("taken twice")
			}
		}
	}
	for range 2*recentCalls + 1 { // more than have a place
		next++
		o.add(&outCall{id: next})
		waiting[next] = nil
	}
	for _, c := range o.close() {
		if _, ok := waiting[c.id]; !ok {
			t.Fatalf("call %d at the end", c.id)
		}
		delete(waiting, c.id)
	}
	if len(waiting) > 0 || o.take(next) != nil || o.add(&outCall{id: next + 1}) {
		t.Errorf("%d calls are lost, or it is not closed", len(waiting))
	}
}

// waiting is how many calls there are.
func (o *outbound) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.others)
	if o.recent != nil {
		for _, c := range o.recent {
			if c != nil {
				n++
			}
		}
	}
	return n
}
