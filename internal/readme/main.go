// A server and one of its clients, in one program.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/transport"
)

// What both sides agree on: names and types.
var (
	Hello = rpc.NewMethod[string, string]("hello")
	Chat  = pubsub.NewTopic[string]("chat.{room}")
)

// server is an http.Handler with the patterns plugged in. Without rules it would deny everything.
func server() http.Handler {
	calls := rpc.NewPeer(nil)
	topics := pubsub.NewHub(&pubsub.HubOptions{Rules: []pubsub.Rule{
		{Topic: "chat.*", Publish: pubsub.AllowAll, Subscribe: pubsub.AllowAll, History: 100},
	}})
	Hello.Handle(calls, func(ctx context.Context, name string) (string, error) {
		return "hello " + name, nil
	})
	return transport.NewServer(nil, calls, topics)
}

// client plugs the same patterns into one connection.
func client(ctx context.Context, url string) error {
	calls, topics := rpc.NewPeer(nil), pubsub.NewClient(nil)
	conn, err := transport.Dial(ctx, url, nil, calls, topics)
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
	return nil
}

func main() {
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(listener, server())
	if err := client(context.Background(), "ws://"+listener.Addr().String()); err != nil {
		log.Fatal(err)
	}
}
