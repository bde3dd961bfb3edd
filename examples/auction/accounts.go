package main

import (
	"context"
	"sync"

	"github.com/trefoilgo/trefoil/dstm"
)

// accounts holds the account objects that the server has open. They stay open: most are needed again soon.
type accounts struct {
	store *dstm.Store
	mu    sync.Mutex
	open  map[string]dstm.Object
}

func (a *accounts) init(store *dstm.Store) { a.store, a.open = store, map[string]dstm.Object{} }

// of is the account of a user.
func (a *accounts) of(ctx context.Context, user string) (dstm.Object, error) {
	a.mu.Lock()
	o, ok := a.open[user]
	a.mu.Unlock()
	if ok {
		return o, nil
	}
	o, err := a.store.Open(ctx, accountObject(user))
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if other, ok := a.open[user]; ok {
		o.Close()
		return other, nil
	}
	a.open[user] = o
	return o, nil
}

func (a *accounts) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, o := range a.open {
		o.Close()
	}
	clear(a.open)
}
