package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/trefoilgo/trefoil/bench/child"
)

// GRPCMethod is the unary method of the gRPC and Connect servers: bytes in, the same bytes out, in protobuf.
const GRPCMethod = "/bench.Echo/Echo"

// echoService is what protoc-gen-go-grpc would generate for it.
var echoService = grpc.ServiceDesc{
	ServiceName: "bench.Echo",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Echo",
		Handler: func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in := new(wrapperspb.BytesValue)
			if err := decode(in); err != nil {
				return nil, err
			}
			return in, nil
		},
	}},
}

// grpcEcho is grpc-go at its defaults, without TLS.
func grpcEcho() ([]string, map[string]child.Command, error) {
	l, address, err := listen()
	if err != nil {
		return nil, nil, err
	}
	s := grpc.NewServer()
	s.RegisterService(&echoService, nil)
	go must(func() error { return s.Serve(l) })
	return []string{address}, nil, nil
}
