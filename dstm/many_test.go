package dstm_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
)

var balance = dstm.NewVar[int]("balance").At()

// Money is moved between objects by several clients and the store, who all also look at the whole: it never is more or less.
func TestTransfersBetweenObjects(t *testing.T) {
	seed := seedOf(t)
	h := newHall(t, false, false)
	const accounts, start, transfers = 4, 100, 40
	open := func(o func(name string) (dstm.Object, error)) (list []dstm.Object) {
		for i := range accounts {
			account, err := o(fmt.Sprint("account/", i))
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, h.recorder.Watch(account))
		}
		return list
	}
	own := open(func(name string) (dstm.Object, error) { return h.store.Open(h.ctx, name) })
	commits, err := dstm.UpdateAll(h.ctx, own, func(tx *dstm.Tx) error {
		for _, o := range own {
			balance.Set(tx.In(o), start)
		}
		return nil
	})
	if err != nil || len(commits) != accounts {
		t.Fatal(commits, err)
	}
	for i, c := range commits {
		if c.Version != 1 || c.Position != commits[0].Position {
			t.Errorf("commit %d is %+v", i, c)
		}
	}
	users := [][]dstm.Object{own}
	for range 3 {
		g := h.guest()
		users = append(users, open(func(name string) (dstm.Object, error) { return h.open(g, name), nil }))
	}
	var wg sync.WaitGroup
	for u, list := range users {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(u)))
			for range transfers {
				from, to := list[r.IntN(accounts)], list[r.IntN(accounts)]
				amount := r.IntN(50)
				_, err := dstm.UpdateAll(h.ctx, []dstm.Object{from, to}, func(tx *dstm.Tx) error {
					if balance.Get(tx) < amount {
						return errPoor
					}
					balance.Set(tx, balance.Get(tx)-amount)
					balance.Set(tx.In(to), balance.Get(tx.In(to))+amount)
					return nil
				}, dstm.MaxAttempts(1000))
				if err != nil && err != errPoor {
					t.Error(err)
				}
				if sum := total(t, h.ctx, list); sum != accounts*start {
					t.Errorf("somebody saw %d in all", sum)
				}
			}
		})
	}
	wg.Wait()
	for _, o := range own {
		o.Close()
	}
}

var errPoor = errors.New("there is not enough")

