package dstm_test

import (
	"errors"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// TestConnectionEndsWhileOffline ends the connection for good while one transaction waits whose answer was lost, one
// that was never sent, and an opening. All are settled at once, and what comes later fails at once, until a new
// connection revives the client.
func TestConnectionEndsWhileOffline(t *testing.T) {
	for name, c := range map[string]struct {
		attempts int
		end      func(*transport.Client)
	}{
		"closed":      {0, func(conn *transport.Client) { conn.Close() }},
		"MaxAttempts": {3, func(*transport.Client) {}}, // by itself, since nobody answers
	} {
		t.Run(name, func(t *testing.T) {
			h := newHall(t, false, false)
			g := &guest{Client: dstm.NewClient(nil), line: &line{dialer: h.server.Pipe()}}
			key := transport.NewKey()
			dial := func(attempts int) {
				conn, err := transport.Dial(h.ctx, "pipe:", &transport.ClientOptions{
					Key: key, Dialer: g.line, MaxAttempts: attempts, MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond, Logger: quiet(),
				}, g.Client)
				if err != nil {
					t.Fatal(err)
				}
				g.conn = conn
				t.Cleanup(func() { g.Client.Close(); conn.Close() })
			}
			if c.attempts > 0 {
				c.attempts = 20 // time enough to get the transactions going
			}
			dial(c.attempts)
			o := h.open(g, "board/1")

			g.line.hold()
			sent, unsent, opening := make(chan error, 1), make(chan error, 1), make(chan error, 1)
			update := func(done chan error, name string) {
				_, err := o.Update(h.ctx, func(tx *dstm.Tx) error { tx.Add(1, nil, nil, name); return nil })
				done <- err
			}
			go update(sent, "sent")
			if err := waitFor(h, "board/1", 1); err != nil {
				t.Fatal(err)
			}
			g.line.drop(false)
			g.offline(h.ctx)
			go update(unsent, "unsent")
			go func() {
				_, err := g.Open(h.ctx, "board/2")
				opening <- err
			}()
			h.until(func() bool { return shows(t, o, "unsent") })
			c.end(g.conn)

			if err := <-sent; !errors.Is(err, status.Unavailable) || !status.OutcomeUnknown(err) {
				t.Errorf("what may have been sent: %v", err)
			}
			if err := <-unsent; err == nil || status.OutcomeUnknown(err) {
				t.Errorf("what was never sent: %v", err)
			}
			if err := <-opening; err == nil {
				t.Error("opened without a connection")
			}
			if _, err := g.Open(h.ctx, "board/3"); err == nil || h.ctx.Err() != nil {
				t.Errorf("an opening afterwards: %v", err)
			}
			late := make(chan error, 1)
			update(late, "late")
			if err := <-late; err == nil || status.OutcomeUnknown(err) || h.ctx.Err() != nil {
				t.Errorf("an update afterwards: %v", err)
			}
			if shows(t, o, "unsent") {
				t.Error("a prediction is seen that cannot come true")
			}

			g.line.up()
			dial(0)
			again := make(chan error, 1)
			update(again, "again")
			if err := <-again; err != nil {
				t.Fatal(err)
			}
			// The one in doubt was sent again, and recognised.
			var sum int
			if err := o.View(func(tx *dstm.Tx) error { tx.Lookup(&sum, "sent"); return tx.Err() }); err != nil || sum != 1 || o.Head().Version != 2 {
				t.Errorf("added %d times, version %d, %v", sum, o.Head().Version, err)
			}
			h.compare(g)
		})
	}
}

func shows(t *testing.T, o dstm.Object, name string) (is bool) {
	t.Helper()
	if err := o.View(func(tx *dstm.Tx) error { is = tx.Exists(name); return nil }); err != nil {
		t.Fatal(err)
	}
	return is
}
