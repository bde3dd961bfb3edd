package dstm

import (
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/transport"
)

func init() {
	world.NewStore = func(w *world.World, log, options any) (any, error) {
		return newStore(w, log.(Log), options.(*StoreOptions))
	}
	world.NewClient = func(w *world.World, options any) any { return newClient(w, options.(*ClientOptions)) }
	world.AttachStore = func(store any, s world.Session) transport.Receiver { return store.(*Store).attach(s) }
	world.AttachClient = func(client any, s world.Session) transport.Receiver { return client.(*Client).attach(s) }
	world.Wrote = func(tx any) bool { return tx.(*Tx).writes() }
}
