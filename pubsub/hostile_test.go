package pubsub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// rawClient is a pattern that sends what it is told and records what comes.
type rawClient struct {
	frames chan rawFrame
	closed chan error
}

type rawFrame struct {
	kind int
	body codec.Raw // the elements behind the stream
	n    int
}

func newRaw() *rawClient {
	return &rawClient{frames: make(chan rawFrame, 10_000), closed: make(chan error, 1)}
}

func (r *rawClient) Name() string { return "pubsub" }
func (r *rawClient) Attach(*transport.Session) (transport.Receiver, error) {
	return r, nil
}
func (r *rawClient) Receive(f transport.Frame) error {
	select {
	case r.frames <- rawFrame{f.Kind, append(codec.Raw(nil), f.Body.Rest()...), f.Body.Len()}:
	default: // nobody looks
	}
	return nil
}
func (r *rawClient) Close(err error) { r.closed <- err }

func (w *world) raw() (*rawClient, *transport.Session) {
	w.t.Helper()
	r := newRaw()
	c, err := transport.Dial(w.ctx, "", &transport.ClientOptions{Logger: quiet(), Dialer: w.server.Pipe(), MaxAttempts: 1}, r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return r, c.Session()
}

// frameOf is a frame of any elements behind pattern and kind.
func frameOf(kind int, elements ...any) []byte {
	b := header(nil, 2+len(elements), kind)
	for _, e := range elements {
		raw, err := codec.Marshal(e)
		if err != nil {
			panic(err)
		}
		b = append(b, raw...)
	}
	return b
}

// TestBadFrames: each ends its own session with the right code, and no other.
func TestBadFrames(t *testing.T) {
	w := rules(t, open("a.*", 10))
	good := w.client(nil)
	s := subscribe[int](t, w.ctx, good, "a.b")
	for name, c := range map[string]struct {
		frame []byte
		code  transport.CloseCode
	}{
		"unknown kind":           {frameOf(77, "a.b", 1), transport.CloseProtocol},
		"server's kind":          {frameOf(kindPublication, "a.b", 1, 1, 0, nil, nil, 1, nil), transport.CloseProtocol},
		"number as stream":       {frameOf(kindSubscribe, 5, 1, nil), transport.CloseMalformed},
		"no id":                  {frameOf(kindSubscribe, "a.b"), transport.CloseMalformed},
		"id is text":             {frameOf(kindSubscribe, "a.b", "1"), transport.CloseMalformed},
		"id zero":                {frameOf(kindSubscribe, "a.b", 0), transport.CloseMalformed},
		"negative id":            {frameOf(kindUnsubscribe, "a.b", -1), transport.CloseMalformed},
		"id beyond 2^53":         {frameOf(kindSubscribe, "a.b", int64(1<<53+1)), transport.CloseMalformed},
		"options are a list":     {frameOf(kindSubscribe, "a.b", 1, []any{}), transport.CloseMalformed},
		"offset is text":         {frameOf(kindSubscribe, "a.b", 1, map[string]any{"epoch": "e", "offset": "1"}), transport.CloseMalformed},
		"negative offset":        {frameOf(kindSubscribe, "a.b", 1, map[string]any{"epoch": "e", "offset": -1}), transport.CloseMalformed},
		"negative last":          {frameOf(kindSubscribe, "a.b", 1, map[string]any{"last": -1}), transport.CloseMalformed},
		"publish without value":  {frameOf(kindPublish, "a.b", 1, 0, nil), transport.CloseMalformed},
		"publish, flags missing": {frameOf(kindPublish, "a.b", 1), transport.CloseMalformed},
		"key is a number":        {frameOf(kindPublish, "a.b", 1, 0, nil, 1, 5), transport.CloseMalformed},
		"id 2^53":                {frameOf(kindSubscribe, "a.b", int64(1<<53)), transport.CloseMalformed},
		"metadata are text":      {frameOf(kindPublish, "a.b", 1, 0, "meta", 1), transport.CloseMalformed},
		"metadata of numbers":    {frameOf(kindPublish, "a.b", 1, 0, map[string]any{"a": 1}, 1), transport.CloseMalformed},
		"log too long":           {frameOf(kindSubscribe, "a.b", 1, map[string]any{"log": strings.Repeat("l", 256)}), transport.CloseMalformed},
		"epoch too long":         {frameOf(kindSubscribe, "a.b", 1, map[string]any{"epoch": strings.Repeat("e", 33)}), transport.CloseMalformed},
		"denied, id in use":      {append(frameOf(kindSubscribe, "a.b", 1), frameOf(kindSubscribe, "none", 1)...), transport.CloseProtocol},
		"subscription twice":     {append(frameOf(kindSubscribe, "a.b", 1), frameOf(kindSubscribe, "a.b", 1)...), transport.CloseProtocol},
	} {
		r, session := w.raw()
		for frame := c.frame; len(frame) > 0; {
			rd := codec.NewReader(frame, 1)
			one := rd.Raw()
			if err := session.TrySend(one); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			frame = frame[len(one):]
		}
		select {
		case err := <-r.closed:
			if want := status.Reason("transport." + c.code.String()); !errors.Is(err, want) {
				t.Errorf("%s: %v; want %v", name, err, want)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: the session goes on", name)
		}
	}
	publish(t, w.ctx, good, "a.b", 1)
	want(t, w.ctx, s, 1)
}

// TestBadRequests: only the request is refused.
func TestBadRequests(t *testing.T) {
	w := rules(t, open("a.*", 10))
	r, session := w.raw()
	long := strings.Repeat("x", 300)
	many := map[string]string{}
	for i := range 33 {
		many[fmt.Sprint(i)] = ""
	}
	for i, c := range []struct {
		frame []byte
		want  status.Reason
	}{
		{frameOf(kindSubscribe, "", 1), ErrBadTopic},
		{frameOf(kindSubscribe, "a..b", 1), ErrBadTopic},
		{frameOf(kindSubscribe, "a.>.b", 1), ErrBadTopic},
		{frameOf(kindSubscribe, long, 1), ErrBadTopic},
		{frameOf(kindSubscribe, "b", 1), ErrDenied},
		{frameOf(kindSubscribe, ">", 1), ErrDenied},
		{frameOf(kindPublish, "a.*", 1, 0, nil, 1), ErrBadTopic},
		{frameOf(kindPublish, "b", 1, 0, nil, 1), ErrDenied},
		{frameOf(kindPublish, "a.b", 1, 0, many, 1), ErrBadRequest},
		{frameOf(kindPublish, "a.b", 1, 0, map[string]string{long: ""}, 1), ErrBadRequest},
		{frameOf(kindPublish, "a.b", 1, 0, map[string]string{"a": strings.Repeat("x", 5000)}, 1), ErrBadRequest},
		{frameOf(kindPublish, "a.b", 1, 0, nil, 1, long), ErrBadRequest},
		{frameOf(kindMembers, "a.b", 1), ErrNoMembers},
	} {
		if err := session.TrySend(c.frame); err != nil {
			t.Fatal(err)
		}
		var f rawFrame
		select {
		case f = <-r.frames:
		case err := <-r.closed:
			t.Fatalf("%d: the session ended: %v", i, err)
		}
		body := codec.NewReader(f.body, f.n)
		id, err := body.Int(), transport.ReadError(&body)
		if f.kind != kindRefused || id != 1 || err.Reason != c.want {
			t.Errorf("%d: kind %d, id %d, %v; want %s", i, f.kind, id, err, c.want)
		}
	}
	// Unknown options and elements are ignored.
	session.TrySend(frameOf(kindSubscribe, "a.b", 7, map[string]any{"new": []any{1}}, "more"))
	if f := <-r.frames; f.kind != kindSubscribed {
		t.Errorf("kind %d", f.kind)
	}
	session.TrySend(frameOf(kindUnsubscribe, "a.b", 999))
	session.TrySend(frameOf(kindPublish, "a.b", 8, 1<<20, nil, 1, nil, "more"))
	for _, kind := range []int{kindPublication, kindPublished} {
		if f := <-r.frames; f.kind != kind {
			t.Errorf("kind %d in place of %d", f.kind, kind)
		}
	}
}

// TestTooManySubscriptions: the limit holds, and what one unsubscribes is free again.
func TestTooManySubscriptions(t *testing.T) {
	w := newWorld(t, &HubOptions{Rules: []Rule{open("a.*", 0)}, MaxSubscriptions: 50}, nil)
	r, session := w.raw()
	for i := range 3000 {
		if err := session.Send(w.ctx, frameOf(kindSubscribe, fmt.Sprintf("a.%d", i), i+1)); err != nil {
			t.Fatal(err)
		}
	}
	got := map[int]int{}
	for range 3000 {
		got[(<-r.frames).kind]++
	}
	if got[kindSubscribed] != 50 || got[kindRefused] != 2950 {
		t.Errorf("answers by kind: %v", got)
	}
	session.TrySend(frameOf(kindUnsubscribe, "a.0", 1))
	session.TrySend(frameOf(kindSubscribe, "a.0", 4000))
	if f := <-r.frames; f.kind != kindSubscribed {
		t.Errorf("kind %d", f.kind)
	}
}

// stuck is a broker that accepts nothing until it is let.
type stuck struct {
	Broker
	open chan struct{}
}

func (s *stuck) Publish(ctx context.Context, log string, r Record) (Position, error) {
	select {
	case <-s.open:
		return s.Broker.Publish(ctx, log, r)
	case <-ctx.Done():
		return Position{}, ctx.Err()
	}
}

// TestPendingPublishes: a broker that waits holds up neither the reader nor memory; order is kept.
func TestPendingPublishes(t *testing.T) {
	b := &stuck{NewMemoryBroker(nil), make(chan struct{})}
	w := newWorld(t, &HubOptions{Rules: []Rule{open("a", 0)}, Broker: b, MaxPending: 10}, nil)
	r, session := w.raw()
	for i := range 100 {
		session.Send(w.ctx, frameOf(kindPublish, "a", i+1, 0, nil, i))
	}
	for range 90 {
		f := <-r.frames
		body := codec.NewReader(f.body, f.n)
		body.Int()
		if err := transport.ReadError(&body); f.kind != kindRefused || err.Reason != ErrTooMany || err.Unknown {
			t.Fatalf("kind %d, %v", f.kind, err)
		}
	}
	session.Send(w.ctx, frameOf(kindSubscribe, "a", 1000)) // the reader goes on
	if f := <-r.frames; f.kind != kindSubscribed {
		t.Fatalf("kind %d", f.kind)
	}
	close(b.open)
	next := map[int]int64{}
	for range 20 {
		f := <-r.frames
		body := codec.NewReader(f.body, f.n)
		value := int64(0)
		if f.kind == kindPublication {
			for range 5 {
				body.Skip()
			}
			value = body.Int()
		} else if value = body.Int() - 1; f.kind != kindPublished {
			t.Fatalf("kind %d", f.kind)
		}
		if value != next[f.kind] {
			t.Fatalf("kind %d: %d in place of %d", f.kind, value, next[f.kind])
		}
		next[f.kind]++
	}
}

// TestPendingBytes: large publications that wait are bounded by their bytes; one alone always passes.
func TestPendingBytes(t *testing.T) {
	b := &stuck{NewMemoryBroker(nil), make(chan struct{})}
	w := newWorld(t, &HubOptions{Rules: []Rule{open("a", 0)}, Broker: b, MaxPendingBytes: 10_000}, nil)
	r, session := w.raw()
	for i := range 10 {
		session.Send(w.ctx, frameOf(kindPublish, "a", i+1, 0, nil, make([]byte, 20_000)))
	}
	for range 9 {
		if f := <-r.frames; f.kind != kindRefused {
			t.Fatalf("kind %d", f.kind)
		}
	}
	close(b.open)
	if f := <-r.frames; f.kind != kindPublished {
		t.Fatalf("kind %d", f.kind)
	}
}

// TestBadServer: a server's malformed frames end the session on the client, also where the defect is deep inside, and nothing of
// them is delivered.
func TestBadServer(t *testing.T) {
	good := []any{"a", 5, nil, nil, "x", nil}
	for i, frame := range [][]byte{
		frameOf(kindPublication, "a", "a", 0, 0, nil, nil, 1, nil),
		frameOf(kindReplay, 1, 1, 9, true, []any{[]any{"a"}}),
		frameOf(kindReplay, 1, 1, 9, true, []any{5}),
		frameOf(kindReplay, 1, 1, 9, true, []any{[]any{"a", "5", nil, nil, "x", nil}}),
		frameOf(kindReplay, 1, 1, 9, true, []any{[]any{"a", 5, "not bytes", nil, "x", nil}}),
		frameOf(kindReplay, 1, 1, 9, true, []any{[]any{"a", 5, []byte{1}, nil, "x", nil}}),
		frameOf(kindReplay, 1, 1, 9, true, []any{[]any{"a", 5, nil, 7, "x", nil}}),
		frameOf(kindReplay, 1, 1, 9, true, []any{[]any{"a", 5, nil, nil, "x", 7}}),
		frameOf(kindPublication, 1, "a", 5, 4, []byte{1}, nil, "x", nil),
		frameOf(kindPublication, 1, "a", 5, 4, nil, map[string]any{"k": 1}, "x", nil),
		frameOf(kindPublication, 1, "a", 5, 4, nil, []any{}, "x", nil),
		frameOf(kindMember, 1, "a", true, []byte{1, 2}, "u", time.Unix(1, 0)),
		frameOf(kindMemberList, 1, 1, []any{5}),
		frameOf(kindMemberList, 1, 1, []any{[]any{nil, "u"}}),
		frameOf(kindEnded, 1, 1, []any{}),
		frameOf(kindGap, 1, 1, 2, "e", 1),
		frameOf(kindPublished, 1, 9, "l", "e"),
		frameOf(kindRefused, 1, 9, []any{7}),
		frameOf(kindMemberList, 1, 9, []any{[]any{}}),
		frameOf(kindPublication, 1, 5),
		frameOf(kindSubscribed, 1),
		frameOf(kindReplay, 1, 1, "x"),
		frameOf(kindPublication, 1, "a", 0, 0, nil, nil),
	} {
		c := NewClient(nil)
		k := &call{done: make(chan struct{})}
		l := &link{client: c, calls: map[int64]*call{9: k}}
		c.link = l
		w := c.addTestWire("a", flowing)
		if err := l.Receive(parse(frame)); !errors.Is(err, status.InvalidArgument) {
			t.Errorf("frame %d was accepted: %v", i, err)
		}
		if w.sinks[0].n != 0 || w.at.Offset != 0 {
			t.Errorf("frame %d was delivered", i)
		}
		if l.calls[9] == nil && !errors.Is(k.err, status.Internal) {
			t.Errorf("frame %d settled a request: %v", i, k.err)
		}
	}
	c := NewClient(nil)
	l := &link{client: c}
	c.link = l
	w := c.addTestWire("a", flowing)
	if err := l.Receive(parse(frameOf(99, 1, 1))); !errors.Is(err, status.FailedPrecondition) {
		t.Errorf("an unknown kind: %v", err)
	}
	if err := l.Receive(parse(frameOf(kindReplay, 1, 1, 9, true, []any{good, []any{"a", 6}, []any{"a", 7, 4}}))); err != nil || w.sinks[0].n != 2 {
		t.Errorf("%v, %d events", err, w.sinks[0].n)
	}
}

func (c *Client) addTestWire(filter string, state wireState) *wire {
	c.lastID++
	w := &wire{filter: filter, id: c.lastID, state: state, ready: make(chan struct{}), sinks: []*queue{newQueue(filter, 8, 0)}}
	c.wires[w.id] = w
	c.order = append(c.order, w)
	w.entry = c.match.add(filter, w)
	return w
}

// parse is what the transport makes of a checked frame.
func parse(frame []byte) transport.Frame {
	r := codec.NewReader(frame, 1)
	a := r.Array()
	a.Int()
	f := transport.Frame{Kind: int(a.Int()), Stream: a.Raw()}
	f.Body = a
	return f
}
