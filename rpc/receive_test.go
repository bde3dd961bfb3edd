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

func TestBadFrames(t *testing.T) {
	many := map[string]any{}
	for i := range 33 {
		many[strings.Repeat("k", i+1)] = ""
	}
	for _, test := range []struct {
		name  string
		frame []byte
		want  status.Code   // that ends the session, 0 if it lives
		reply status.Reason // of the answer, if one
	}{
		{"good", frame(1, 1, 5, "hello", 0, 0, nil, "x"), 0, ""},
		{"extra elements", frame(1, 1, 5, "hello", 0, 0, nil, "x", 1, 2), 0, ""},
		{"unknown flags", frame(1, 1, 5, "hello", 0, 1<<20, nil, "x"), 0, ""},
		{"huge timeout", frame(1, 1, 5, "hello", int64(1)<<62, 0, nil, "x"), 0, ""},
		{"largest id", frame(1, 1, 1<<53-1, "hello", 0, 0, nil, "x"), 0, ""},
		{"unknown method", frame(1, 1, 5, "nobody", 0, 0, nil, "x"), 0, ErrUnknownMethod},
		{"empty method", frame(1, 1, 5, "", 0, 0, nil, "x"), 0, ErrUnknownMethod},
		{"other payload", frame(1, 1, 5, "hello", 0, 0, nil, []any{1}), 0, ErrBadRequest},
		{"many metadata", frame(1, 1, 5, "hello", 0, 0, many, "x"), 0, ErrBadRequest},
		{"long metadata key", frame(1, 1, 5, "hello", 0, 0, map[string]any{strings.Repeat("k", 256): ""}, "x"), 0, ErrBadRequest},
		{"long metadata value", frame(1, 1, 5, "hello", 0, 0, map[string]any{"k": strings.Repeat("v", 4097)}, "x"), 0, ErrBadRequest},
		{"metadata at the limit", frame(1, 1, 5, "hello", 0, 0, map[string]any{strings.Repeat("k", 255): strings.Repeat("v", 4096)}, "x"), 0, ""},
		{"reused id", frame(1, 1, 1, "hello", 0, 0, nil, "x"), status.FailedPrecondition, ""},
		{"id 0", frame(1, 1, 0, "hello", 0, 0, nil, "x"), status.InvalidArgument, ""},
		{"id too large", frame(1, 1, 1<<53, "hello", 0, 0, nil, "x"), status.InvalidArgument, ""},
		{"id a string", frame(1, 1, "5", "hello", 0, 0, nil, "x"), status.InvalidArgument, ""},
		{"no payload", frame(1, 1, 5, "hello", 0, 0, nil), status.InvalidArgument, ""},
		{"negative timeout", frame(1, 1, 5, "hello", -1, 0, nil, "x"), status.InvalidArgument, ""},
		{"timeout a string", frame(1, 1, 5, "hello", "0", 0, nil, "x"), status.InvalidArgument, ""},
		{"flags missing", frame(1, 1, 5, "hello", 0), status.InvalidArgument, ""},
		{"metadata a list", frame(1, 1, 5, "hello", 0, 0, []any{}, "x"), status.InvalidArgument, ""},
		{"metadata of numbers", frame(1, 1, 5, "hello", 0, 0, map[string]any{"k": 1}, "x"), status.InvalidArgument, ""},
		{"procedure a number", frame(1, 1, 5, 7, 0, 0, nil, "x"), status.InvalidArgument, ""},
		{"late result", frame(1, 2, 99, "x"), 0, ""},
		{"result without payload", frame(1, 2, 99), status.InvalidArgument, ""},
		{"result with bad metadata", frame(1, 2, 99, "x", 5), status.InvalidArgument, ""},
		{"late error", frame(1, 3, 99, []any{5, "", ""}), 0, ""},
		{"error no error", frame(1, 3, 99, 5), status.InvalidArgument, ""},
		{"error half", frame(1, 3, 99, []any{5}), status.InvalidArgument, ""},
		{"late cancel", frame(1, 4, 99), 0, ""},
		{"kind 0", frame(1, 0, 5), status.FailedPrecondition, ""},
		{"reserved 5", frame(1, 5, 1, "x"), status.FailedPrecondition, ""},
		{"reserved 8", frame(1, 8, 1), status.FailedPrecondition, ""},
		{"reserved 10", frame(1, 10, 1, "x"), status.FailedPrecondition, ""},
		{"kind 127", frame(1, 127, 1), status.FailedPrecondition, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(PeerOptions{})
				release := make(chan struct{})
				block.Handle(p, func(context.Context, string) (string, error) { <-release; return "", nil })
				hello.Handle(p, greet)
				e := newEnd(true, transport.NewID())
				l := p.open(e)
				if err := receive(l, frame(1, 1, 1, "block", 0, 0, nil, "")); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				err := receive(l, test.frame)
				synctest.Wait()
				if status.CodeOf(err) != test.want {
					t.Errorf("error %v, want %v", err, test.want)
				}
				var reply status.Reason
				for _, f := range e.queue {
					r := codec.NewReader(f, 1)
					body := r.Array()
					body.Int()
					if kind := body.Int(); kind == kindError {
						body.Int()
						reply = transport.ReadError(&body).Reason
					}
				}
				if reply != test.reply {
					t.Errorf("answered %q, want %q", reply, test.reply)
				}
				close(release)
				synctest.Wait()
				l.Close(errors.New("the end"))
			})
		})
	}
}

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
			held := len(l.inbound.calls)
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
