// A server and one of its clients, in one program.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/transport"
)

// What both sides agree on: names and types.
var (
	Hello = rpc.NewMethod[string, string]("hello")
	Chat  = pubsub.NewTopic[string]("chat.{room}")
	High  = dstm.NewVar[int64]("lots", "{id}", "high")
)

// server is an http.Handler with the patterns plugged in. Without rules it would deny everything.
func server() (http.Handler, error) {
	calls := rpc.NewPeer(nil)
	Hello.Handle(calls, func(ctx context.Context, name string) (string, error) {
		return "hello " + name, nil
	})
	topics := pubsub.NewHub(&pubsub.HubOptions{Rules: []pubsub.Rule{
		{Topic: "chat.*", Publish: pubsub.AllowAll, Subscribe: pubsub.AllowAll, History: 100},
	}})
	objects, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: []dstm.Rule{
		{Object: "auction/*", Open: dstm.AllowAll, Write: dstm.AllowAll},
	}})
	return transport.NewServer(nil, calls, topics, objects), err
}

// client plugs the same patterns into one connection.
func client(ctx context.Context, url string) error {
	calls, topics, objects := rpc.NewPeer(nil), pubsub.NewClient(nil), dstm.NewClient(nil)
	conn, err := transport.Dial(ctx, url, nil, calls, topics, objects)
	if err != nil {
		return err
	}
	defer conn.Close()

	greeting, err := Hello.Call(ctx, calls, "world")
	if err != nil {
		return err
	}
	fmt.Println(greeting)

	lobby, err := Chat.At("lobby").Subscribe(ctx, topics)
	if err != nil {
		return err
	}
	defer lobby.Close()
	if _, err := Chat.At("lobby").Publish(ctx, topics, "hey"); err != nil {
		return err
	}
	for message, err := range lobby.All(ctx) {
		if err != nil {
			return err
		}
		fmt.Println(message.Topic, message.Position.Offset, message.Value)
		break
	}

	auction, err := objects.Open(ctx, "auction/7")
	if err != nil {
		return err
	}
	defer auction.Close()
	commit, err := auction.Update(ctx, func(tx *dstm.Tx) error { // runs again if somebody else was faster
		if high := High.At("vase"); high.Get(tx) < 120 {
			high.Set(tx, 120)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return auction.View(func(tx *dstm.Tx) error {
		fmt.Println("version", commit.Version, "high", High.At("vase").Get(tx))
		return nil
	})
}

func main() {
	handler, err := server()
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(listener, handler)
	if err := client(context.Background(), "ws://"+listener.Addr().String()); err != nil {
		log.Fatal(err)
	}
}
