package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
)

// After each bad input the session ends with a coded reason, and one beside it
// notices nothing.
func TestBadInput(t *testing.T) {
	ping := appendPing(nil, kindPing, 1)
	chunk := func(id int64, last bool, n int) []byte {
		return appendChunk(nil, false, id, last, make([]byte, n))
	}
	cases := []struct {
		name    string
		msgpack func(p *rawPeer) // after welcome
		raw     []byte           // msgpack only
		text    string           // json only
		code    CloseCode
	}{
		{name: "c1", raw: []byte{0xc1}, code: CloseMalformed},
		{name: "garbage", raw: bytes.Repeat([]byte{0xde, 0xad, 0xbe, 0xef}, 10), text: "hello?", code: CloseMalformed},
		{name: "empty message", raw: []byte{}, text: "", code: CloseMalformed},
		{name: "truncated", raw: ping[:len(ping)-1], text: "[0,3,0", code: CloseMalformed},
		{name: "no array", raw: []byte{0x07}, text: "7", code: CloseMalformed},
		{name: "too short", raw: []byte{0x92, 0, 3}, text: "[0,3]", code: CloseMalformed},
		{name: "kind 0", raw: []byte{0x93, 16, 0, 0}, text: "[16,0,0]", code: CloseMalformed},
		{name: "kind 128", raw: []byte{0x93, 16, 0xcc, 128, 0}, text: "[16,128,0]", code: CloseMalformed},
		{name: "negative pattern", raw: []byte{0x93, 0xff, 1, 0}, text: "[-1,1,0]", code: CloseMalformed},
		{name: "stream is nil", raw: []byte{0x93, 16, 1, 0xc0}, text: "[16,1,null]", code: CloseMalformed},
		{name: "stream is a list", raw: []byte{0x93, 16, 1, 0x90}, text: "[16,1,[]]", code: CloseMalformed},
		{name: "2^31 elements", raw: []byte{0xdd, 0x80, 0, 0, 0}, code: CloseMalformed},
		{name: "huge string", raw: []byte{0x94, 16, 1, 0, 0xdb, 0x7f, 0xff, 0xff, 0xff}, code: CloseMalformed},
		{name: "deep", raw: append([]byte{0x94, 16, 1, 0}, bytes.Repeat([]byte{0x91}, 100)...), text: "[16,1,0," + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "]", code: CloseMalformed},
		{name: "bad UTF-8", raw: []byte{0x94, 16, 1, 0, 0xa1, 0xff}, text: "[16,1,0,\"\xff\"]", code: CloseMalformed},
		{name: "duplicate key", raw: []byte{0x94, 16, 1, 0, 0x82, 0xa1, 'a', 1, 0xa1, 'a', 2}, text: `[16,1,0,{"a":1,"a":2}]`, code: CloseMalformed},
		{name: "integer key", raw: []byte{0x94, 16, 1, 0, 0x81, 1, 1}, code: CloseMalformed},
		{name: "foreign extension", raw: []byte{0x94, 16, 1, 0, 0xd4, 5, 0}, code: CloseMalformed},
		{name: "lone surrogate", text: `[16,1,0,"\ud800"]`, code: CloseMalformed},
		{name: "unknown wrapper", text: `[16,1,0,{"$what":1}]`, code: CloseMalformed},
		{name: "two on a line", text: `[0,3,0,1] [0,3,0,1]`, code: CloseMalformed},
		{name: "second bad", raw: append(bytes.Clone(ping), 0xc1), text: "[0,3,0,1]\n!", code: CloseMalformed},
		{name: "ping without time", raw: []byte{0x93, 0, 3, 0}, text: "[0,3,0]", code: CloseMalformed},
		{name: "unknown pattern", raw: []byte{0x93, 99, 1, 0}, text: "[99,1,0]", code: CloseProtocol},
		{name: "unspoken pattern", raw: []byte{0x93, 1, 1, 0}, text: "[1,1,0]", code: CloseProtocol},
		{name: "unknown control kind", raw: []byte{0x93, 0, 100, 0}, text: "[0,100,0]", code: CloseProtocol},
		{name: "welcome from a client", raw: []byte{0x94, 0, 2, 0, 0x80}, text: "[0,2,0,{}]", code: CloseProtocol},
		{name: "second hello", msgpack: func(p *rawPeer) { p.send(helloFrame(nil)) }, code: CloseProtocol},
		{name: "kind refused by its pattern", msgpack: func(p *rawPeer) { p.send(frameOf(16, 66, integer(0), integer(0))) }, code: CloseProtocol},
		{name: "body refused by its pattern", msgpack: func(p *rawPeer) { p.send(frameOf(16, 67, integer(0), integer(0))) }, code: CloseMalformed},
		{name: "panic of its pattern", msgpack: func(p *rawPeer) { p.send(frameOf(16, 68, integer(0), integer(0))) }, code: CloseInternal},
		{name: "oversize message", msgpack: func(p *rawPeer) {
			p.send(frameOf(16, 1, integer(0), codec.AppendBytes(nil, make([]byte, 128<<10))))
		}, code: CloseTooLarge},
		{name: "oversize chunked frame", msgpack: func(p *rawPeer) {
			for range 17 {
				p.send(chunk(1, false, 32<<10))
			}
		}, code: CloseTooLarge},
		{name: "unfinished frames", msgpack: func(p *rawPeer) {
			for i := range int64(33) {
				p.send(chunk(i, false, 32<<10))
			}
		}, code: CloseProtocol},
		{name: "many empty unfinished frames", msgpack: func(p *rawPeer) {
			for i := range int64(maxUnfinished + 1) {
				p.send(chunk(i, false, 0))
			}
		}, code: CloseProtocol},
		{name: "chunk in a chunk", msgpack: func(p *rawPeer) {
			p.send(appendChunk(nil, false, 1, true, p.encode(chunk(2, true, 5))))
		}, code: CloseProtocol},
		{name: "chunks of garbage", msgpack: func(p *rawPeer) { p.send(chunk(1, false, 9), chunk(1, true, 9)) }, code: CloseMalformed},
		{name: "two frames in chunks", msgpack: func(p *rawPeer) {
			p.send(appendChunk(nil, false, 1, true, p.encode(ping, ping)))
		}, code: CloseMalformed},
		{name: "chunk without bytes", raw: []byte{0x94, 0, 6, 1, 0xc3}, text: "[0,6,1,true]", code: CloseMalformed},
		{name: "chunk with a name", raw: []byte{0x95, 0, 6, 0xa1, 'x', 0xc3, 0xc4, 0}, text: `[0,6,"x",true,{"$bytes":""}]`, code: CloseMalformed},
	}
	picky := func() *probe {
		p := echo()
		plain := p.receive
		p.receive = func(s *Session, f Frame) error {
			switch f.Kind {
			case 66:
				return errors.New("no such kind")
			case 67:
				return status.New(status.InvalidArgument, "", "no such body")
			case 68:
				panic("a defect of the pattern")
			}
			return plain(s, f)
		}
		return p
	}
	everywhere(t, &ServerOptions{MaxMessage: 128 << 10, MaxFrame: 512 << 10, MaxPartial: 1 << 20}, func(t *testing.T, w *world) {
		p, ch := collector("echo", 1)
		beside := w.client(nil, p)
		for _, c := range cases {
			both := c.msgpack != nil || c.raw != nil && len(c.raw) == 0
			if !both && (w.json && c.text == "" || !w.json && c.raw == nil) {
				continue // there is no such thing in this codec
			}
			t.Run(c.name, func(t *testing.T) {
				w.t = t
				peer := w.rawOpen("echo")
				switch {
				case c.msgpack != nil:
					c.msgpack(peer)
				case w.json:
					peer.sendBytes([]byte(c.text))
				default:
					peer.sendBytes(c.raw)
				}
				peer.wantClose(c.code)
			})
			if t.Failed() {
				return
			}
		}
		w.t = t
		s := beside.Session()
		if s == nil {
			t.Fatal("the session beside has ended")
		}
		if err := s.TrySend(frameOf(16, 1, integer(1), integer(1))); err != nil {
			t.Fatal(err)
		}
		within(t, ch)
	}, picky)
}

