package rpc

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/transport"
)

var blob = NewMethod[[]byte, []byte]("blob")

// pass is an interceptor that changes nothing.
func pass(next Func) Func { return next }

// Bytes reach handler and caller unchanged and are theirs, whether they are decoded where they arrive or later: each may change what it has
// got, and keeps it while buffers are used for other calls.
func TestBytesAreTheReceivers(t *testing.T) {
	for _, intercepted := range []bool{false, true} {
		for _, opts := range [][]HandleOption{nil, {Inline}} {
			var o PeerOptions
			if intercepted {
				o.Serving, o.Calling = []Interceptor{pass}, []Interceptor{pass}
			}
			server, client := newPeer(o), newPeer(o)
			blob.Handle(server, func(_ context.Context, in []byte) ([]byte, error) {
				out := bytes.Clone(in)
				for i := range in {
					in[i] = 0xee
				}
				return out, nil
			}, opts...)
			connect(t, server, client, nil)
			var callers sync.WaitGroup
			for g := range 8 {
				callers.Go(func() {
					var kept, want [][]byte
					for i, size := range []int{0, 1, 50, 600, 5000, 70_000, 3, 1 << 10} {
						in := bytes.Repeat([]byte{byte(g<<4 | i)}, size)
						out, err := blob.Call(t.Context(), client, in)
						if err != nil || out == nil || !bytes.Equal(out, in) {
							t.Errorf("%d bytes: %d, %v", size, len(out), err)
						}
						kept, want = append(kept, out), append(want, in)
					}
					for i := range kept {
						if !bytes.Equal(kept[i], want[i]) {
							t.Errorf("%d bytes have changed since they were returned", len(want[i]))
						}
					}
				})
			}
			callers.Wait()
			if out, err := blob.Call(t.Context(), client, nil); out != nil || err != nil {
				t.Errorf("nil: %v, %v", out, err)
			}
		}
	}
}

// What is not bytes is told to be wrong where bytes were to come, on both sides.
func TestNotBytes(t *testing.T) {
	for _, opts := range [][]HandleOption{nil, {Inline}} {
		server, client := newPeer(PeerOptions{}), newPeer(PeerOptions{})
		blob.Handle(server, func(_ context.Context, in []byte) ([]byte, error) { return in, nil }, opts...)
		NewMethod[string, string]("text").Handle(server, func(_ context.Context, in string) (string, error) { return in, nil }, opts...)
		connect(t, server, client, nil)
		if _, err := NewMethod[string, []byte]("blob").Call(t.Context(), client, "text"); !errors.Is(err, ErrBadRequest) {
			t.Errorf("text as bytes: %v", err)
		}
		if _, err := NewMethod[string, []byte]("text").Call(t.Context(), client, "text"); !errors.Is(err, ErrBadResult) {
			t.Errorf("bytes from text: %v", err)
		}
		if out, err := NewMethod[any, []byte]("blob").Call(t.Context(), client, nil); out != nil || err != nil {
			t.Errorf("nil: %v, %v", out, err)
		}
	}
}

// A frame is the same whether it is put together where its payload stands or elsewhere, and as often as it is sent.
func TestFrameInPlace(t *testing.T) {
	for _, name := range []string{"x", strings.Repeat("n", 40), strings.Repeat("n", maxName)} {
		for _, md := range []Metadata{nil, {"k": strings.Repeat("v", 1000)}} {
			for _, id := range []int64{1, 127, 1 << 20, maxID} {
				for _, timeout := range []int64{0, 1, 70_000, maxTimeout} {
					for _, notify := range []bool{false, true} {
						for _, size := range []int{0, 10, 600, 100_000} {
							in := strings.Repeat("s", size)
							req := Request{Info: Info{Procedure: name, Metadata: md, Notify: notify}}
							if err := encode(&req, &in); err != nil {
								t.Fatal(err)
							}
							payload, _ := codec.Marshal(in)
							want := appendCall(nil, id, &Request{Info: req.Info, Payload: payload}, timeout)
							for range 2 {
								got, borrowed := req.frame(id, timeout)
								if !bytes.Equal(got, want) {
									t.Fatalf("%.60x in place of %.60x", got, want)
								}
								putBuffer(borrowed)
							}
							req.release()
						}
					}
				}
			}
		}
	}
}

// A call that finds its session ended, and waits for the next, is sent there as it was.
func TestFrameIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newPeer(PeerOptions{}), newPeer(PeerOptions{})
		blob.Handle(server, func(_ context.Context, in []byte) ([]byte, error) { return in, nil })
		ended := newEnd(false, transport.ID{})
		client.open(ended)
		ended.cut(errors.New("gone"))
		settled := make(chan struct{})
		go func() {
			defer close(settled)
			if out, err := blob.Call(t.Context(), client, []byte("input"), WaitReady()); err != nil || string(out) != "input" {
				t.Errorf("%q, %v", out, err)
			}
		}()
		synctest.Wait()
		pair := connect(t, server, client, nil)
		<-settled
		pair.end()
	})
}
