package dstm_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

func TestClientsAddConcurrently(t *testing.T) {
	for _, mode := range []struct {
		name            string
		webSocket, json bool
	}{{"pipe msgpack", false, false}, {"pipe json", false, true}, {"websocket msgpack", true, false}, {"websocket json", true, true}} {
		t.Run(mode.name, func(t *testing.T) {
			h := newHall(t, mode.webSocket, mode.json)
			const clients, each = 4, 25
			var wg sync.WaitGroup
			var objects []dstm.Object
			for range clients {
				o := h.open(h.guest(), "board/1")
				objects = append(objects, o)
				for _, fn := range []func(*dstm.Tx) error{
					increase,
					func(tx *dstm.Tx) error { tx.Add(1, nil, nil, "sum"); return nil },
				} {
					wg.Go(func() {
						for range each {
							if _, err := o.Update(h.ctx, fn, dstm.MaxAttempts(10_000)); err != nil {
								t.Error(err)
								return
							}
						}
					})
				}
			}
			wg.Wait()
			for _, o := range objects {
				if err := o.Wait(h.ctx, 2*clients*each); err != nil {
					t.Fatal(err)
				}
				if n := valueOf(t, o); n != clients*each || o.Head().Version != 2*clients*each {
					t.Fatalf("count %d at version %d", n, o.Head().Version)
				}
			}
		})
	}
}

