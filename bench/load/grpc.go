package load

import (
	"context"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/trefoilgo/trefoil/bench/server"
)

// unary are connections for unary calls with bytes in and out.
type unary struct {
	call  []func(ctx context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error)
	close []func()
}

func (u *unary) Run(flight, size int, until time.Time, m *Meter) error {
	ctx := context.Background()
	return callers(len(u.call), flight, size, until, m, func(i int, in []byte) ([]byte, error) {
		out, err := u.call[i](ctx, &wrapperspb.BytesValue{Value: in})
		if err != nil {
			return nil, err
		}
		return out.Value, nil
	})
}

func (u *unary) Close() {
	for _, f := range u.close {
		f()
	}
}

// DialGRPC connects to the gRPC server.
func DialGRPC(ctx context.Context, address string, connections int) (Echo, error) {
	u := &unary{}
	for range connections {
		c, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			u.Close()
			return nil, err
		}
		u.close = append(u.close, func() { c.Close() })
		u.call = append(u.call, func(ctx context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
			out := new(wrapperspb.BytesValue)
			return out, c.Invoke(ctx, server.GRPCMethod, in, out)
		})
	}
	return u, nil
}

// DialConnect connects to the Connect server: HTTP/2 without TLS, the Connect protocol, protobuf.
func DialConnect(ctx context.Context, address string, connections int) (Echo, error) {
	u := &unary{}
	for range connections {
		t := &http.Transport{Protocols: server.H2C()}
		c := connect.NewClient[wrapperspb.BytesValue, wrapperspb.BytesValue](&http.Client{Transport: t}, "http://"+address+server.GRPCMethod,
			connect.WithAcceptCompression("gzip", nil, nil)) // as all others: what is sent here could be compressed to nothing
		u.close = append(u.close, t.CloseIdleConnections)
		u.call = append(u.call, func(ctx context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
			out, err := c.CallUnary(ctx, connect.NewRequest(in))
			if err != nil {
				return nil, err
			}
			return out.Msg, nil
		})
	}
	return u, nil
}
