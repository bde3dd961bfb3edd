package rpc_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// Greet is a method that server and client share.
var Greet = rpc.NewMethod[string, string]("greet")

func ExampleMethod_Call() {
	// The server.
	serving := rpc.NewPeer(nil)
	Greet.Handle(serving, func(ctx context.Context, name string) (string, error) {
		if name == "" {
			return "", status.New(status.InvalidArgument, "demo.no_name", "whom shall I greet?")
		}
		return "hello " + name, nil
	})
	server := transport.NewServer(nil, serving)
	defer server.Close(context.Background())

	// A client in the same process; transport.Dial(ctx, "wss://example.org/ws", nil, calls) is one anywhere.
	ctx := context.Background()
	calls := rpc.NewPeer(nil)
	client, err := transport.Dial(ctx, "ws://memory", &transport.ClientOptions{Dialer: server.Pipe()}, calls)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	greeting, err := Greet.Call(ctx, calls, "world")
	fmt.Println(greeting, err)
	_, err = Greet.Call(ctx, calls, "")
	fmt.Println(errors.Is(err, status.InvalidArgument), err)
	// Output:
	// hello world <nil>
	// true invalid_argument: whom shall I greet? (demo.no_name)
}

// The server calls a client: the client handles, the server names it.
func ExamplePeer_Client() {
	serving := rpc.NewPeer(nil)
	server := transport.NewServer(nil, serving)
	defer server.Close(context.Background())

	ctx := context.Background()
	calls := rpc.NewPeer(nil)
	Greet.Handle(calls, func(ctx context.Context, name string) (string, error) {
		return "the client greets " + name, nil
	})
	client, err := transport.Dial(ctx, "ws://memory", &transport.ClientOptions{Dialer: server.Pipe()}, calls)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	greeting, err := Greet.Call(ctx, serving.Client(client.ID()), "the server")
	fmt.Println(greeting, err)
	// Output: the client greets the server <nil>
}

func ExampleAuthorize() {
	onlyUsers := rpc.Authorize(func(_ context.Context, call rpc.Info) error {
		if call.Identity.User == "" {
			return status.New(status.Unauthenticated, "demo.login", "log in first")
		}
		return nil
	})
	serving := rpc.NewPeer(nil)
	Greet.Handle(serving, func(_ context.Context, name string) (string, error) { return "hello " + name, nil }, onlyUsers)
	server := transport.NewServer(nil, serving)
	defer server.Close(context.Background())

	ctx := context.Background()
	calls := rpc.NewPeer(nil)
	client, err := transport.Dial(ctx, "ws://memory", &transport.ClientOptions{Dialer: server.Pipe()}, calls)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	_, err = Greet.Call(ctx, calls, "world")
	fmt.Println(err)
	// Output: unauthenticated: log in first (demo.login)
}
