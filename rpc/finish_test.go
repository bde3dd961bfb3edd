package rpc_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// switched is a dialer that can refuse, and break what it made.
type switched struct {
	transport.Dialer
	down bool
	last transport.Conn
}

func (d *switched) Dial(ctx context.Context, url, subprotocol string) (transport.Conn, error) {
	if d.down {
		return nil, errors.New("down")
	}
	c, err := d.Dialer.Dial(ctx, url, subprotocol)
	d.last = c
	return c, err
}

// TestFinish: calls that wait for a session fail at once when none will come any more, and so do later ones.
func TestFinish(t *testing.T) {
	key := transport.NewKey()
	type end func(w *world, c *transport.Client)
	for name, test := range map[string]struct {
		attempts int
		between  bool // it ends while there is no session
		end      end
	}{
		"closed":                  {0, false, func(w *world, c *transport.Client) { c.Close() }},
		"closed between sessions": {0, true, func(w *world, c *transport.Client) { c.Close() }},
		"gave up":                 {3, true, func(*world, *transport.Client) {}},
		"superseded": {0, false, func(w *world, c *transport.Client) {
			other, err := transport.Dial(context.Background(), w.url, &transport.ClientOptions{Key: key, Dialer: w.dialer, Logger: quiet}, rpc.NewPeer(nil))
			if err != nil {
				w.t.Error(err)
				return
			}
			w.t.Cleanup(func() { other.Close() })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := context.Background()
				w := newWorld(t, false, false, rpc.NewPeer(nil))
				release := make(chan struct{})
				wait.Handle(w.calls, func(context.Context, string) (string, error) { <-release; return "", nil })
				hello.Handle(w.calls, greet)
				mine := rpc.NewPeer(nil)
				d := &switched{Dialer: w.dialer}
				opts := &transport.ClientOptions{Key: key, Dialer: d, Logger: quiet, MaxAttempts: test.attempts}
				if test.attempts == 0 {
					opts.MinBackoff, opts.MaxBackoff = time.Hour, time.Hour
				}
				c, err := transport.Dial(ctx, w.url, opts, mine)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				ends := make(chan error, 2)
				begun := func() {
					go func() {
						_, err := wait.Call(ctx, mine, "x", rpc.WaitReady())
						ends <- err
					}()
					synctest.Wait()
				}
				begun() // one that is under way, or lost with the first session
				if test.between {
					d.down = true
					d.last.Close()
					if err := <-ends; !errors.Is(err, rpc.ErrConnectionLost) || !status.OutcomeUnknown(err) {
						t.Errorf("under way: %v", err)
					}
					begun() // and one that waits
				}
				begin := time.Now()
				test.end(w, c)
				err = <-ends
				want := rpc.ErrConnectionLost
				if test.between {
					want = rpc.ErrNotConnected
				}
				if !errors.Is(err, want) || status.OutcomeUnknown(err) == test.between {
					t.Errorf("ended with %v", err)
				}
				if took := time.Since(begin); test.attempts == 0 && took > time.Minute {
					t.Errorf("that took %v", took)
				}
				synctest.Wait()
				_, err = hello.Call(ctx, mine, "x", rpc.WaitReady())
				if !errors.Is(err, rpc.ErrNotConnected) || status.OutcomeUnknown(err) {
					t.Errorf("afterwards: %v", err)
				}
				if e := new(status.Error); !errors.As(err, &e) || e.Unwrap() == nil {
					t.Errorf("%v does not say why", err)
				}
				close(release)
			})
		})
	}
}
