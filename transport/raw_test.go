package transport

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
)

// rawPeer is a client that does as it likes.
type rawPeer struct {
	t    testing.TB
	conn Conn
	json bool
}

func (w *world) subprotocol() string {
	if w.json {
		return SubprotocolJSON
	}
	return SubprotocolMsgpack
}

// raw opens a connection and sends nothing.
func (w *world) raw() *rawPeer {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := w.dialer.Dial(ctx, w.url, w.subprotocol())
	if err != nil {
		w.t.Fatal(err)
	}
	conn.Observe(func() {}, func() {})
	conn.SetReadLimit(1 << 30)
	w.t.Cleanup(func() { conn.Close() })
	return &rawPeer{w.t, conn, w.json}
}

// rawOpen is raw that has shaken hands.
func (w *world) rawOpen(patterns ...string) *rawPeer {
	w.t.Helper()
	p := w.raw()
	p.send(helloFrame(func(h *hello) { h.patterns = patterns }))
	if f := p.read(); len(f) == 0 {
		w.t.Fatal("no welcome")
	}
	return p
}

func helloFrame(change func(*hello)) []byte {
	h := hello{version: 1, key: NewKey(), limits: limits{defaultMaxMessage, defaultMaxFrame, defaultMaxPartial}}
	if change != nil {
		change(&h)
	}
	b, err := h.append(nil)
	if err != nil {
		panic(err)
	}
	return b
}

// encode is frames in the connection's codec, as one message.
func (p *rawPeer) encode(frames ...[]byte) []byte {
	var msg []byte
	for i, f := range frames {
		if !p.json {
			msg = append(msg, f...)
			continue
		}
		if i > 0 {
			msg = append(msg, '\n')
		}
		var err error
		if msg, err = codec.ToJSON(msg, f); err != nil {
			p.t.Fatal(err)
		}
	}
	return msg
}

func (p *rawPeer) send(frames ...[]byte) { p.sendBytes(p.encode(frames...)) }

func (p *rawPeer) sendBytes(msg []byte) {
	p.t.Helper()
	if err := p.conn.Write(msg); err != nil {
		p.t.Logf("write: %v", err) // the server may be gone already
	}
}

// read is the next message.
func (p *rawPeer) read() []byte {
	p.t.Helper()
	cut := time.AfterFunc(20*time.Second, func() { p.conn.Close() })
	defer cut.Stop()
	msg, err := p.conn.Read()
	if err != nil {
		p.t.Fatalf("read: %v", err)
	}
	return msg
}

// closed reads until the server's close frame, and answers it.
func (p *rawPeer) closed() *CloseError {
	p.t.Helper()
	cut := time.AfterFunc(20*time.Second, func() { p.conn.Close() })
	defer cut.Stop()
	for {
		_, err := p.conn.Read()
		if err == nil {
			continue
		}
		var c *CloseError
		if !errors.As(err, &c) {
			p.t.Fatalf("no close frame but %v", err)
		}
		p.conn.WriteClose(c.Code, "")
		p.conn.Close()
		return c
	}
}

func (p *rawPeer) wantClose(code CloseCode) {
	p.t.Helper()
	if c := p.closed(); c.Code != code {
		p.t.Fatalf("closed with %d %q, want %d", int(c.Code), c.Reason, int(code))
	}
}
