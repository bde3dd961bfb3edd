package server

import (
	"context"
	"net/http"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/transport"
)

// What the server and its load agree on.
var (
	// Inline is answered on the goroutine that reads the connection, Echo on a pooled one.
	Inline = rpc.NewMethod[[]byte, []byte]("inline")
	Echo   = rpc.NewMethod[[]byte, []byte]("echo")
	// Topics are named by number.
	Topics = pubsub.NewTopic[[]byte]("t.{n}")
)

// MaxCalls is how many calls of one session may be in flight, MaxSubscriptions how many subscriptions it may have.
const (
	MaxCalls         = 256
	MaxSubscriptions = 2000
)

// trefoil is all of Trefoil in one server, objects in memory.
func trefoil() ([]string, map[string]child.Command, error) { return serveTrefoil(dstm.NewMemoryLog()) }

func serveTrefoil(log dstm.Log) ([]string, map[string]child.Command, error) {
	mux, commands, err := muxTrefoil(log)
	if err != nil {
		return nil, nil, err
	}
	addresses, _, err := serveHTTP(mux)
	return addresses, commands, err
}

// muxTrefoil is the server at /ws, and its commands.
func muxTrefoil(log dstm.Log) (*http.ServeMux, map[string]child.Command, error) {
	calls := rpc.NewPeer(&rpc.PeerOptions{MaxConcurrent: MaxCalls, Logger: quiet()})
	echo := func(_ context.Context, in []byte) ([]byte, error) { return in, nil }
	Inline.Handle(calls, echo, rpc.Inline)
	Echo.Handle(calls, echo)
	topics := pubsub.NewHub(&pubsub.HubOptions{
		Rules:            []pubsub.Rule{{Topic: ">", Publish: pubsub.AllowAll, Subscribe: pubsub.AllowAll}},
		MaxSubscriptions: MaxSubscriptions,
		Logger:           quiet(),
	})
	objects, err := dstm.NewStore(log, &dstm.StoreOptions{
		Rules:  []dstm.Rule{{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll}},
		Logger: quiet(),
	})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/ws", transport.NewServer(&transport.ServerOptions{Logger: quiet()}, calls, topics, objects))
	return mux, map[string]child.Command{"grow": grow(objects), "scene": fill(objects)}, nil
}
