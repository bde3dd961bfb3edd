package main

import (
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
)

// What server and clients agree on.
var (
	hello = rpc.NewMethod[string, string]("hello")
	test  = pubsub.NewTopic[string]("test")
	word  = dstm.NewVar[string]("hello")
)

// object is the name of the shared object that holds word.
const object = "test"
