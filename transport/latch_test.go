package transport

import (
	"sync"
	"testing"
)

// Whoever asks for the channel, before, while or after the latch is closed, sees it closed.
func TestLatch(t *testing.T) {
	for range 200 {
		var l latch
		early := l.channel()
		if l.closed() {
			t.Fatal("closed from the beginning")
		}
		select {
		case <-early:
			t.Fatal("closed from the beginning")
		default:
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { <-l.channel() })
			all.Go(l.close)
		}
		all.Wait()
		<-early
		if !l.closed() {
			t.Fatal("not closed")
		}
	}
	var untouched latch
	untouched.close()
	<-untouched.channel()
}
