package pubsub

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// vector is a frame of docs/vectors/pubsub.json, and what becomes of it; README.md there has the format.
type vector struct {
	Name, Msgpack, JSON string
	Close               transport.CloseCode
	Answer              int
	Refused             status.Reason
	Yields              []any
	Position            []any
	Settles             map[string]any
}

func (v *vector) frame(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.Msgpack)
	if err != nil || !codec.IsCanonical(b) || !wellFormed(b) {
		t.Fatalf("%s: no frame in canonical form: %v", v.Name, err)
	}
	if same, err := codec.FromJSON(nil, []byte(v.JSON)); err != nil || !bytes.Equal(same, b) {
		t.Fatalf("%s: the two codecs differ: %v", v.Name, err)
	}
	return b
}

func readVectors(t testing.TB) (v struct{ Server, Client []vector }) {
	text, err := os.ReadFile("../docs/vectors/pubsub.json")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil || len(v.Server) < 50 || len(v.Client) < 40 {
		t.Fatalf("%d and %d vectors, %v", len(v.Server), len(v.Client), err)
	}
	return v
}

// TestVectorsForServer: a session that is subscribed to chat.room with id 1.
func TestVectorsForServer(t *testing.T) {
	r := memberRule("chat.>")
	r.History = 10
	for _, v := range readVectors(t).Server {
		t.Run(v.Name, func(t *testing.T) {
			w := rules(t, r)
			raw, session := w.raw()
			if err := session.TrySend(frameOf(kindSubscribe, "chat.room", 1, nil)); err != nil {
				t.Fatal(err)
			}
			if f := <-raw.frames; f.kind != kindSubscribed {
				t.Fatalf("kind %d", f.kind)
			}
			if err := session.TrySend(v.frame(t)); err != nil {
				t.Fatal(err)
			}
			if v.Close == 0 { // and something whose answer is known
				if err := session.TrySend(frameOf(kindMembers, "no topic", 1000)); err != nil {
					t.Fatal(err)
				}
			}
			answer, refused, code := 0, status.Reason(""), transport.CloseCode(0)
		read:
			for deadline := time.After(10 * time.Second); ; {
				select {
				case f := <-raw.frames:
					body := codec.NewReader(f.body, f.n)
					id := body.Int()
					if f.kind == kindRefused && id == 1000 {
						if v.Answer == 0 || answer != 0 {
							break read
						}
						continue // an answer that comes from another goroutine may be later
					}
					if f.kind == kindRefused {
						refused = transport.ReadError(&body).Reason
					} else if answer == 0 {
						answer = f.kind
					}
					if v.Answer != 0 {
						break read
					}
				case err := <-raw.closed:
					code = closeCode(err)
					break read
				case <-deadline:
					t.Fatal("nothing comes")
				}
			}
			if answer != v.Answer || refused != v.Refused || code != v.Close {
				t.Errorf("answer %d, refused %q, close %d; want %d, %q, %d", answer, refused, int(code), v.Answer, v.Refused, int(v.Close))
			}
		})
	}
}

func closeCode(err error) transport.CloseCode {
	for _, c := range []transport.CloseCode{transport.CloseMalformed, transport.CloseProtocol} {
		if errors.Is(err, status.Reason("transport."+c.String())) {
			return c
		}
	}
	return -1
}