// What may go wrong before welcome.
func TestBadHello(t *testing.T) {
	cases := []struct {
		name string
		send func(p *rawPeer)
		code CloseCode
	}{
		{"garbage", func(p *rawPeer) { p.sendBytes([]byte("GET / HTTP/1.1\r\n\r\n")) }, CloseMalformed},
		{"another frame", func(p *rawPeer) { p.send(frameOf(1, 1, integer(1), integer(1))) }, CloseProtocol},
		{"ping first", func(p *rawPeer) { p.send(appendPing(nil, kindPing, 1)) }, CloseProtocol},
		{"something behind", func(p *rawPeer) { p.send(helloFrame(nil), appendPing(nil, kindPing, 1)) }, CloseProtocol},
		{"version 2", func(p *rawPeer) { p.send(helloFrame(func(h *hello) { h.version = 2 })) }, CloseOutdated},
		{"no map", func(p *rawPeer) { p.send(frameOf(0, 1, integer(0), integer(1))) }, CloseMalformed},
		{"empty map", func(p *rawPeer) { p.send(frameOf(0, 1, integer(0), codec.AppendMap(nil, 0))) }, CloseMalformed},
		{"short key", func(p *rawPeer) {
			b := codec.AppendMap(nil, 2)
			b = append(codec.AppendString(b, "version"), 1)
			b = codec.AppendBytes(codec.AppendString(b, "key"), make([]byte, 31))
			p.send(frameOf(0, 1, integer(0), b))
		}, CloseMalformed},
		{"patterns of numbers", func(p *rawPeer) {
			b := codec.AppendMap(nil, 3)
			b = append(codec.AppendString(b, "version"), 1)
			b = codec.AppendBytes(codec.AppendString(b, "key"), make([]byte, 32))
			b = append(codec.AppendString(b, "patterns"), 0x91, 1)
			p.send(frameOf(0, 1, integer(0), b))
		}, CloseMalformed},
		{"tiny limits", func(p *rawPeer) { p.send(helloFrame(func(h *hello) { h.limits.message = 100 })) }, CloseMalformed},
		{"large hello", func(p *rawPeer) {
			p.send(helloFrame(func(h *hello) { h.agent = strings.Repeat("x", 70_000) }))
		}, CloseTooLarge},
	}
	everywhere(t, nil, func(t *testing.T, w *world) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				w.t = t
				p := w.raw()
				c.send(p)
				p.wantClose(c.code)
			})
		}
		w.t = t
	}, echo)
}

