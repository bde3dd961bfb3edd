package main

import (
	"context"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/transport"
)

// client is one connection with the three patterns.
type client struct {
	gate    *gate
	calls   *rpc.Peer
	topics  *pubsub.Client
	objects *dstm.Client
	conn    *transport.Client
}

func dial(ctx context.Context, url string) (*client, error) {
	c := &client{gate: &gate{}, calls: rpc.NewPeer(nil), topics: pubsub.NewClient(nil), objects: dstm.NewClient(nil)}
	opts := &transport.ClientOptions{Dialer: c.gate}
	var err error
	c.conn, err = transport.Dial(ctx, url, opts, c.calls, c.topics, c.objects)
	return c, err
}