func total(t *testing.T, ctx context.Context, list []dstm.Object) (sum int) {
	t.Helper()
	err := dstm.ViewAll(ctx, list, func(tx *dstm.Tx) error {
		sum = 0
		for _, o := range list {
			sum += balance.Get(tx.In(o))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return sum
}

// A client whose connection is cut again and again never shows a state between.
func TestViewAllAcrossReconnects(t *testing.T) {
	h := newHall(t, false, false)
	g, other := h.guest(), h.guest()
	var mine, theirs []dstm.Object
	for i := range 3 {
		name := fmt.Sprint("account/", i)
		mine, theirs = append(mine, h.open(g, name)), append(theirs, h.open(other, name))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 300 {
			from, to := theirs[i%3], theirs[(i+1)%3]
			_, err := dstm.UpdateAll(h.ctx, []dstm.Object{from, to}, func(tx *dstm.Tx) error {
				dstm.Add(tx, balance, -1)
				dstm.Add(tx.In(to), balance, 1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}()
	for i := 0; ; i++ {
		if sum := total(t, h.ctx, mine); sum != 0 {
			t.Fatalf("somebody saw %d in all", sum)
		}
		if i%20 == 0 {
			g.line.drop(true)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// A transaction that loses in one object has no effect in any.
func TestAllOrNothing(t *testing.T) {
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		a, b := open("a"), open("b")
		other := h.open(h.guest(), "b")
		_, err := dstm.UpdateAll(h.ctx, []dstm.Object{a, b}, func(tx *dstm.Tx) error {
			count.Set(tx, 1)
			count.Set(tx.In(b), 1)
			update(t, h.ctx, other, increase)
			return nil
		}, dstm.MaxAttempts(1))
		if !errors.Is(err, dstm.ErrConflict) || len(dstm.ConflictPaths(err)) != 1 || dstm.ConflictPaths(err)[0].String() != "count" {
			t.Errorf("got %v at %v", err, dstm.ConflictPaths(err))
		}
		if valueOf(t, a) != 0 || valueOf(t, b) != 1 {
			t.Errorf("a is %d and b is %d", valueOf(t, a), valueOf(t, b))
		}
	})
}

// What is written in one object may depend on what was only read in another.
func TestWriteSkewAcrossObjects(t *testing.T) {
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		a, b := open("a"), open("b")
		other := h.open(h.guest(), "b")
		runs := 0
		commits, err := dstm.UpdateAll(h.ctx, []dstm.Object{a, b}, func(tx *dstm.Tx) error {
			if runs++; runs == 1 {
				defer update(t, h.ctx, other, increase)
			}
			count.Set(tx, count.Get(tx.In(b))+10)
			return nil
		})
		if err != nil || runs != 2 || valueOf(t, a) != 11 {
			t.Errorf("%d runs made %d: %v", runs, valueOf(t, a), err)
		}
		if commits[0].Version != 1 || commits[1].Version != 1 {
			t.Errorf("the commits are %+v", commits)
		}
	})
}

// Retry sleeps until something changes in any of the objects, and OrElse undoes in all of them.
func TestRetryInSeveralObjects(t *testing.T) {
	sides(t, func(t *testing.T, h *hall, open func(string) dstm.Object) {
		a, b := open("a"), open("b")
		asleep := make(chan struct{}, 10)
		done := make(chan error, 1)
		go func() {
			_, err := dstm.UpdateAll(h.ctx, []dstm.Object{a, b}, func(tx *dstm.Tx) error {
				return tx.OrElse(func(tx *dstm.Tx) error {
					count.Overwrite(tx, 50)
					count.Overwrite(tx.In(b), 50)
					tx.Retry()
					return nil
				}, func(tx *dstm.Tx) error {
					if count.Get(tx) != 0 || !count.Guard(tx.In(b), dstm.Greater, 1) {
						asleep <- struct{}{}
						tx.Retry()
					}
					word.Set(tx, "woken")
					return nil
				})
			})
			done <- err
		}()
		<-asleep
		update(t, h.ctx, b, increase) // 1: the guard stays false
		update(t, h.ctx, b, increase)
		if err := <-done; err != nil || valueOf(t, a) != 0 || valueOf(t, b) != 2 {
			t.Errorf("a is %d and b is %d: %v", valueOf(t, a), valueOf(t, b), err)
		}
		if n := len(asleep); n != 0 {
			t.Errorf("woken %d times for nothing", n)
		}
	})
}

func TestMisuseOfSeveralObjects(t *testing.T) {
	h := newHall(t, false, false)
	g := h.guest()
	a, b, foreign := h.open(g, "a"), h.open(g, "b"), h.open(h.guest(), "c")
	many := []dstm.Object{a}
	for i := range 16 {
		many = append(many, h.open(g, fmt.Sprint("many/", i)))
	}
	for name, c := range map[string]struct {
		objects []dstm.Object
		fn      func(tx *dstm.Tx) error
	}{
		"none":               {nil, increase},
		"of two clients":     {[]dstm.Object{a, foreign}, increase},
		"too many":           {many, increase},
		"one that is absent": {[]dstm.Object{a}, func(tx *dstm.Tx) error { return increase(tx.In(b)) }},
		"a foreign one":      {[]dstm.Object{a, b}, func(tx *dstm.Tx) error { return increase(tx.In(foreign)) }},
	} {
		if _, err := dstm.UpdateAll(h.ctx, c.objects, c.fn); !errors.Is(err, dstm.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if err := dstm.ViewAll(h.ctx, c.objects, c.fn); !errors.Is(err, dstm.ErrInvalid) {
			t.Errorf("%s, to view: %v", name, err)
		}
	}
	// The same object twice is one.
	commits, err := dstm.UpdateAll(h.ctx, []dstm.Object{a, b, a}, increase)
	if err != nil || len(commits) != 3 || commits[0] != commits[2] || commits[0].Version != 1 {
		t.Errorf("%+v, %v", commits, err)
	}
	b.Close()
	if _, err := dstm.UpdateAll(h.ctx, []dstm.Object{a, b}, increase); !errors.Is(err, dstm.ErrClosed) {
		t.Errorf("one that is closed: %v", err)
	}
}

// Closing any of the objects ends the wait; what may have been sent is unknown.
func TestClosingOneOfSeveral(t *testing.T) {
	h := newHall(t, false, false)
	g := h.guest()
	a, b := h.open(g, "a"), h.open(g, "b")
	g.line.hold()
	done := make(chan error, 1)
	go func() {
		_, err := dstm.UpdateAll(h.ctx, []dstm.Object{a, b}, increase)
		done <- err
	}()
	h.until(func() bool { return valueOf(t, a) == 1 })
	b.Close()
	if err := <-done; !errors.Is(err, dstm.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
