package dstm_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
)

var jobs = dstm.NewList[int]("jobs", "{queue}")

// taker takes the first job of a queue, or waits for one.
func taker(queue string, out *int) func(tx *dstm.Tx) error {
	return func(tx *dstm.Tx) error {
		list := jobs.At(queue)
		for id, job := range list.All(tx) {
			list.Remove(tx, id)
			*out = job
			return nil
		}
		tx.Retry()
		return errors.New("Retry returned")
	}
}

func putter(queue string, job int) func(tx *dstm.Tx) error {
	return func(tx *dstm.Tx) error { jobs.At(queue).Insert(tx, dstm.Last(), job); return nil }
}

// sides runs a test with objects of a store and with replicas.
func sides(t *testing.T, test func(t *testing.T, h *hall, open func(name string) dstm.Object)) {
	t.Run("store", func(t *testing.T) {
		h := newHall(t, false, false)
		test(t, h, func(name string) dstm.Object {
			o, err := h.store.Open(h.ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { o.Close() })
			return h.recorder.Watch(o)
		})
	})
	t.Run("client", func(t *testing.T) {
		h := newHall(t, false, false)
		g := h.guest()
		test(t, h, func(name string) dstm.Object { return h.open(g, name) })
	})
}

func update(t *testing.T, ctx context.Context, o dstm.Object, fn func(tx *dstm.Tx) error) dstm.Commit {
	t.Helper()
	c, err := o.Update(ctx, fn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRetrySleepsUntilWhatItReadChanges(t *testing.T) {
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		o := open("work")
		other := h.open(h.guest(), "work")
		var runs atomic.Int64
		asleep := make(chan struct{}, 100)
		var got int
		done := make(chan error, 1)
		go func() {
			_, err := o.Update(h.ctx, func(tx *dstm.Tx) error {
				runs.Add(1)
				asleep <- struct{}{}
				return taker("a", &got)(tx)
			})
			done <- err
		}()
		<-asleep
		var last dstm.Commit
		for i := range 20 { // elsewhere
			last = update(t, h.ctx, other, putter("b", i))
		}
		if err := o.Wait(h.ctx, last.Version); err != nil {
			t.Fatal(err)
		}
		if n := runs.Load(); n != 1 {
			t.Fatalf("%d runs before anything that was read had changed", n)
		}
		update(t, h.ctx, other, putter("a", 42))
		if err := <-done; err != nil || got != 42 {
			t.Fatalf("got %d, %v", got, err)
		}
		if n := runs.Load(); n != 2 {
			t.Errorf("%d runs", n)
		}
	})
}

func TestOrElse(t *testing.T) {
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		o := open("work")
		var got int
		either := func(tx *dstm.Tx) error {
			return tx.OrElse(func(tx *dstm.Tx) error {
				count.Overwrite(tx, 99) // undone when it retries
				return taker("a", &got)(tx)
			}, taker("b", &got))
		}
		update(t, h.ctx, o, putter("b", 7))
		update(t, h.ctx, o, either)
		if got != 7 || valueOf(t, o) != 0 {
			t.Fatalf("took %d, and the count is %d", got, valueOf(t, o))
		}
		// Both are empty now: either wakes.
		for i, queue := range []string{"a", "b"} {
			done := make(chan error, 1)
			started := make(chan struct{}, 100)
			go func() {
				_, err := o.Update(h.ctx, func(tx *dstm.Tx) error { started <- struct{}{}; return either(tx) })
				done <- err
			}()
			<-started
			update(t, h.ctx, o, putter(queue, i))
			if err := <-done; err != nil || got != i {
				t.Errorf("took %d from %q: %v", got, queue, err)
			}
		}
		if n := valueOf(t, o); n != 99 {
			t.Errorf("what the first branch wrote when it was chosen is lost: %d", n)
		}
	})
}

// What the first branch read decided that the second ran: if it changes before the commit, the transaction runs again.
func TestReadsOfBothBranchesMustHold(t *testing.T) {
	h := newHall(t, false, false)
	o, other := h.open(h.guest(), "work"), h.open(h.guest(), "work")
	update(t, h.ctx, o, putter("b", 2))
	runs := 0
	var got int
	_, err := o.Update(h.ctx, func(tx *dstm.Tx) error {
		if runs++; runs == 1 {
			defer func() { // after both were read: "a" gets a job
				c := update(t, h.ctx, other, putter("a", 1))
				if err := o.Wait(h.ctx, c.Version); err != nil {
					t.Error(err)
				}
			}()
		}
		return tx.OrElse(taker("a", &got), taker("b", &got))
	})
	if err != nil || runs != 2 || got != 1 {
		t.Errorf("%d runs took %d: %v", runs, got, err)
	}
}

