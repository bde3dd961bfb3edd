package dstm_test

import (
	"context"
	"fmt"
	"log"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/transport"
)

// high is the highest bid of a lot, as both sides know it.
var high = dstm.NewVar[int64]("high").At()

// startStore serves objects in memory to everyone and returns a way to reach them.
func startStore() (dialer transport.Dialer, stop func()) {
	store, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{
		Rules: []dstm.Rule{{Object: "lots/*", Open: dstm.AllowAll, Write: dstm.AllowAll}},
	})
	if err != nil {
		log.Fatal(err)
	}
	server := transport.NewServer(nil, store)
	return server.Pipe(), func() {
		server.Close(context.Background())
		store.Close(context.Background())
	}
}

func ExampleClient_Open() {
	ctx := context.Background()
	dialer, stop := startStore()
	defer stop()

	objects := dstm.NewClient(nil)
	conn, err := transport.Dial(ctx, "pipe:", &transport.ClientOptions{Dialer: dialer}, objects)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	lot, err := objects.Open(ctx, "lots/7")
	if err != nil {
		log.Fatal(err)
	}
	defer lot.Close()
	fmt.Println(lot.Name(), "is at version", lot.Head().Version)
	// Output: lots/7 is at version 0
}

func ExampleObject_update() {
	ctx := context.Background()
	dialer, stop := startStore()
	defer stop()
	objects := dstm.NewClient(nil)
	conn, err := transport.Dial(ctx, "pipe:", &transport.ClientOptions{Dialer: dialer}, objects)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	lot, err := objects.Open(ctx, "lots/7")
	if err != nil {
		log.Fatal(err)
	}

	bid := func(amount int64) (dstm.Commit, error) {
		return lot.Update(ctx, func(tx *dstm.Tx) error {
			if now := high.Get(tx); now >= amount {
				return fmt.Errorf("%d is not above %d", amount, now)
			}
			high.Set(tx, amount)
			return nil
		})
	}
	commit, err := bid(42)
	fmt.Println("version", commit.Version, err)
	_, err = bid(40)
	fmt.Println(err)
	// Output:
	// version 1 <nil>
	// 40 is not above 42
}

func ExampleObject_changes() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dialer, stop := startStore()
	defer stop()
	objects := dstm.NewClient(nil)
	conn, err := transport.Dial(ctx, "pipe:", &transport.ClientOptions{Dialer: dialer}, objects)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	lot, err := objects.Open(ctx, "lots/7")
	if err != nil {
		log.Fatal(err)
	}

	go func() {
		for n := int64(1); ctx.Err() == nil; n++ {
			lot.Update(ctx, func(tx *dstm.Tx) error { high.Set(tx, n); return nil })
		}
	}()
	for change, err := range lot.Changes(ctx, "high") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(change.Path, "was changed by me:", change.Origin == dstm.Mine)
		break
	}
	// Output: high was changed by me: true
}
