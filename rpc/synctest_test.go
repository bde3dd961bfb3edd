package rpc_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// TestTimeInABubble shows exact times over the in-memory connection: a deadline, a cancellation, and WaitReady.
func TestTimeInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, mine := rpc.NewPeer(nil), rpc.NewPeer(nil)
		ended := make(chan time.Duration, 1)
		begin := time.Now()
		wait.Handle(calls, func(ctx context.Context, _ string) (string, error) {
			<-ctx.Done()
			ended <- time.Since(begin)
			return "", context.Cause(ctx)
		})
		hello.Handle(calls, greet)
		server := transport.NewServer(&transport.ServerOptions{Logger: quiet}, calls)
		defer server.Close(context.Background())
		client, err := transport.Dial(t.Context(), "ws://pipe", &transport.ClientOptions{Dialer: server.Pipe(), Logger: quiet}, mine)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err = wait.Call(ctx, mine, "")
		if took := time.Since(begin); took != 3*time.Second || !errors.Is(err, status.DeadlineExceeded) || !status.OutcomeUnknown(err) {
			t.Errorf("after %v: %v", took, err)
		}
		if at := <-ended; at != 3*time.Second {
			t.Errorf("the handler ended after %v", at)
		}

		begin = time.Now()
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		_, err = wait.Call(ctx, mine, "")
		if took := time.Since(begin); took != 5*time.Second || !errors.Is(err, status.Canceled) {
			t.Errorf("after %v: %v", took, err)
		}
		if at := <-ended; at != 5*time.Second {
			t.Errorf("the handler ended after %v", at)
		}
		if out, err := hello.Call(t.Context(), mine, "x", rpc.WaitReady()); out != "hello x" || err != nil {
			t.Errorf("%q, %v", out, err)
		}
	})
}