func TestEndsOfSleep(t *testing.T) {
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		sleep := func(tx *dstm.Tx) error { count.Get(tx); tx.Retry(); return nil }
		o := open("o")
		ctx, cancel := context.WithCancel(h.ctx)
		done := make(chan error, 2)
		asleep := make(chan struct{}, 2)
		begin := func(ctx context.Context, o dstm.Object) {
			_, err := o.Update(ctx, func(tx *dstm.Tx) error { asleep <- struct{}{}; return sleep(tx) })
			done <- err
		}
		go begin(ctx, o)
		<-asleep
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		go begin(h.ctx, o)
		<-asleep
		o.Close()
		if err := <-done; !errors.Is(err, dstm.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
		if err := open("p").View(sleep); !errors.Is(err, dstm.ErrInvalid) {
			t.Errorf("in a View: %v", err)
		}
	})
}

// A function that swallows the panic of Retry has retried nevertheless; any other panic passes.
func TestRetryAndOtherPanics(t *testing.T) {
	h := newHall(t, false, false)
	o := h.open(h.guest(), "o")
	ctx, cancel := context.WithCancel(h.ctx)
	_, err := o.Update(ctx, func(tx *dstm.Tx) error {
		defer func() { recover(); cancel() }()
		count.Set(tx, 1)
		tx.Retry()
		return nil
	})
	if !errors.Is(err, context.Canceled) || valueOf(t, o) != 0 {
		t.Errorf("swallowed: %v, %d", err, valueOf(t, o))
	}
	ctx, cancel = context.WithCancel(h.ctx)
	_, err = o.Update(ctx, func(tx *dstm.Tx) error {
		defer cancel()
		func() {
			defer func() { recover() }()
			tx.Retry()
		}()
		return tx.OrElse(increase, increase) // which has no other branch for that
	})
	if !errors.Is(err, context.Canceled) || valueOf(t, o) != 0 {
		t.Errorf("swallowed before OrElse: %v, %d", err, valueOf(t, o))
	}
	func() {
		defer func() {
			if p := recover(); p != "mine" {
				t.Errorf("got the panic %v", p)
			}
		}()
		o.Update(h.ctx, func(tx *dstm.Tx) error {
			return tx.OrElse(func(*dstm.Tx) error { panic("mine") }, increase)
		})
	}()
	update(t, h.ctx, o, increase) // nothing is left of all that
	if n := valueOf(t, o); n != 1 {
		t.Errorf("the count is %d", n)
	}
}

// A failure of a branch that retries is that of the transaction: nothing would wake it to anything better.
func TestRetryAfterAFailure(t *testing.T) {
	h := newHall(t, false, false)
	o := h.open(h.guest(), "o")
	_, err := o.Update(h.ctx, func(tx *dstm.Tx) error {
		return tx.OrElse(func(tx *dstm.Tx) error { tx.Read(""); tx.Retry(); return nil }, increase)
	})
	if !errors.Is(err, dstm.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

// Many who put and many who take, by several clients: each job is taken once.
func TestBlockingQueue(t *testing.T) {
	h := newHall(t, false, false)
	const clients, each = 4, 25
	var mu sync.Mutex
	taken := map[int]int{}
	var wg sync.WaitGroup
	for c := range clients {
		g := h.guest()
		o := h.open(g, "work")
		wg.Go(func() {
			for i := range each {
				queue := fmt.Sprint(i % 2)
				if _, err := o.Update(h.ctx, putter(queue, c*each+i)); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range each {
				var job int
				_, err := o.Update(h.ctx, func(tx *dstm.Tx) error {
					return tx.OrElse(taker("0", &job), taker("1", &job))
				}, dstm.MaxAttempts(1000))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				taken[job]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for job := range clients * each {
		if taken[job] != 1 {
			t.Errorf("job %d was taken %d times", job, taken[job])
		}
	}
}
