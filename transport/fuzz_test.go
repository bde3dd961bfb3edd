package transport

import (
	"bytes"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
)

// scripted is a connection that delivers given messages and then ends.
type scripted struct {
	subprotocol string
	messages    [][]byte
	written     int
	code        CloseCode
}

func (c *scripted) Subprotocol() string    { return c.subprotocol }
func (c *scripted) Observe(_, _ func())    {}
func (c *scripted) SetReadLimit(int)       {}
func (c *scripted) Close() error           { return nil }
func (c *scripted) Write(msg []byte) error { c.written += len(msg); return nil }
func (c *scripted) WriteClose(code CloseCode, _ string) error {
	c.code = code
	return nil
}

func (c *scripted) Read() ([]byte, error) {
	if len(c.messages) == 0 {
		return nil, &CloseError{Code: CloseNormal}
	}
	msg := c.messages[0]
	c.messages = c.messages[1:]
	return msg, nil
}

// FuzzFrames gives bytes to the splitter, router and reassembler of an open
// session. Whatever they are: no panic, memory within the limits, each frame
// handed on is well-formed, and the receiver's Close comes last.
func FuzzFrames(f *testing.F) {
	for _, v := range seedFrames(f) {
		f.Add(v, false)
		f.Add(v, true)
	}
	f.Add([]byte{0xdd, 0x80, 0, 0, 0}, false)
	f.Add(bytes.Repeat([]byte{0x91}, 1000), false)
	f.Add([]byte(`[16,1,"a",{"$bytes":"AAAA"}]`+"\n"+`[0,6,1,false,{"$bytes":"AAAA"}]`), true)
	f.Fuzz(func(t *testing.T, msg []byte, json bool) {
		conn := &scripted{subprotocol: SubprotocolMsgpack, messages: [][]byte{msg, msg}}
		if json {
			conn.subprotocol = SubprotocolJSON
		}
		accepts := limits{1 << 16, 1 << 14, 1 << 15}
		p := &probe{name: "any", receive: func(_ *Session, fr Frame) error {
			if fr.Kind < 1 || fr.Kind > maxKind {
				t.Errorf("kind %d", fr.Kind)
			}
			if n, err := codec.Check(fr.Stream); err != nil || n != len(fr.Stream) {
				t.Errorf("stream %x: %v", fr.Stream, err)
			}
			for rest := fr.Body.Rest(); len(rest) > 0; {
				n, err := codec.Check(rest)
				if err != nil {
					t.Errorf("body %x: %v", rest, err)
					break
				}
				rest = rest[n:]
			}
			return nil
		}}
		s := newSession(conn, true, &accepts, 1<<16, quiet())
		s.bound = []bound{{name: "any", number: 16}}
		s.openPatterns([]Pattern{p})
		s.readLoop()
		<-s.done.channel()
		if s.in.bytes > accepts.partial || len(s.in.parts) > maxUnfinished {
			t.Errorf("%d bytes in %d unfinished frames", s.in.bytes, len(s.in.parts))
		}
		p.settled(t)
	})
}

// FuzzHello gives bytes to the handshake of a server: they open a session or
// close it with one of the codes for that.
func FuzzHello(f *testing.F) {
	f.Add(helloFrame(nil), false)
	f.Add(helloFrame(func(h *hello) { h.version = 7 }), false)
	f.Add(helloFrame(func(h *hello) { h.credentials = map[string]map[string]any{"": {"token": "x"}} }), false)
	line, _ := codec.ToJSON(nil, helloFrame(func(h *hello) { h.patterns = []string{"echo"} }))
	f.Add(line, true)
	f.Fuzz(func(t *testing.T, msg []byte, json bool) {
		conn := &scripted{subprotocol: SubprotocolMsgpack, messages: [][]byte{msg}}
		if json {
			conn.subprotocol = SubprotocolJSON
		}
		p := echo()
		srv := NewServer(&ServerOptions{Logger: quiet()}, p)
		if err := srv.accept(conn, nil); err != nil {
			t.Fatal(err)
		}
		<-srv.idle()
		switch conn.code {
		case CloseNormal, CloseMalformed, CloseProtocol, CloseOutdated:
		default:
			t.Errorf("closed with %d", int(conn.code))
		}
		p.settled(t)
	})
}

// idle is closed when the server has no session any more.
func (s *Server) idle() <-chan struct{} {
	s.refuse("test")
	return s.ended
}

// seedFrames are the frames of docs/vectors/frames.json in both codecs.
func seedFrames(tb testing.TB) (all [][]byte) {
	for _, v := range readVectors(tb).Frames {
		all = append(all, v.Msgpack, []byte(v.JSON))
	}
	return all
}
