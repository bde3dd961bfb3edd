package world

import (
	"context"
	"testing"
)

// TestReceive: what has come is received even if the context is over too, each time.
func TestReceive(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ch := make(chan int, 1)
	for i := range 100 {
		ch <- i
		if v, ok := Receive(ctx, ch); !ok || v != i {
			t.Fatalf("try %d: %d, %v", i, v, ok)
		}
	}
	if _, ok := Receive(ctx, ch); ok {
		t.Error("something is received that never came")
	}
	close(ch)
	if _, ok := Receive(ctx, ch); !ok {
		t.Error("a closed channel is not noticed")
	}
}
