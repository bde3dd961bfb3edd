package dstm_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/transport"
)

// TestRefusedBeforeItWasSent: a work is being stored as what may have been sent when what it depends on is refused, and with it the work. The process ends
// before that is stored, so the next one sends it as it was. Nothing that was made later may have been sent in between: the server would know a later
// sequence and could not tell what had become of this one, which would be in the inbox as unknown though nothing has failed.
func TestRefusedBeforeItWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: allowAll, Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		h := &hall{t: t, ctx: testContext(t), store: store, server: transport.NewServer(&transport.ServerOptions{Logger: quiet()}, store)}
		defer func() {
			h.server.Close(context.Background())
			store.Close(context.Background())
		}()
		s := newProbe()
		p := h.process(s, true)
		o, err := p.Open(h.ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		p.line.hold()
		h.write("a", "x", 5)
		go o.Update(h.ctx, func(tx *dstm.Tx) error { // a conflict, of which nobody hears yet
			var n int64
			tx.Lookup(&n, "x")
			tx.Set(n+1, "x")
			return tx.Err()
		})
		synctest.Wait()
		gate := make(chan struct{})
		s.set(func() { s.gate = gate })
		once, leave := context.WithCancel(h.ctx)
		go doubleStep.Submit(once, o, step{"x", 1}) // reads what the update wrote
		synctest.Wait()
		leave()                                                                                   // who waits until it is stored
		go o.Update(h.ctx, func(tx *dstm.Tx) error { tx.Add(1, nil, nil, "y"); return tx.Err() }) // behind it
		synctest.Wait()
		p.line.let()
		synctest.Wait() // the refusals are there, and the runs that follow
		s.set(func() {
			s.gate = nil
			s.fail = func(_ int, changes []transport.StorageChange) error {
				p.line.drop(false)
				s.dead = true
				s.Storage.Apply(changes)
				return errors.New("the process ends now")
			}
		})
		close(gate)
		synctest.Wait()
		p = h.process(p.crash(), false)
		defer p.stop()
		pending := p.Pending()
		if len(pending) != 1 {
			t.Fatalf("%d works are stored", len(pending))
		}
		p.line.up()
		h.done(pending[0])
		if n := h.truth("a", "x"); n != 11 {
			t.Error(n)
		}
	})
}
