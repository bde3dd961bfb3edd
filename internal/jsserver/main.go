// Command jsserver is the server that the tests of the browser client (js/) talk to. It has all three patterns, nearly everything is
// allowed to everyone, and some procedures break things on purpose.
//
// It prints "ready ADDRESS" when it listens, and ends when its standard input does: so it never outlives the test that began it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/transport"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "where to listen")
	data := flag.String("data", "", "the file that keeps the objects; in memory if empty")
	heartbeat := flag.Duration("heartbeat", 15*time.Second, "the interval between signs of life")
	flag.Parse()
	if err := run(*addr, *data, *heartbeat, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "jsserver:", err)
		os.Exit(1)
	}
}

// run serves until in ends.
func run(addr, data string, heartbeat time.Duration, in io.Reader, out io.Writer) (err error) {
	log, file, err := openLog(data)
	if err != nil {
		return err
	}
	if file != nil {
		defer file.Close()
	}
	objects, err := dstm.NewStore(log, &dstm.StoreOptions{Rules: rules})
	if err != nil {
		return err
	}
	topics := pubsub.NewHub(&pubsub.HubOptions{MemberGrace: 100 * time.Millisecond, Rules: []pubsub.Rule{
		{Topic: "chat.*", History: 100, Publish: pubsub.AllowAll, Subscribe: pubsub.AllowAll},
		{Topic: "plain.*", Publish: pubsub.AllowAll, Subscribe: pubsub.AllowAll},
		{Topic: "room.*", Members: true, Publish: pubsub.AllowAll, Subscribe: pubsub.AllowAll},
	}})
	calls := rpc.NewPeer(nil)
	wires := newWires()
	sessions := transport.NewServer(&transport.ServerOptions{Heartbeat: heartbeat, Authenticate: wires.authenticate}, calls, topics, objects)
	handle(calls, wires, sessions)

	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: sessions, ConnContext: keepConn}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Fprintln(out, "ready", listener.Addr())
	_, _ = io.Copy(io.Discard, in)

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = sessions.Close(ctx) // clients that do not answer are cut off
	_ = server.Close()
	<-served
	return objects.Close(ctx)
}

// openLog opens the log of the objects; file is nil if it is in memory.
func openLog(data string) (log dstm.Log, file *bolt.Store, err error) {
	if data == "" {
		return dstm.NewMemoryLog(), nil, nil
	}
	if file, err = bolt.Open(data, nil); err != nil {
		return nil, nil, err
	}
	if log, err = file.Log("main"); err != nil {
		file.Close()
		return nil, nil, err
	}
	return log, file, nil
}