// A WebSocket message of the other kind is no message of the subprotocol.
func TestWrongMessageType(t *testing.T) {
	for _, json := range []bool{false, true} {
		w := newWorld(t, true, json, nil, echo())
		p := w.rawOpen("echo")
		p.conn.(*wsConn).kind = websocket.TextMessage + websocket.BinaryMessage - p.conn.(*wsConn).kind
		p.sendBytes([]byte("[0,3,0,1]"))
		p.conn.(*wsConn).kind = websocket.TextMessage + websocket.BinaryMessage - p.conn.(*wsConn).kind
		p.wantClose(CloseMalformed)
	}
}

// Memory stays below twice the message, whatever it holds or announces.
func TestHostileMemory(t *testing.T) {
	const size = 8 << 20
	long := func(head []byte, fill byte) func(w io.Writer) {
		return func(w io.Writer) {
			w.Write(head)
			block := bytes.Repeat([]byte{fill}, 32<<10)
			for n := len(head); n < size; n += len(block) {
				w.Write(block[:min(len(block), size-n)])
			}
		}
	}
	cases := []struct {
		name  string
		write func(w io.Writer)
		bytes uint64
	}{
		{"8 MiB of 0x91", long(nil, 0x91), size},
		{"a frame of 8 MiB of 0x91", long([]byte{0x94, 16, 1, 0}, 0x91), size},
		{"8 MiB of small integers", long([]byte{0xdd, 0, 0x7f, 0xff, 0xfb}, 7), size},
		{"2^31 elements", func(w io.Writer) { w.Write([]byte{0xdd, 0x80, 0, 0, 0}) }, 64 << 10}, // the rest is the session itself
		{"2^31-1 elements", func(w io.Writer) { w.Write([]byte{0xdd, 0x7f, 0xff, 0xff, 0xff}) }, 64 << 10},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, true, false, &ServerOptions{MaxMessage: 16 << 20, MaxFrame: 16 << 20}, echo())
			p := w.rawOpen("echo")
			ws := p.conn.(*wsConn).ws
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			out, err := ws.NextWriter(websocket.BinaryMessage)
			if err != nil {
				t.Fatal(err)
			}
			c.write(out)
			out.Close()
			p.closed()
			runtime.ReadMemStats(&after)
			// All that was ever allocated, on both sides: more than was held at any time.
			if spent := after.TotalAlloc - before.TotalAlloc; spent >= 2*c.bytes+512<<10 {
				t.Fatalf("%d bytes were allocated for a message of %d", spent, c.bytes)
			} else {
				t.Logf("%d bytes for a message of %d", spent, c.bytes)
			}
		})
	}
}

// The server lives through a panic of the login too.
func TestAuthenticateFails(t *testing.T) {
	cases := []struct {
		name string
		auth func(ctx context.Context, h *Hello) (Identity, error)
		code CloseCode
		text string
	}{
		{"unauthenticated", func(context.Context, *Hello) (Identity, error) {
			return Identity{}, status.New(status.Unauthenticated, "app.token", "no token")
		}, CloseUnauthenticated, "no token"},
		{"denied", func(context.Context, *Hello) (Identity, error) {
			return Identity{}, status.New(status.PermissionDenied, "", "banned")
		}, CloseDenied, "banned"},
		{"bare code", func(context.Context, *Hello) (Identity, error) { return Identity{}, status.PermissionDenied }, CloseDenied, "permission_denied"},
		{"unavailable", func(context.Context, *Hello) (Identity, error) {
			return Identity{}, status.New(status.Unavailable, "", "the directory is down")
		}, CloseOverloaded, "the directory is down"},
		{"any error", func(context.Context, *Hello) (Identity, error) { return Identity{}, fmt.Errorf("password of db is x") }, CloseInternal, "internal error"},
		{"panic", func(context.Context, *Hello) (Identity, error) { panic("x") }, CloseInternal, "internal error"},
		{"too slow", func(ctx context.Context, _ *Hello) (Identity, error) {
			<-ctx.Done()
			return Identity{}, ctx.Err()
		}, CloseOverloaded, "deadline exceeded"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			run := func(t *testing.T, w *world) {
				p := w.raw()
				p.send(helloFrame(nil))
				if got := p.closed(); got.Code != c.code || got.Reason != c.text {
					t.Fatalf("closed with %d %q", int(got.Code), got.Reason)
				}
			}
			if c.name == "too slow" { // on a busy machine a hello would be as slow
				bubble(t, &ServerOptions{Authenticate: c.auth, HandshakeTimeout: time.Second}, run)
				return
			}
			everywhere(t, &ServerOptions{Authenticate: c.auth}, run, echo)
		})
	}
}
