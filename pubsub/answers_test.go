package pubsub

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/transport"
)

// TestAnswersWithoutRoom: where the session has no room for the answers to publications, they wait and come in order, and so do publications behind them.
func TestAnswersWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := slowWorld(t, open("a.*", 0))
		d, r := &gateDialer{inner: w.server.Pipe()}, newRaw()
		c, err := transport.Dial(w.ctx, "", &transport.ClientOptions{Logger: quiet(), Dialer: d, MaxAttempts: 1}, r)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		send := func(frame []byte) {
			t.Helper()
			if err := c.Session().TrySend(frame); err != nil {
				t.Fatal(err)
			}
		}
		send(frameOf(kindSubscribe, "a.other", 1, nil))
		if f := <-r.frames; f.kind != kindSubscribed {
			t.Fatalf("kind %d", f.kind)
		}
		var server *transport.Session
		l := w.hub.byRule[0]
		l.mu.Lock()
		for server = range l.ports {
		}
		l.mu.Unlock()
		seen := 0
		w.hub.opts.Broker.Attach(feedFunc(func(*Record) { seen++ }))

		d.last.stop()
		for _, filler := range []string{filling, "x"} { // to the last byte, nearly
			for moved := true; moved; {
				moved = false
				for err = nil; err == nil; {
					if err = server.TrySend(frameOf(kindEnded, 1, 1<<40, filler)); err == nil {
						moved = true
					}
				}
				synctest.Wait() // until nothing more leaves
			}
		}
		if !errors.Is(err, transport.ErrFull) {
			t.Fatal(err)
		}
		const n = 20
		for id := range n {
			send(frameOf(kindPublish, "a.b", 10+id, 0, nil, "hello"))
		}
		synctest.Wait()
		if seen == 0 || seen == n {
			t.Fatalf("%d of %d were published, while the first answer had no room", seen, n)
		}
		d.last.start()
		for id := 10; id < 10+n; {
			f := <-r.frames
			if f.kind == kindEnded {
				continue
			}
			if body := codec.NewReader(f.body, f.n); f.kind != kindPublished || body.Int() != int64(id) {
				t.Fatalf("kind %d, %x, want the answer to %d", f.kind, f.body, id)
			}
			id++
		}
	})
}

// feedFunc is a Feed of what is published without a log.
type feedFunc func(*Record)

func (f feedFunc) Deliver(_ string, records []*Record) {
	for _, r := range records {
		f(r)
	}
}

func (feedFunc) Reset(string) {}
