//go:build !race

package rpc_test

import (
	"context"
	"testing"

	"github.com/trefoilgo/trefoil/rpc"
)

// TestAllocations bounds what a small call costs at both ends together. It needs three: the call, which is its handler's context too, the
// handler's input, and the caller's result. A garbage collection in between empties the pools.
func TestAllocations(t *testing.T) {
	w := newWorld(t, false, false, rpc.NewPeer(nil))
	hello.Handle(w.calls, func(_ context.Context, in string) (string, error) { return in, nil }, rpc.Inline)
	mine := rpc.NewPeer(nil)
	w.dial(mine)
	ctx := context.Background()
	n := testing.AllocsPerRun(2000, func() {
		if _, err := hello.Call(ctx, mine, "world"); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%v allocations a call", n)
	if n > 4 {
		t.Errorf("%v allocations a call, at both ends together", n)
	}
}
