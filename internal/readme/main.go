// A server and one of its clients, in one program.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/transport"
)

// Hello is what both sides agree on: a name and two types.
var Hello = rpc.NewMethod[string, string]("hello")

func main() {
	ctx := context.Background()

	// The server: patterns, plugged into one http.Handler.
	serving := rpc.NewPeer(nil)
	Hello.Handle(serving, func(ctx context.Context, name string) (string, error) {
		return "hello " + name, nil
	})
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(listener, transport.NewServer(nil, serving))

	// The client: the same patterns, plugged into one connection.
	calls := rpc.NewPeer(nil)
	conn, err := transport.Dial(ctx, "ws://"+listener.Addr().String(), nil, calls)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	greeting, err := Hello.Call(ctx, calls, "world")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(greeting)
}
