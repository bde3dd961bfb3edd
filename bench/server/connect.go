package server

import (
	"context"
	"net/http"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/trefoilgo/trefoil/bench/child"
)

// connectEcho is connect-go at its defaults over HTTP/2 without TLS, by net/http.
func connectEcho() ([]string, map[string]child.Command, error) {
	l, address, err := listen()
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(GRPCMethod, connect.NewUnaryHandlerSimple(GRPCMethod,
		func(_ context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) { return in, nil }))
	server := &http.Server{Handler: mux, Protocols: H2C()}
	go must(func() error { return server.Serve(l) })
	return []string{address}, nil, nil
}

// H2C is HTTP/2 without TLS and nothing else.
func H2C() *http.Protocols {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return p
}
