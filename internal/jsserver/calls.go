package main

import (
	"context"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// The procedures. Greet is one of the client's as well, which the server's calls back.
var (
	echo  = rpc.NewMethod[codec.Raw, codec.Raw]("echo")  // answers its input
	fail  = rpc.NewMethod[string, any]("fail")           // fails with the reason that is its input
	slow  = rpc.NewMethod[int, string]("slow")           // takes so many ms, unless it is cancelled
	greet = rpc.NewMethod[string, string]("greet")       // asks the caller's own greet and answers its answer
	cut   = rpc.NewMethod[any, any]("cut")               // breaks the caller's connection, without a close frame
	end   = rpc.NewMethod[int, any]("close")             // closes the caller's session with that code
	ended = rpc.NewMethod[any, bool]("slow.interrupted") // whether the last slow was cancelled
)

func handle(p *rpc.Peer, wires *wires, sessions *transport.Server) {
	interrupted := make(chan bool, 1)
	echo.Handle(p, func(_ context.Context, in codec.Raw) (codec.Raw, error) { return in, nil })
	fail.Handle(p, func(_ context.Context, reason string) (any, error) {
		return nil, status.New(status.FailedPrecondition, status.Reason(reason), "it fails as it should").
			WithDetail("n", int64(7)).MaybeDone()
	})
	slow.Handle(p, func(ctx context.Context, millis int) (string, error) {
		select {
		case <-interrupted:
		default:
		}
		select {
		case <-time.After(time.Duration(millis) * time.Millisecond):
			interrupted <- false
			return "done", nil
		case <-ctx.Done():
			interrupted <- true
			return "", context.Cause(ctx)
		}
	})
	ended.Handle(p, func(ctx context.Context, _ any) (bool, error) {
		select {
		case was := <-interrupted:
			return was, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	})
	greet.Handle(p, func(ctx context.Context, name string) (string, error) {
		info, _ := rpc.CallFrom(ctx)
		return greet.Call(ctx, p.Client(info.Client), name)
	})
	cut.Handle(p, func(ctx context.Context, _ any) (any, error) {
		info, _ := rpc.CallFrom(ctx)
		wires.cut(info.Client)
		return nil, nil
	})
	end.Handle(p, func(ctx context.Context, code int) (any, error) {
		info, _ := rpc.CallFrom(ctx)
		if s := sessions.Client(info.Client); s != nil {
			s.Close(transport.CloseCode(code), "asked for")
		}
		return nil, nil
	})
}
