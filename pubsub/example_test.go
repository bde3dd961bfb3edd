package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/transport"
)

// Message is what a chat room carries.
type Message struct {
	Text string `json:"text"`
}

// Chat is shared by the server and its clients.
var Chat = pubsub.NewTopic[Message]("chat.{room}")

func Example() {
	ctx := context.Background()

	// The server.
	hub := pubsub.NewHub(&pubsub.HubOptions{Rules: []pubsub.Rule{
		{Topic: "chat.*", Publish: pubsub.AllowAll, Subscribe: pubsub.AllowAll, History: 100},
	}})
	defer hub.Close()
	server := transport.NewServer(nil, hub) // an http.Handler
	defer server.Close(ctx)

	// A client.
	topics := pubsub.NewClient(nil)
	conn, err := transport.Dial(ctx, "", &transport.ClientOptions{Dialer: server.Pipe()}, topics)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	sub, err := Chat.At("go").Subscribe(ctx, topics)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := Chat.At("go").Publish(ctx, topics, Message{"hello"}); err != nil {
		log.Fatal(err)
	}
	if _, err := Chat.At("go").Publish(ctx, hub, Message{"the server says hello, too"}); err != nil {
		log.Fatal(err)
	}
	for m, err := range sub.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Topic, m.Position.Offset, m.Value.Text)
		if m.Position.Offset == 2 {
			break
		}
	}
	// Output:
	// chat.go 1 hello
	// chat.go 2 the server says hello, too
}

// exampleWorld is a server and a client of it.
func exampleWorld(rule pubsub.Rule) (hub *pubsub.Hub, topics *pubsub.Client, stop func()) {
	ctx := context.Background()
	hub = pubsub.NewHub(&pubsub.HubOptions{Rules: []pubsub.Rule{rule}})
	server := transport.NewServer(nil, hub)
	topics = pubsub.NewClient(nil)
	conn, err := transport.Dial(ctx, "", &transport.ClientOptions{Dialer: server.Pipe()}, topics)
	if err != nil {
		log.Fatal(err)
	}
	return hub, topics, func() {
		conn.Close()
		server.Close(ctx)
		hub.Close()
	}
}

// A program that shows what it was told about gaps goes on behind them.
func ExampleGap() {
	hub, topics, stop := exampleWorld(pubsub.Rule{Topic: "chat.*", Subscribe: pubsub.AllowAll, History: 2})
	defer stop()
	ctx := context.Background()
	room := Chat.At("go")
	first, _ := room.Publish(ctx, hub, Message{"one"})
	for _, text := range []string{"two", "three", "four"} {
		room.Publish(ctx, hub, Message{text})
	}

	sub, err := room.Subscribe(ctx, topics, pubsub.From(first))
	if err != nil {
		log.Fatal(err)
	}
	for m, err := range sub.All(ctx) {
		var gap *pubsub.Gap
		switch {
		case errors.As(err, &gap):
			fmt.Println("missed something between", gap.After, "and", gap.To)
			continue
		case err != nil:
			log.Fatal(err)
		}
		fmt.Println(m.Value.Text)
		if m.Value.Text == "four" {
			sub.Close()
		}
	}
	// Output:
	// missed something between 1 and 2
	// three
	// four
}

// All rooms at once, from the newest publication that history holds.
func ExampleTopic_All() {
	hub, topics, stop := exampleWorld(pubsub.Rule{Topic: "chat.*", Subscribe: pubsub.AllowAll, History: 100})
	defer stop()
	ctx := context.Background()
	Chat.At("go").Publish(ctx, hub, Message{"gophers"})
	Chat.At("tea").Publish(ctx, hub, Message{"darjeeling"})

	sub, err := Chat.All().Subscribe(ctx, topics, pubsub.Last(1))
	if err != nil {
		log.Fatal(err)
	}
	for m, err := range sub.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Topic, m.Value.Text)
		sub.Close()
	}
	// Output:
	// chat.tea darjeeling
}

// Who is in a room.
func ExampleClient_Members() {
	_, topics, stop := exampleWorld(pubsub.Rule{Topic: "chat.*", Subscribe: pubsub.AllowAll, Members: true})
	defer stop()
	ctx := context.Background()
	if _, err := Chat.At("go").Subscribe(ctx, topics); err != nil {
		log.Fatal(err)
	}
	members, err := topics.Members(ctx, Chat.At("go").Topic())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(members), "member")
	// Output:
	// 1 member
}
