package rpc

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// ledger compares what callers were told with what handlers did.
type ledger struct {
	mu       sync.Mutex
	ran      map[int]int
	outcomes map[int]error
	started  int
}

func newLedger() *ledger { return &ledger{ran: map[int]int{}, outcomes: map[int]error{}} }

var apply = NewMethod[int, int]("apply")

// handler runs each call and tells what it did.
func (l *ledger) handler(ctx context.Context, in int) (int, error) {
	l.mu.Lock()
	l.ran[in]++
	l.mu.Unlock()
	if in%5 == 0 {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
		}
	}
	return -in, nil
}

func (l *ledger) call(t *testing.T, ctx context.Context, to Caller, opts ...CallOption) error {
	l.mu.Lock()
	l.started++
	n := l.started
	l.mu.Unlock()
	out, err := apply.Call(ctx, to, n, opts...)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && out != -n {
		t.Errorf("call %d got the result of call %d", n, -out)
	}
	if _, twice := l.outcomes[n]; twice {
		t.Errorf("call %d settled twice", n)
	}
	l.outcomes[n] = err
	return err
}

// check is called when no handler runs any more.
func (l *ledger) check(t *testing.T) (results, lost, unsent int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.outcomes) != l.started {
		t.Errorf("%d calls started, %d settled", l.started, len(l.outcomes))
	}
	for n, err := range l.outcomes {
		ran := l.ran[n]
		switch {
		case err == nil:
			results++
			if ran != 1 {
				t.Errorf("call %d has a result and ran %d times", n, ran)
			}
		case !errors.Is(err, status.Unavailable):
			t.Errorf("call %d: %v", n, err)
		case status.OutcomeUnknown(err):
			lost++
			if ran > 1 || !errors.Is(err, ErrConnectionLost) {
				t.Errorf("call %d ran %d times: %v", n, ran, err)
			}
		default:
			unsent++
			if ran != 0 {
				t.Errorf("call %d ran, although: %v", n, err)
			}
		}
	}
	return results, lost, unsent
}

// TestCutAnywhere cuts connections after a random number of frames, while both sides call.
func TestCutAnywhere(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var results, lost, unsent int
	for range 40 {
		frames, room, handlers := rng.IntN(120), 1+rng.IntN(20), 1+rng.IntN(3)
		synctest.Test(t, func(t *testing.T) {
			l := newLedger()
			server, client := newPeer(PeerOptions{}), newPeer(PeerOptions{})
			var opts []HandleOption
			if handlers == 1 {
				opts = append(opts, Inline)
			}
			apply.Handle(server, l.handler, opts...)
			apply.Handle(client, l.handler, opts...)
			id := transport.NewID()
			ctx := t.Context()
			var calls sync.WaitGroup
			for reconnect := range 3 {
				p := &pair{server: newEnd(true, id), client: newEnd(false, id)}
				p.server.room, p.client.room = room, room
				var mu sync.Mutex
				left := frames
				p.start(t, server, client, func(bool, []byte) bool {
					mu.Lock()
					defer mu.Unlock()
					left--
					return left >= 0
				})
				for _, to := range []Caller{client, server.Client(id)} {
					for range 6 {
						calls.Go(func() {
							var opts []CallOption
							if reconnect < 2 {
								opts = append(opts, WaitReady())
							}
							for range 6 {
								l.call(t, ctx, to, opts...)
							}
						})
					}
				}
				synctest.Wait()
				if reconnect == 2 {
					p.cut(errors.New("for good"))
				}
				p.work.Wait()
			}
			// Those that wait for a connection get one.
			connectLast := &pair{server: newEnd(true, id), client: newEnd(false, id)}
			connectLast.start(t, server, client, nil)
			calls.Wait()
			synctest.Wait()
			r, lo, u := l.check(t)
			results, lost, unsent = results+r, lost+lo, unsent+u
			connectLast.end()
		})
	}
	t.Logf("%d results, %d lost, %d not sent", results, lost, unsent)
	if results == 0 || lost == 0 || unsent == 0 {
		t.Error("the test did not reach all three outcomes")
	}
}
