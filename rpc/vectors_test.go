package rpc

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"testing/synctest"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// vector is a frame of docs/vectors/rpc.json, and what becomes of it; README.md there has the format.
type vector struct {
	Name, Msgpack, JSON string
	Close               transport.CloseCode
	Result              string
	Refused             status.Reason
	Settles             *struct {
		Result  string
		Code    status.Code
		Reason  status.Reason
		Unknown bool
	}
}

// frame is the frame, the same in both codecs.
func (v *vector) frame(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.Msgpack)
	if err != nil || !codec.IsCanonical(b) || !isFrame(b) {
		t.Fatalf("%s: no frame in canonical form: %v", v.Name, err)
	}
	if same, err := codec.FromJSON(nil, []byte(v.JSON)); err != nil || !bytes.Equal(same, b) {
		t.Fatalf("%s: the two codecs differ: %v", v.Name, err)
	}
	return b
}

// ends checks what Receive returned.
func (v *vector) ends(t *testing.T, err error) {
	t.Helper()
	want := map[transport.CloseCode]status.Code{
		0: 0, transport.CloseMalformed: status.InvalidArgument, transport.CloseProtocol: status.FailedPrecondition,
	}[v.Close]
	if status.CodeOf(err) != want {
		t.Errorf("error %v, want %v", err, want)
	}
}

func sameJSON(raw codec.Raw, text string) bool {
	want, err := codec.FromJSON(nil, []byte(text))
	return err == nil && codec.Equal(raw, want)
}

func readVectors(t testing.TB) (v struct{ Callee, Caller []vector }) {
	text, err := os.ReadFile("../docs/vectors/rpc.json")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil || len(v.Callee) < 30 || len(v.Caller) < 15 {
		t.Fatalf("%d and %d vectors, %v", len(v.Callee), len(v.Caller), err)
	}
	return v
}

// TestVectorsForCallee: a callee handles "hello" and "block", of which the call with id 1 is being handled.
func TestVectorsForCallee(t *testing.T) {
	for _, server := range []bool{true, false} {
		for _, v := range readVectors(t).Callee {
			t.Run(v.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { v.toCallee(t, server) })
			})
		}
	}
}

func (v *vector) toCallee(t *testing.T, server bool) {
	p := newPeer(PeerOptions{})
	block.Handle(p, func(ctx context.Context, _ string) (string, error) { <-ctx.Done(); return "", nil })
	hello.Handle(p, greet)
	e := newEnd(server, transport.NewID())
	l := p.open(e)
	if err := receive(l, frame(1, 1, 1, "block", 0, 0, nil, "")); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	v.ends(t, receive(l, v.frame(t)))
	synctest.Wait()
	result, refused := "", status.Reason("")
	for _, f := range e.queue {
		r := codec.NewReader(f, 1)
		body := r.Array()
		body.Int()
		kind, id := body.Int(), body.Int()
		switch {
		case id == 1: // what became of "block"
		case kind == kindResult:
			if result = "another one"; sameJSON(body.Raw(), v.Result) {
				result = v.Result
			}
		case kind == kindError:
			refused = transport.ReadError(&body).Reason
		}
	}
	if result != v.Result || refused != v.Refused {
		t.Errorf("answered %q, refused %q; want %q, %q", result, refused, v.Result, v.Refused)
	}
	e.cut(errors.New("the end"))
	l.Close(errors.New("the end"))
	synctest.Wait()
}

// TestVectorsForCaller: a caller waits for the answer to its call of "hello", with id 1.
func TestVectorsForCaller(t *testing.T) {
	for _, server := range []bool{true, false} {
		for _, v := range readVectors(t).Caller {
			t.Run(v.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { v.toCaller(t, server) })
			})
		}
	}
}

func (v *vector) toCaller(t *testing.T, server bool) {
	p := newPeer(PeerOptions{})
	e := newEnd(server, transport.NewID())
	l := p.open(e)
	var to Caller = p
	if server {
		to = p.Client(e.client)
	}
	settled, out, failure := false, "", error(nil)
	go func() {
		out, failure = hello.Call(t.Context(), to, "x")
		settled = true
	}()
	synctest.Wait()
	v.ends(t, receive(l, v.frame(t)))
	synctest.Wait()
	switch {
	case settled != (v.Settles != nil):
		t.Errorf("settled: %v", settled)
	case !settled:
	case v.Settles.Result != "":
		if failure != nil || !sameJSON(raw(out), v.Settles.Result) {
			t.Errorf("%q, %v; want %s", out, failure, v.Settles.Result)
		}
	default:
		wantStatus(t, failure, v.Settles.Code, v.Settles.Reason, v.Settles.Unknown)
	}
	e.cut(errors.New("the end"))
	l.Close(errors.New("the end"))
	synctest.Wait()
}

// TestFrameVectors: each of our frames in docs/vectors/frames.json is taken by the end that gets it.
func TestFrameVectors(t *testing.T) {
	text, err := os.ReadFile("../docs/vectors/frames.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Frames []struct {
			Name, Pattern, Msgpack string
			Kind                   int
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	kinds := map[int]bool{}
	for _, f := range file.Frames {
		if f.Pattern != "rpc" {
			continue
		}
		kinds[f.Kind] = true
		b, err := hex.DecodeString(f.Msgpack)
		if err != nil || !isFrame(b) {
			t.Fatalf("%s: not a frame: %v", f.Name, err)
		}
		e := newEnd(true, transport.NewID())
		l := newPeer(PeerOptions{}).open(e)
		if err := receive(l, b); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		l.Close(errors.New("the end"))
	}
	if len(kinds) != kindCancel {
		t.Errorf("kinds %v", kinds)
	}
}
