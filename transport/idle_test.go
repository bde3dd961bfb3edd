package transport

import (
	"runtime"
	"testing"
)

// A connection that waits keeps a small stack, although its handshake needed a larger one.
func TestIdleStack(t *testing.T) {
	if slow > 1 {
		t.Skip("the race detector needs more")
	}
	stack := func() uint64 {
		var m runtime.MemStats
		for range 4 { // each takes half of a stack that is too large
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m.StackInuse
	}
	w := newWorld(t, true, false, nil, echo())
	w.rawOpen("echo")
	const n = 300
	before := stack()
	for range n {
		w.rawOpen("echo")
	}
	if each := (int64(stack()) - int64(before)) / n; each > 6<<10 {
		t.Errorf("%d bytes of stack for each idle connection", each)
	}
}
