package transport

import (
	"testing"
	"testing/synctest"
)

// TestEndedBeforeWelcome: a session whose end has begun before its welcome was queued does not wait for a writer that itself waits for
// the session's reader.
func TestEndedBeforeWelcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Session{}
		s.out.closed, s.out.writing = true, true // as end and shut leave it
		opened := make(chan struct{})
		go func() {
			defer close(opened)
			s.openBehind(nil, limits{}, nil)
		}()
		synctest.Wait()
		select {
		case <-opened:
		default:
			t.Error("it waits for ever")
			s.out.mu.Lock()
			s.out.stopWriting() // so that this test ends
			s.out.mu.Unlock()
			<-opened
		}
	})
}
