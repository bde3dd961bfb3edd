package rpc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// frame makes a frame of any values.
func frame(values ...any) []byte { return raw(values) }

// TestAnswersOutOfPlace: second, late and foreign answers change nothing, and a bad one spoils one call.
func TestAnswersOutOfPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newPeer(PeerOptions{})
		e := newEnd(false, transport.NewID())
		l := client.open(e)
		type outcome struct {
			out string
			err error
		}
		outcomes := make(chan outcome, 1)
		begin := func() {
			go func() {
				out, err := hello.Call(t.Context(), client, "x")
				outcomes <- outcome{out, err}
			}()
			synctest.Wait()
		}
		give := func(f []byte) {
			if err := receive(l, f); err != nil {
				t.Fatal(err)
			}
		}
		begin()
		give(frame(1, 2, 2, "not yet"))
		give(frame(1, 2, 1, "first"))
		give(frame(1, 2, 1, "second"))
		give(frame(1, 3, 1, []any{5, "", ""}))
		if o := <-outcomes; o.out != "first" || o.err != nil {
			t.Errorf("%+v", o)
		}
		begin()
		give(frame(1, 3, 2, []any{99, "x.y", "odd", nil, true}, map[string]any{"k": "v"}))
		o := <-outcomes
		wantStatus(t, o.err, status.Unknown, "x.y", true)
		begin()
		give(frame(1, 2, 3, "x", map[string]any{"k": strings.Repeat("v", 5000)}))
		o = <-outcomes
		wantStatus(t, o.err, status.Internal, ErrBadResult, true)
		l.Close(errors.New("the end"))
	})
}

func FuzzReceive(f *testing.F) {
	f.Add(frame(1, 1, 5, "hello", 10, 0, map[string]any{"k": "v"}, "x"))
	f.Add(append(frame(1, 1, 5, "quick", 0, 1, nil, "x"), frame(1, 4, 5)...))
	f.Add(append(frame(1, 1, 5, "hello", 0, 0, nil, []any{1}), frame(1, 1, 5, "hello", 0, 0, nil, "x")...))
	f.Add(append(frame(1, 2, 1, "x", map[string]any{"k": "v"}), frame(1, 3, 1, []any{5, "a.b", "m", map[string]any{"x": 1}, true})...))
	f.Add(frame(1, 7, 1))
	f.Add([]byte{0x95, 1, 3, 1, 0xdd, 0xff, 0xff, 0xff, 0xff})
	vectors := readVectors(f)
	for _, v := range append(vectors.Callee, vectors.Caller...) {
		f.Add(v.frame(f))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := newPeer(PeerOptions{MaxConcurrent: 2})
		hello.Handle(p, greet)
		NewMethod[string, string]("quick").Handle(p, greet, Inline)
		e := newEnd(true, transport.NewID())
		l := p.open(e)
		settled := make(chan error, 1)
		go func() {
			_, err := hello.Call(context.Background(), p.Client(e.client), "x")
			settled <- err
		}()
		for len(data) > 0 {
			n, err := codec.Check(data)
			if err != nil || !isFrame(data[:n]) {
				break // the transport's business
			}
			err = receive(l, data[:n:n])
			l.inbound.mu.Lock()
			held := l.inbound.calls.n
			l.inbound.mu.Unlock()
			if held > 2 {
				t.Fatalf("%d calls are held", held)
			}
			if code := status.CodeOf(err); err != nil && code != status.InvalidArgument && code != status.FailedPrecondition {
				t.Fatalf("Receive: %v", err)
			}
			if err != nil {
				break
			}
			data = data[n:]
		}
		gone := errors.New("gone")
		e.mu.Lock()
		for len(e.queue) == 0 { // the call may not have been sent yet
			e.changed.Wait()
		}
		for _, sent := range e.queue {
			if n, err := codec.Check(sent); err != nil || n != len(sent) {
				t.Errorf("sent a malformed frame: %x", sent)
			}
		}
		e.mu.Unlock()
		e.cut(gone)
		l.Close(gone)
		<-settled
	})
}

// isFrame checks what the transport does before it routes a frame to a pattern.
func isFrame(b []byte) bool {
	r := codec.NewReader(b, 1)
	if r.Kind() != codec.List {
		return false
	}
	body := r.Array()
	pattern, kind := body.Int(), body.Int()
	body.Skip()
	return body.Err() == nil && pattern == 1 && kind >= 1 && kind <= 127
}
