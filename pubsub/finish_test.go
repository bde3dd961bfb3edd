package pubsub

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// Ways in which a client ends for good.
var endings = map[string]struct {
	attempts int
	end      func(w *world, c *client)
	between  bool // it ends while there is no session
}{
	"closed":                  {0, func(w *world, c *client) { c.conn.Close() }, false},
	"closed between sessions": {0, func(w *world, c *client) { c.conn.Close() }, true},
	"gave up":                 {3, func(w *world, c *client) {}, true},
	"superseded": {0, func(w *world, c *client) {
		w.client(func(o *transport.ClientOptions) { o.Key = theKey })
	}, false},
}

var theKey = transport.NewKey()

// TestFinish: when no session will come any more, what waits ends at once, and every feed with its last error.
func TestFinish(t *testing.T) {
	for name, e := range endings {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := rules(t, memberRule("a"))
				c := w.client(func(o *transport.ClientOptions) {
					o.Key, o.MaxAttempts = theKey, e.attempts
					if e.attempts == 0 && e.between {
						o.MinBackoff, o.MaxBackoff = time.Hour, time.Hour
					}
				})
				ctx := context.Background()
				feed := subscribe[int](t, ctx, c, "a")
				members, err := c.WatchMembers(ctx, "a")
				if err != nil {
					t.Fatal(err)
				}
				ends := make(chan error, 4)
				if e.between {
					c.dialer.setDown(true)
					c.dialer.cut()
					synctest.Wait()
					go func() {
						_, err := Subscribe[int](ctx, c.Client, "a", Last(3))
						ends <- err
					}()
					go func() {
						_, err := c.WatchMembers(ctx, "a")
						ends <- err
					}()
				}
				go func() {
					var last error
					for _, err := range feed.All(ctx) {
						last = err
					}
					ends <- last
				}()
				go func() {
					var last error
					for _, err := range members.All(ctx) {
						last = err
					}
					ends <- last
				}()
				synctest.Wait()
				begin := time.Now()
				e.end(w, c)
				n := 2
				if e.between {
					n = 4
				}
				for range n {
					err := <-ends
					if !errors.Is(err, ErrClosed) || status.OutcomeUnknown(err) {
						t.Errorf("ended with %v", err)
					}
				}
				if took := time.Since(begin); took > time.Minute {
					t.Errorf("that took %v", took)
				}
				if _, err := Subscribe[int](ctx, c.Client, "a"); !errors.Is(err, ErrClosed) {
					t.Errorf("subscribe afterwards: %v", err)
				}
				if _, err := c.Publish(ctx, "a", 1); !errors.Is(err, ErrClosed) {
					t.Errorf("publish afterwards: %v", err)
				}
			})
		})
	}
}
