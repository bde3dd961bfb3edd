package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

// The server begins, answers, breaks what it is asked to break, and ends with its input.
func TestServer(t *testing.T) {
	in, stop := io.Pipe()
	out, tell := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run("127.0.0.1:0", filepath.Join(t.TempDir(), "test.db"), time.Second, in, tell)
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	url := "ws://" + strings.TrimSpace(strings.TrimPrefix(line, "ready "))
	calls := rpc.NewPeer(nil)
	greet.Handle(calls, func(_ context.Context, name string) (string, error) { return "hi " + name, nil })
	client, err := transport.Dial(ctx, url, nil, calls)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := greet.Call(ctx, calls, "anna"); got != "hi anna" || err != nil {
		t.Error(got, err)
	}
	if _, err := fail.Call(ctx, calls, "test.x"); !errors.Is(err, status.Reason("test.x")) || !status.OutcomeUnknown(err) {
		t.Error(err)
	}
	if _, err := cut.Call(ctx, calls, nil); !errors.Is(err, rpc.ErrConnectionLost) {
		t.Error(err)
	}
	if got, err := slow.Call(ctx, calls, 1, rpc.WaitReady()); got != "done" || err != nil {
		t.Error(got, err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	_, err = transport.Dial(ctx, url, &transport.ClientOptions{
		Credentials: func(context.Context) (map[string]map[string]any, error) {
			return map[string]map[string]any{"": {"token": "wrong"}}, nil
		},
	})
	if !errors.Is(err, status.Unauthenticated) {
		t.Error(err)
	}
	stop.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
