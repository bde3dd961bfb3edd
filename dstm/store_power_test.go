package dstm_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// The log fails with one batch under way and more waiting. Exactly what was in that batch is unknown to those who
// wait, and what comes behind it certainly not done; a store that takes over the log gives first outcomes.
func TestLogFailsUnderClients(t *testing.T) {
	for name, kept := range map[string]bool{"the batch is there": true, "the batch is lost": false} {
		t.Run(name, func(t *testing.T) {
			shared := dstm.NewMemoryLog()
			log := &faultyLog{Log: shared.Share()}
			n := newNode(t, log, nil, nil)
			var rec dstmtest.Recorder
			open := func() dstm.Object {
				client := dstm.NewClient(nil)
				conn, err := transport.Dial(n.ctx, "pipe:", &transport.ClientOptions{Dialer: n.server.Pipe()}, client)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { client.Close(); conn.Close() })
				o, err := client.Open(n.ctx, "o")
				if err != nil {
					t.Fatal(err)
				}
				return rec.Watch(o)
			}
			first, own := open(), rec.Watch(object(t, n.store, "o"))
			others := []dstm.Object{open(), open()}
			key := transport.NewKey()
			r := n.raw(&transport.ClientOptions{Key: key})

			entered, release := make(chan struct{}), make(chan struct{})
			log.hook(func(attempt int, next func() (dstm.Position, error)) (dstm.Position, error) {
				switch attempt {
				case 1: // of this client and the raw one, below
					return next()
				case 2:
					close(entered)
					<-release
					if kept {
						next()
					}
					log.Log.Close()
					return 0, status.New(status.Unavailable, dstm.ErrUncertain, "the power is gone").MaybeDone()
				}
				return next()
			})
			update := func(o dstm.Object, name string) chan error {
				done := make(chan error, 1)
				go func() {
					_, err := o.Update(n.ctx, func(tx *dstm.Tx) error { tx.Add(1, nil, nil, name); return nil })
					done <- err
				}()
				return done
			}
			if err := <-update(first, "before"); err != nil {
				t.Fatal(err)
			}
			inDoubt := r.tx("raw", 0, set("in doubt", "x"))
			r.send(r.commitFrame(inDoubt))
			<-entered
			var behind []chan error
			for i, o := range append(others, first, own) {
				behind = append(behind, update(o, fmt.Sprint("behind", i)))
			}
			queued := r.tx("raw", 0, set("queued", "y"))
			r.send(r.commitFrame(queued))
			resent := r.tx("raw", 0, set("sent before", "z"))
			resent.Again = true
			r.send(r.commitFrame(resent))
			r.open("p", nil) // the session has read what stands before
			close(release)

			for i, done := range behind {
				if err := <-done; !errors.Is(err, dstm.ErrClosed) || status.OutcomeUnknown(err) {
					t.Errorf("behind the batch, %d: %v", i, err)
				}
			}
			for range 3 {
				a := r.answer(true)
				if a.err == nil || a.err.Reason != dstm.ErrClosed || a.err.Unknown != (a.sequence != queued.Sequence) {
					t.Errorf("sequence %d: %v", a.sequence, a.err)
				}
			}
			n.close()

			next := newNode(t, shared.Share(), nil, nil)
			again := next.raw(&transport.ClientOptions{Key: key})
			inDoubt.Again = true
			for range 2 {
				again.want(again.commit(inDoubt), "1 [1]") // whenever it was committed, once
			}
			other := *inDoubt
			other.Parts = resent.Parts
			again.want(again.commit(&other), "1 dstm.sequence_reused ")
			if v := next.headOf("raw"); v != 1 {
				t.Errorf("version %d", v)
			}
			if err := rec.See(object(t, next.store, "o")); err != nil {
				t.Error(err)
			}
			if err := rec.Check(t.Context(), shared); err != nil {
				t.Error(err)
			}
		})
	}
}
