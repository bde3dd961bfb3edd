package dstm_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// contend has each of the objects read and set one path, all at once, again and again, and returns the most attempts that anyone
// needed.
func contend(t *testing.T, objects []dstm.Object, rounds int, fn func(tx *dstm.Tx) error) (most int) {
	t.Helper()
	ctx := testContext(t)
	var mu sync.Mutex
	var all sync.WaitGroup
	begin := make(chan struct{})
	spread := map[int]int{}
	for _, o := range objects {
		all.Go(func() {
			<-begin
			for range rounds {
				attempts := 0
				_, err := o.Update(ctx, func(tx *dstm.Tx) error { attempts++; return fn(tx) })
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				spread[attempts]++
				most = max(most, attempts)
				mu.Unlock()
			}
		})
	}
	close(begin)
	all.Wait()
	t.Logf("attempts of %d transactions: %v", len(objects)*rounds, spread)
	return most
}

// Of a hundred clients that contend for one path nobody needs more than four attempts. No time passes while they work, so that
// no reservation lapses because the machine is slow.
func TestContenders(t *testing.T) { synctest.Test(t, contenders) }

func contenders(t *testing.T) {
	h := newHall(t, false, false)
	var objects []dstm.Object
	for range 100 {
		objects = append(objects, h.open(h.guest(), "o"))
	}
	if most := contend(t, objects, 3, increase); most > 4 {
		t.Errorf("somebody needed %d attempts", most)
	}
	if err := objects[0].Wait(h.ctx, 300); err != nil {
		t.Fatal(err)
	}
	if n := valueOf(t, objects[0]); n != 300 {
		t.Errorf("%d of 300", n)
	}
}

// The same holds of the server's own transactions, each Update of which is a contender of its own.
func TestOwnContenders(t *testing.T) { synctest.Test(t, ownContenders) }

func ownContenders(t *testing.T) {
	h := newHall(t, false, false)
	o, err := h.store.Open(h.ctx, "o")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	objects := make([]dstm.Object, 100)
	for i := range objects {
		objects[i] = o
	}
	// Whoever sees a state at once hardly loses: let them all see the same one first.
	var gate atomic.Int64
	most := contend(t, objects, 3, func(tx *dstm.Tx) error {
		n := count.Get(tx)
		for i := gate.Add(1); i <= 100 && gate.Load() < 100; {
			time.Sleep(time.Millisecond)
		}
		count.Set(tx, n+1)
		return nil
	})
	if most > 4 || most < 2 {
		t.Errorf("somebody needed %d attempts", most)
	}
	if n := valueOf(t, o); n != 300 {
		t.Errorf("%d of 300", n)
	}
}

// loser is a raw client that has lost a transaction at o/x in this attempt.
func (n *node) loser(attempt uint64) (*raw, *txn.Transaction) {
	r := n.raw(nil)
	tx := r.tx("o", 1, set(1, "x"))
	tx.Attempt = attempt
	tx.Parts[0].Reads = []txn.Read{{Kind: txn.ReadValue, Path: []string{"x"}}}
	return r, tx
}

// What cannot spoil the next attempt of a client that has a reservation does not wait for it, what can waits, and
// a client's later transactions behind it.
func TestReservation(t *testing.T) { synctest.Test(t, reservation) }

func reservation(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), nil, nil)
	w := n.raw(nil)
	w.commit(w.tx("o", 0, set(1, "x")))
	w.commit(w.tx("o", 1, set(2, "x")))
	a, tx := n.loser(1)
	a.want(a.commit(tx), `1 dstm.conflict [[0,["x"]]]`)
	b, tx := n.loser(2)
	b.want(b.commit(tx), `1 dstm.conflict [[0,["x"]]]`) // and it has x

	add := n.raw(nil)
	one := set(1, "x").Value
	add.want(add.commit(add.tx("o", 2, txn.Write{Op: txn.OpAdd, Path: []string{"x"}, Value: one})), "1 [3]")
	add.want(add.commit(add.tx("o", 2, set(1, "y"))), "2 [4]")
	guard := add.tx("o", 2, set(2, "y"))
	guard.Parts[0].Reads = []txn.Read{{Kind: txn.ReadGuard, Path: []string{"x"}, Guard: txn.Equal, Value: set(3).Value, Truth: true}}
	add.want(add.commit(guard), "3 [5]")

	w.send(w.commitFrame(w.tx("o", 2, set(9, "x"))))
	w.send(w.commitFrame(w.tx("other", 0, set(9, "x"))))
	c, tx := n.loser(2)
	tx.Parts[0].Writes = []txn.Write{set(1, "z")} // it conflicts without being parked, and has its place behind what w sent
	c.send(c.commitFrame(tx))
	w.silent()
	c.silent()

	next := b.tx("o", 5, set(4, "x"))
	next.Attempt = 3
	b.want(b.commit(next), "2 [6]")
	w.want(w.answer(false), "3 [7]")
	w.want(w.answer(false), "4 [1]")
	c.want(c.answer(false), `1 dstm.conflict [[0,["x"]]]`)
}

// A reservation lapses, and who let it lapse earns none for a second.
func TestReservationLapses(t *testing.T) { synctest.Test(t, reservationLapses) }

func reservationLapses(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), nil, nil)
	w := n.raw(nil)
	w.commit(w.tx("o", 0, set(1, "x")))
	w.commit(w.tx("o", 1, set(2, "x")))
	a, tx := n.loser(2)
	a.want(a.commit(tx), `1 dstm.conflict [[0,["x"]]]`)
	began := time.Now()
	w.want(w.commit(w.tx("o", 2, set(3, "x"))), "3 [3]")
	if waited := time.Since(began); waited != 250*time.Millisecond {
		t.Errorf("it waited for %v", waited)
	}
	again := a.tx("o", 2, set(1, "x"))
	again.Attempt, again.Parts[0].Reads = 3, tx.Parts[0].Reads
	a.want(a.commit(again), `2 dstm.conflict [[0,["x"]]]`)
	b, tx := n.loser(2)
	b.want(b.commit(tx), `1 dstm.conflict [[0,["x"]]]`) // a has nothing reserved, so b is at the front
}

// A session that ends gives up its place, and a store that closes answers everyone.
func TestReservationEnds(t *testing.T) { synctest.Test(t, reservationEnds) }

func reservationEnds(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), nil, nil)
	w := n.raw(nil)
	w.commit(w.tx("o", 0, set(1, "x")))
	w.commit(w.tx("o", 1, set(2, "x")))
	var waiting []*raw
	for range 3 {
		r, tx := n.loser(2)
		r.send(r.commitFrame(tx))
		if len(waiting) == 0 {
			r.want(r.answer(false), `1 dstm.conflict [[0,["x"]]]`)
		} else {
			r.open("other", nil) // the conflict was decided before: the answer is held back
			r.silent()
		}
		waiting = append(waiting, r)
	}
	w.send(w.commitFrame(w.tx("o", 2, set(3, "x"))))
	w.silent()
	waiting[0].conn.Close()
	waiting[1].want(waiting[1].answer(false), `1 dstm.conflict [[0,["x"]]]`)
	n.store.Close(context.Background())
	waiting[2].want(waiting[2].answer(true), `1 dstm.conflict [[0,["x"]]]`)
	w.want(w.answer(false), "3 [3]")
}