// TestVectorsForClient: a client that is subscribed to chat.* with id 1, live, at offset 41 of epoch e1 of log chat, and waits for
// the answers to a publish with id 3 and to members with id 4.
func TestVectorsForClient(t *testing.T) {
	for _, v := range readVectors(t).Client {
		t.Run(v.Name, func(t *testing.T) {
			c := NewClient(nil)
			publish, members := &call{done: make(chan struct{})}, &call{done: make(chan struct{})}
			l := &link{client: c, calls: map[int64]*call{3: publish, 4: members}}
			c.link = l
			w := c.addTestWire("chat.*", flowing)
			w.at, w.started = Position{"chat", "e1", 41}, true
			close(w.ready)
			err := l.Receive(parse(v.frame(t)))
			want := map[transport.CloseCode]status.Code{
				0: 0, transport.CloseMalformed: status.InvalidArgument, transport.CloseProtocol: status.FailedPrecondition,
			}[v.Close]
			if status.CodeOf(err) != want {
				t.Fatalf("error %v, want %v", err, want)
			}
			if got := taken(t, w.sinks[0]); !reflect.DeepEqual(got, append([]any{}, v.Yields...)) {
				t.Errorf("yields %v, want %v", got, v.Yields)
			}
			if len(v.Position) == 2 && (v.Position[0] != w.at.Epoch || v.Position[1] != float64(w.at.Offset)) {
				t.Errorf("position %+v, want %v", w.at, v.Position)
			}
			if v.Close == 0 {
				v.settled(t, l, publish, members)
			}
		})
	}
}

// taken is what waits in q, as the vectors write it.
func taken(t *testing.T, q *queue) []any {
	out := []any{}
	for q.n > 0 {
		e, _, err := q.next(t.Context())
		switch g := e.gap; {
		case err != nil:
			t.Fatal(err)
		case g == nil:
			out = append(out, []any{"message", e.message.topic, float64(e.message.position.Offset)})
		case g.Count < 0:
			out = append(out, []any{"gap", float64(g.Cause), g.Topic, float64(g.After), float64(g.To), nil})
		default:
			out = append(out, []any{"gap", float64(g.Cause), g.Topic, float64(g.After), float64(g.To), float64(g.Count)})
		}
	}
	var e *status.Error
	if q.ended && errors.As(q.err, &e) {
		out = append(out, []any{"end", string(e.Reason)})
	}
	return out
}

func (v *vector) settled(t *testing.T, l *link, publish, members *call) {
	t.Helper()
	var k *call
	for id, other := range map[int64]*call{3: publish, 4: members} {
		if l.calls[id] == nil {
			k = other
		}
	}
	if k == nil != (v.Settles == nil) {
		t.Fatalf("settled: %+v", k)
	}
	if k == nil {
		return
	}
	got := map[string]any{}
	var e *status.Error
	switch ids := []any{}; {
	case errors.As(k.err, &e):
		got["reason"] = string(e.Reason)
	case k == members:
		for _, m := range k.members {
			ids = append(ids, m.Client.String())
		}
		got["members"] = ids
	case k.at == Position{}:
		got["position"] = []any{nil, nil, 0.0}
	default:
		got["position"] = []any{k.at.Log, k.at.Epoch, float64(k.at.Offset)}
	}
	if !reflect.DeepEqual(got, v.Settles) {
		t.Errorf("settles with %v, want %v", got, v.Settles)
	}
}

// TestFrameVectors: each of our frames in docs/vectors/frames.json is taken by the side that gets it.
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
	r := memberRule("chat.>")
	r.History = 10
	w := rules(t, r)
	kinds := map[int]bool{}
	for _, f := range file.Frames {
		if f.Pattern != "pubsub" {
			continue
		}
		kinds[f.Kind] = true
		frame, err := hex.DecodeString(f.Msgpack)
		if err != nil || !wellFormed(frame) {
			t.Fatalf("%s: not a frame: %v", f.Name, err)
		}
		switch f.Kind {
		case kindSubscribe, kindUnsubscribe, kindPublish, kindMembers:
			_, session := w.raw()
			server := newPeer(w.hub, session)
			if err := server.Receive(parse(frame)); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
			server.Close(errClosed())
		default:
			c := NewClient(nil)
			l := &link{client: c, calls: map[int64]*call{3: {done: make(chan struct{})}, 4: {done: make(chan struct{})}}}
			c.link = l
			c.addTestWire("chat.*", asked)
			if err := l.Receive(parse(frame)); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
	for kind := kindSubscribe; kind <= kindEnded; kind++ {
		if !kinds[kind] && kind != 4 {
			t.Errorf("no frame of kind %d", kind)
		}
	}
}
