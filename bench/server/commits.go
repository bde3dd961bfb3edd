package server

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/bench/commit"
	"github.com/trefoilgo/trefoil/dstm"
)

// Account is what a durable commit reads and writes: two places that are read, and one that is written, with text of commit.Written bytes.
var (
	AccountA = dstm.NewVar[string]("a").At()
	AccountB = dstm.NewVar[string]("b").At()
	AccountC = dstm.NewVar[string]("c").At()
)

// AccountName names the object of one caller.
func AccountName(caller int) string { return fmt.Sprintf("account/%d", caller) }

// Commit is the transaction of a durable case, the n-th of its caller: it reads two places and writes a third. What it read is checked.
func Commit(n int64) func(tx *dstm.Tx) error {
	return func(tx *dstm.Tx) error {
		if a, b := AccountA.Get(tx), AccountB.Get(tx); a != "" || b != "" {
			return fmt.Errorf("nobody has written %q, %q", a, b)
		}
		AccountC.Set(tx, commit.Text(n))
		return nil
	}
}

// commits is a store on disk whose transactions are made in its own process.
func commits() ([]string, map[string]child.Command, error) {
	log, err := boltLog()
	if err != nil {
		return nil, nil, err
	}
	store, err := dstm.NewStore(log, &dstm.StoreOptions{Logger: quiet()})
	if err != nil {
		return nil, nil, err
	}
	ctx := context.Background()
	var mu sync.Mutex
	type account struct {
		object dstm.Object
		n      int64
	}
	accounts := map[int]*account{}
	open := func(caller int) (*account, error) {
		mu.Lock()
		defer mu.Unlock()
		a := accounts[caller]
		if a == nil {
			o, err := store.Open(ctx, AccountName(caller))
			if err != nil {
				return nil, err
			}
			a = &account{object: o}
			accounts[caller] = a
		}
		return a, nil
	}
	one := func(caller int) error {
		a, err := open(caller)
		if err != nil {
			return err
		}
		a.n++
		c, err := a.object.Update(ctx, Commit(a.n))
		if err == nil && c.Version != uint64(a.n) {
			return fmt.Errorf("commit %d of %s made version %d", a.n, a.object.Name(), c.Version)
		}
		return err
	}
	return nil, commit.Command(func(callers int, lasts time.Duration) (commit.Outcome, error) {
		return commit.Run(callers, lasts, one)
	}), nil
}