func TestBankAcrossCuts(t *testing.T) {
	h := newHall(t, false, false)
	const clients, each, accounts = 3, 40, 5
	var wg sync.WaitGroup
	var mu sync.Mutex
	versions := map[uint64]bool{}
	guests := make([]*guest, clients)
	for i := range guests {
		guests[i] = h.guest()
		o := h.open(guests[i], "bank")
		wg.Go(func() {
			for n := range each {
				from, to := fmt.Sprint(n%accounts), fmt.Sprint((n+1+i)%accounts)
				commit, err := o.Update(h.ctx, func(tx *dstm.Tx) error {
					var a, b int64
					tx.Lookup(&a, "account", from)
					tx.Lookup(&b, "account", to)
					if from != to {
						tx.Set(a-1, "account", from)
						tx.Set(b+1, "account", to)
					}
					tx.Add(1, nil, nil, "transfers")
					return nil
				}, dstm.MaxAttempts(10_000))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if versions[commit.Version] {
					t.Errorf("version %d was made twice", commit.Version)
				}
				versions[commit.Version] = true
				mu.Unlock()
			}
		})
		wg.Go(func() { // cut at any moment
			for range each / 4 {
				time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
				guests[i].line.drop(true)
			}
		})
	}
	wg.Wait()
	o := h.open(h.guest(), "bank")
	if len(versions) != clients*each || o.Head().Version != clients*each {
		t.Errorf("%d commits made %d versions", len(versions), o.Head().Version)
	}
	err := o.View(func(tx *dstm.Tx) error {
		var transfers, sum int64
		tx.Lookup(&transfers, "transfers")
		for _, key := range tx.Keys("account") {
			var n int64
			tx.Lookup(&n, "account", key)
			sum += n
		}
		if transfers != clients*each || sum != 0 {
			t.Errorf("%d transfers, sum %d", transfers, sum)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLostOutcome cuts the connection after the server has committed and before the client can know.
func TestLostOutcome(t *testing.T) {
	h := newHall(t, false, false)
	g := h.guest()
	o := h.open(g, "board/1")
	mine, err := h.store.Open(h.ctx, "board/1")
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	g.line.hold()
	done := make(chan error, 1)
	go func() {
		_, err := o.Update(h.ctx, increase)
		done <- err
	}()
	if err := mine.Wait(h.ctx, 1); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		t.Fatal("answered: ", err)
	default:
	}
	g.line.drop(true)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := valueOf(t, o); n != 1 || mine.Head().Version != 1 {
		t.Fatalf("count %d, version %d", n, mine.Head().Version)
	}
}

func TestOffline(t *testing.T) {
	h := newHall(t, false, false)
	g := h.guest()
	o := h.open(g, "board/1")
	if _, err := o.Update(h.ctx, increase); err != nil {
		t.Fatal(err)
	}
	g.line.drop(false)
	g.offline(h.ctx)
	done := make(chan error, 3)
	for range 3 {
		go func() {
			_, err := o.Update(h.ctx, increase)
			done <- err
		}()
	}
	h.until(func() bool { return valueOf(t, o) == 4 }) // predictions are seen without a connection
	if o.Head().Version != 1 {
		t.Fatalf("version %d", o.Head().Version)
	}
	g.line.up()
	for range 3 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if n := valueOf(t, o); n != 4 {
		t.Fatalf("count %d", n)
	}
}

func TestContextEndsAnUpdate(t *testing.T) {
	h := newHall(t, false, false)
	g := h.guest()
	o := h.open(g, "board/1")

	g.line.hold() // sent, but the answer does not come
	ctx, cancel := context.WithCancel(h.ctx)
	go func() {
		if err := waitFor(h, "board/1", 1); err != nil {
			t.Error(err)
		}
		cancel()
	}()
	_, err := o.Update(ctx, increase)
	if !errors.Is(err, status.Canceled) || !status.OutcomeUnknown(err) {
		t.Fatal(err)
	}
	g.line.let()
	if err := o.Wait(h.ctx, 1); err != nil {
		t.Fatal(err)
	}

	g.line.drop(false)
	g.offline(h.ctx)
	ctx, cancel = context.WithCancel(h.ctx)
	_, err = o.Update(ctx, func(tx *dstm.Tx) error { cancel(); return increase(tx) })
	if !errors.Is(err, status.Canceled) || status.OutcomeUnknown(err) {
		t.Fatal(err)
	}
	if n := valueOf(t, o); n != 1 {
		t.Fatalf("a transaction that was never sent is still seen: %d", n)
	}
}

func waitFor(h *hall, name string, version uint64) error {
	mine, err := h.store.Open(h.ctx, name)
	if err != nil {
		return err
	}
	defer mine.Close()
	return mine.Wait(h.ctx, version)
}

func TestClosing(t *testing.T) {
	h := newHall(t, false, false)
	g := h.guest()
	one, two := h.open(g, "board/1"), h.open(g, "board/1")
	end := make(chan error, 1)
	go func() {
		for _, err := range one.Changes(h.ctx) {
			end <- err
		}
	}()
	if _, err := two.Update(h.ctx, increase); err != nil {
		t.Fatal(err)
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	for err := range end {
		if err != nil {
			if !errors.Is(err, dstm.ErrClosed) {
				t.Fatal(err)
			}
			break
		}
	}
	if err := one.View(func(*dstm.Tx) error { return nil }); !errors.Is(err, dstm.ErrClosed) {
		t.Fatal(err)
	}
	if _, err := two.Update(h.ctx, increase); err != nil {
		t.Fatal("the other Object of the name ended too: ", err)
	}
	if head := one.Head(); head.Version != 1 {
		t.Fatalf("%+v", head)
	}

	g.line.hold()
	done := make(chan error, 1)
	go func() {
		_, err := two.Update(h.ctx, increase)
		done <- err
	}()
	if err := waitFor(h, "board/1", 3); err != nil {
		t.Fatal(err)
	}
	two.Close()
	if err := <-done; !errors.Is(err, dstm.ErrClosed) || !status.OutcomeUnknown(err) {
		t.Fatal(err)
	}
	g.line.let()
	three := h.open(g, "board/1") // opened anew
	if n := valueOf(t, three); n != 3 {
		t.Fatalf("count %d", n)
	}
	g.Client.Close()
	if _, err := three.Update(h.ctx, increase); !errors.Is(err, dstm.ErrClosed) || status.OutcomeUnknown(err) {
		t.Fatal(err)
	}
	if _, err := g.Open(h.ctx, "board/1"); !errors.Is(err, dstm.ErrClosed) {
		t.Fatal(err)
	}
}

func TestOpenRefused(t *testing.T) {
	h := newHall(t, false, false)
	g := h.guest()
	if _, err := g.Open(h.ctx, "secret/1"); !errors.Is(err, dstm.ErrDenied) {
		t.Fatal(err)
	}
	if _, err := g.Open(h.ctx, "bad\nname"); !errors.Is(err, dstm.ErrInvalid) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(h.ctx)
	cancel()
	alone := dstm.NewClient(nil) // without a connection
	if _, err := alone.Open(ctx, "board/1"); !errors.Is(err, status.Canceled) {
		t.Fatal(err)
	}
}

func TestBusyClient(t *testing.T) {
	h := newHall(t, false, false)
	g := h.guestWith(&dstm.ClientOptions{MaxPending: 1})
	o := h.open(g, "board/1")
	g.line.drop(false)
	g.offline(h.ctx)
	done := make(chan error, 1)
	go func() {
		_, err := o.Update(h.ctx, increase)
		done <- err
	}()
	h.until(func() bool { return valueOf(t, o) == 1 })
	if _, err := o.Update(h.ctx, func(tx *dstm.Tx) error { word.Set(tx, "x"); return nil }); !errors.Is(err, dstm.ErrBusy) {
		t.Fatal(err)
	}
	g.line.up()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestConnectionClosedForGood ends what waits for an answer that cannot come.
func TestConnectionClosedForGood(t *testing.T) {
	h := newHall(t, false, false)
	g := h.guest()
	o := h.open(g, "board/1")
	g.line.hold()
	done := make(chan error, 1)
	go func() {
		_, err := o.Update(h.ctx, increase)
		done <- err
	}()
	if err := waitFor(h, "board/1", 1); err != nil {
		t.Fatal(err)
	}
	g.conn.Session().Close(transport.CloseNormal, "")
	if err := <-done; !errors.Is(err, status.Unavailable) || !status.OutcomeUnknown(err) {
		t.Fatal(err)
	}
	if err := o.View(func(*dstm.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestFullQueue sends more than the session's queue takes.
func TestFullQueue(t *testing.T) {
	h := newHall(t, true, false)
	g := h.guestBudget(nil, 128<<10)
	o := h.open(g, "board/1")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			_, err := o.Update(h.ctx, func(tx *dstm.Tx) error {
				tx.Overwrite(make([]byte, 60<<10), "blob", fmt.Sprint(i%4))
				tx.Add(1, nil, nil, "count")
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := valueOf(t, o); n != 40 {
		t.Fatal(n)
	}
	_, err := o.Update(h.ctx, func(tx *dstm.Tx) error { tx.Overwrite(make([]byte, 600<<10), "blob"); return nil })
	if !errors.Is(err, dstm.ErrTooLarge) {
		t.Fatal(err)
	}
}

// TestChangesOfOthersAndMine tells whose a change was.
func TestChangesOfOthersAndMine(t *testing.T) {
	h := newHall(t, false, false)
	a, b := h.open(h.guest(), "board/1"), h.open(h.guest(), "board/1")
	type seen struct {
		path   string
		origin dstm.Origin
	}
	changes, begun := make(chan seen, 100), make(chan struct{})
	ctx, cancel := context.WithCancel(h.ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		first := true
		for change, err := range a.Changes(ctx) {
			if err != nil {
				t.Error(err)
				return
			}
			if first {
				close(begun)
				first = false
				continue
			}
			if change.Path.String() != "ready" {
				changes <- seen{change.Path.String(), change.Origin}
			}
		}
	})
	for ready := false; !ready; { // until Changes has begun
		if _, err := b.Update(h.ctx, func(tx *dstm.Tx) error { tx.Add(1, nil, nil, "ready"); return nil }); err != nil {
			t.Fatal(err)
		}
		select {
		case <-begun:
			ready = true
		default:
		}
	}
	if _, err := a.Update(h.ctx, increase); err != nil {
		t.Fatal(err)
	}
	if got, want := <-changes, (seen{"count", dstm.Mine}); got != want {
		t.Fatalf("%v, want %v", got, want)
	}
	if _, err := b.Update(h.ctx, func(tx *dstm.Tx) error { word.Set(tx, "x"); return nil }); err != nil {
		t.Fatal(err)
	}
	if got, want := <-changes, (seen{"word", dstm.Remote}); got != want {
		t.Fatalf("%v, want %v", got, want)
	}
	cancel()
	wg.Wait()
	if len(changes) > 0 {
		t.Fatalf("a change too many: %v", <-changes)
	}
}

// TestLostChange loses what no network loses: the replica notices the gap and starts afresh.
func TestLostChange(t *testing.T) {
	h := newHall(t, false, false)
	a, g := h.open(h.guest(), "board/1"), h.guest()
	b := h.open(g, "board/1")
	update := func() {
		t.Helper()
		if _, err := a.Update(h.ctx, increase); err != nil {
			t.Fatal(err)
		}
	}
	update()
	if err := b.Wait(h.ctx, 1); err != nil {
		t.Fatal(err)
	}
	g.line.lose(1)
	update()
	h.until(func() bool { g.line.mu.Lock(); defer g.line.mu.Unlock(); return g.line.lost == 0 })
	if v := b.Head().Version; v != 1 {
		t.Fatalf("nothing was lost: version %d", v)
	}
	update()
	if err := b.Wait(h.ctx, 3); err != nil {
		t.Fatal(err)
	}
	if n := valueOf(t, b); n != 3 {
		t.Fatal(n)
	}
	if _, err := b.Update(h.ctx, increase); err != nil {
		t.Fatal(err)
	}
}
