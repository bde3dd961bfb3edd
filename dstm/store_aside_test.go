package dstm_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// coldLog loads objects whose names begin with "cold" when it is told to.
type coldLog struct {
	dstm.Log
	asked   chan string
	release chan struct{}
}

func (l *coldLog) Load(ctx context.Context, key string) (dstm.Piece, error) {
	if strings.HasPrefix(key, "o/cold") {
		l.asked <- key
		select {
		case <-l.release:
		case <-ctx.Done():
		}
	}
	return l.Log.Load(ctx, key)
}

// newColdNode is a store that has "hot" in memory, and its log.
func newColdNode(t *testing.T, opts *dstm.StoreOptions) (*node, *coldLog, func()) {
	log := &coldLog{dstm.NewMemoryLog(), make(chan string, 1000), make(chan struct{})}
	n := newNode(t, log, opts, nil)
	release := sync.OnceFunc(func() { close(log.release) })
	t.Cleanup(release)
	object(t, n.store, "hot")
	return n, log, release
}

// Nobody waits for the objects of others' transactions to be loaded, and those of one client are decided in order.
func TestColdObjectsHoldNobodyUp(t *testing.T) {
	n, log, release := newColdNode(t, nil)
	slow, quick := n.raw(nil), n.raw(nil)
	const most = 64
	for i := range most {
		object := "hot"
		if i%3 == 0 {
			object = fmt.Sprint("cold", i)
		}
		tx := slow.tx(object, 0, set(i, fmt.Sprint("slow", i)))
		if i > 0 {
			tx.After = []uint64{tx.Sequence - 1}
		}
		slow.send(slow.commitFrame(tx))
	}
	if key := <-log.asked; key != "o/cold0" {
		t.Errorf("%s is loaded first", key)
	}
	for i := range 3 {
		quick.want(quick.commit(quick.tx("hot", 0, set(i, fmt.Sprint(i)))), fmt.Sprintf("%d [%d]", i+1, i+1))
	}
	// The store's own transactions as well.
	mustUpdate(t, n.store, "hot", func(tx *dstm.Tx) error { tx.Set(1, "own"); return nil })
	release()
	hot := 4
	for i := range most {
		version := 1
		if i%3 != 0 {
			hot++
			version = hot
		}
		slow.want(slow.answer(false), fmt.Sprintf("%d [%d]", i+1, version))
	}
}

// Beyond a part of the queue's room such transactions are refused, and the others are not.
func TestColdObjectsAreBounded(t *testing.T) {
	n, _, release := newColdNode(t, &dstm.StoreOptions{QueueLength: 16})
	r := n.raw(nil)
	for i := range 5 {
		r.send(r.commitFrame(r.tx(fmt.Sprint("cold", i), 0, set(i, "x"))))
	}
	a := r.answer(false)
	if a.sequence != 5 || a.err == nil || a.err.Code != status.ResourceExhausted || a.err.Reason != dstm.ErrBusy {
		t.Fatalf("%+v", a)
	}
	other := n.raw(nil)
	other.want(other.commit(other.tx("hot", 0, set(1, "x"))), "1 [1]")
	again := n.raw(nil)
	for i := range 5 {
		tx := again.tx(fmt.Sprint("cold", i), 0, set(i, "y"))
		tx.Again = true
		again.send(again.commitFrame(tx))
	}
	if reason := again.dead(); reason != "transport.overloaded" {
		t.Errorf("the session of what cannot be refused ended because of %s", reason)
	}
	release()
	for i := range 4 {
		r.want(r.answer(false), fmt.Sprintf("%d [1]", i+1))
	}
	r.want(r.commit(r.tx("cold9", 0, set(1, "x"))), "6 [1]")
}

// A store that ends answers what waits for objects.
func TestColdObjectsWhenTheStoreEnds(t *testing.T) {
	n, log, _ := newColdNode(t, nil)
	r := n.raw(nil)
	for i := range 3 {
		r.send(r.commitFrame(r.tx(fmt.Sprint("cold", i), 0, set(i, "x"))))
	}
	<-log.asked
	ended, end := context.WithCancel(context.Background())
	end()
	n.store.Close(ended)
	var got []string // what comes only when the store has ended is answered before what waits
	for range 3 {
		got = append(got, r.answer(false).String())
	}
	slices.Sort(got)
	if want := []string{"1 dstm.closed ", "2 dstm.closed ", "3 dstm.closed "}; !slices.Equal(got, want) {
		t.Errorf("answers %q, want %q", got, want)
	}
}
