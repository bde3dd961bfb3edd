package rpc

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// A result is encoded in the buffer that is sent, and buffers are used again: whatever interceptors do with results,
// and however many calls run at once, each caller gets its own.
func TestResultsAreNotMixedUp(t *testing.T) {
	mode := func(next Func) Func {
		return func(ctx context.Context, req *Request) (Response, error) {
			first, err := next(ctx, req)
			if err != nil {
				return first, err
			}
			switch req.Metadata["mode"] {
			case "first", "second":
				second, err := next(ctx, req)
				if req.Metadata["mode"] == "second" {
					return second, err
				}
				return first, err
			case "copy":
				first.Payload = append([]byte(nil), first.Payload...)
			case "metadata":
				first.Metadata = Metadata{"m": "x"}
			case "longer": // grows beyond what is the payload's, and is not used
				_ = append(first.Payload, 0xc1, 0xc1, 0xc1, 0xc1)
			}
			return first, nil
		}
	}
	for _, opts := range [][]HandleOption{nil, {Inline}} {
		server := newPeer(PeerOptions{Serving: []Interceptor{mode}, MaxConcurrent: 64})
		client := newPeer(PeerOptions{})
		var runs atomic.Int64
		hello.Handle(server, func(_ context.Context, in string) (string, error) {
			return fmt.Sprintf("%s %d", in, runs.Add(1)), nil
		}, opts...)
		connect(t, server, client, nil)
		var callers sync.WaitGroup
		for g := range 8 {
			callers.Go(func() {
				for i := range 100 {
					m := []string{"", "first", "second", "copy", "metadata", "longer"}[(g+i)%6]
					in := fmt.Sprintf("%d-%d", g, i)
					out, err := hello.Call(t.Context(), client, in, WithMetadata(Metadata{"mode": m}))
					var n int64
					if _, scanErr := fmt.Sscanf(out, in+" %d", &n); err != nil || scanErr != nil {
						t.Errorf("%s of %q: %q, %v", m, in, out, err)
					}
				}
			})
		}
		callers.Wait()
		before := runs.Load()
		for m, want := range map[string]int64{"first": 1, "second": 2} {
			out, err := hello.Call(t.Context(), client, "x", WithMetadata(Metadata{"mode": m}))
			if out != fmt.Sprintf("x %d", before+want) || err != nil {
				t.Errorf("%s: %q, %v", m, out, err)
			}
			before += 2
		}
	}
}
