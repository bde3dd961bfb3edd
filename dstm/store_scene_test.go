package dstm_test

import (
	"context"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/transport"
)

var allowAll = []dstm.Rule{{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll}}

var hello = dstm.NewVar[string]("hello").At()

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestScene is the scene that dstm must play: A and B open an object, both write it, both end with the same.
func TestScene(t *testing.T) {
	ctx := testContext(t)
	store, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: allowAll})
	if err != nil {
		t.Fatal(err)
	}
	server := transport.NewServer(nil, store)
	t.Cleanup(func() { server.Close(context.Background()); store.Close(context.Background()) })
	open := func() dstm.Object {
		client := dstm.NewClient(nil)
		conn, err := transport.Dial(ctx, "pipe:", &transport.ClientOptions{Dialer: server.Pipe()}, client)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close(); conn.Close() })
		o, err := client.Open(ctx, "board/42")
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	a, b := open(), open()
	commit, err := b.Update(ctx, func(tx *dstm.Tx) error { hello.Set(tx, "world"); return nil })
	if err != nil || commit.Version != 1 {
		t.Fatalf("B: %+v, %v", commit, err)
	}
	commit, err = a.Update(ctx, func(tx *dstm.Tx) error { hello.Set(tx, hello.Get(tx)+" code camp"); return nil })
	if err != nil || commit.Version != 2 {
		t.Fatalf("A: %+v, %v", commit, err)
	}
	mine, err := store.Open(ctx, "board/42")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []dstm.Object{a, b, mine} {
		if err := o.Wait(ctx, 2); err != nil {
			t.Fatal(err)
		}
		if err := o.View(func(tx *dstm.Tx) error {
			if got := hello.Get(tx); got != "world code camp" {
				t.Errorf("%q", got)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	commit, err = mine.Update(ctx, func(tx *dstm.Tx) error { hello.Set(tx, "server"); return nil })
	if err != nil || commit.Version != 3 {
		t.Fatalf("server: %+v, %v", commit, err)
	}
	if err := a.Wait(ctx, 3); err != nil {
		t.Fatal(err)
	}
}
