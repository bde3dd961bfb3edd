package pubsub

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
)

type note struct {
	Text string    `json:"text"`
	Raw  []byte    `json:"raw"`
	At   time.Time `json:"at"`
	N    int64     `json:"n"`
}

var notes = NewTopic[note]("notes.{room}")

// TestBothCodecs: clients of both codecs share a topic in both directions, over both kinds of connection.
func TestBothCodecs(t *testing.T) {
	for _, socket := range []bool{false, true} {
		for _, history := range []int{0, 10} {
			w := rules(t, open("notes.*", history))
			if socket {
				w.listen()
			}
			a, b := w.client(nil), w.client(asJSON)
			var subs []*Subscription[note]
			for _, c := range []*client{a, b} {
				s, err := notes.At("go").Subscribe(w.ctx, c.Client)
				if err != nil {
					t.Fatal(err)
				}
				subs = append(subs, s)
			}
			for i, c := range []Publisher{a, b, w.hub} {
				in := note{"é", []byte{1, 2, 255}, time.Unix(1, 5).UTC(), 1<<60 + int64(i)}
				at, err := notes.At("go").Publish(w.ctx, c, in, WithMetadata(map[string]string{"k": "v"}), WithKey("key"))
				if err != nil {
					t.Fatal(err)
				}
				if (at.Offset > 0) != (history > 0) || (at.Log == "notes.*") != (history > 0) {
					t.Errorf("position %+v with history %d", at, history)
				}
				for _, s := range subs {
					m, err := next(t, w.ctx, s)
					if err != nil {
						t.Fatal(err)
					}
					if m.Value.Text != in.Text || string(m.Value.Raw) != string(in.Raw) || !m.Value.At.Equal(in.At) || m.Value.N != in.N {
						t.Errorf("got %+v, want %+v", m.Value, in)
					}
					if m.Topic != "notes.go" || m.Position != at || m.Key != "key" || !maps.Equal(m.Metadata, map[string]string{"k": "v"}) {
						t.Errorf("got %+v at %+v", m, at)
					}
					if cl, ok := c.(*client); ok && m.From != cl.conn.ID() || !ok && !m.From.IsZero() {
						t.Errorf("from %v", m.From)
					}
				}
			}
			w.server.Close(w.ctx)
		}
	}
}

func TestDenyByDefault(t *testing.T) {
	deny := func(Access) bool { return false }
	for name, c := range map[string]struct {
		rules                    []Rule
		topic, filter            string
		maySubscribe, mayPublish bool
	}{
		"no rules":              {nil, "a", "a", false, false},
		"no rule matches":       {[]Rule{open("b", 0)}, "a", "a", false, false},
		"nil functions":         {[]Rule{{Topic: "a"}}, "a", "a", false, false},
		"allowed":               {[]Rule{open("a", 0)}, "a", "a", true, true},
		"first counts":          {[]Rule{{Topic: "a", Publish: deny}, open(">", 0)}, "a", "a", false, false},
		"wildcard in rule":      {[]Rule{open("a.*", 0)}, "a.b", "a.*", true, true},
		"filter too wide":       {[]Rule{open("a.*", 0)}, "a.b", "a.>", false, true},
		"filter spans rules":    {[]Rule{open("a.*", 0), open("b.*", 0)}, "a.b", "*.*", false, true},
		"hole in the filter":    {[]Rule{{Topic: "a.secret"}, open("a.*", 0)}, "a.secret", "a.*", false, false},
		"hole elsewhere":        {[]Rule{{Topic: "a.secret.x"}, open("a.*", 0)}, "a.b", "a.*", true, true},
		"namespace is its own":  {[]Rule{open(">", 0)}, "x:a", "x:>", false, false},
		"rule in the namespace": {[]Rule{open("x:>", 0)}, "x:a", "x:*", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := rules(t, c.rules...)
			cl := w.client(nil)
			_, err := Subscribe[int](w.ctx, cl.Client, c.filter)
			if (err == nil) != c.maySubscribe || err != nil && (!errors.Is(err, ErrDenied) || !errors.Is(err, status.PermissionDenied)) {
				t.Errorf("subscribe: %v", err)
			}
			_, err = cl.Publish(w.ctx, c.topic, 1)
			if (err == nil) != c.mayPublish || err != nil && !errors.Is(err, ErrDenied) {
				t.Errorf("publish: %v", err)
			}
		})
	}
}

func TestRuleSeesAccess(t *testing.T) {
	var got []Access
	see := func(a Access) bool { got = append(got, a); return true }
	w := rules(t, Rule{Topic: "a.*", Publish: see, Subscribe: see})
	c := w.client(nil)
	subscribe[int](t, w.ctx, c, "a.*")
	publish(t, w.ctx, c, "a.b", 1)
	if len(got) != 2 || got[0].Topic != "a.*" || got[1].Topic != "a.b" || got[0].Client != c.conn.ID() {
		t.Errorf("rules saw %+v", got)
	}
}

func TestWildcards(t *testing.T) {
	w := rules(t, open("a.>", 10), open("n:>", 0))
	c := w.client(nil)
	one, rest, plain := subscribe[string](t, w.ctx, c, "a.*"), subscribe[string](t, w.ctx, c, "a.>"), subscribe[string](t, w.ctx, c, "a.b.c")
	space := subscribe[string](t, w.ctx, c, "n:*.x")
	for _, topic := range []string{"a.b", "a.b.c", "a.c", "n:y.x", "n:y.z", "a.b"} {
		publish(t, w.ctx, w.hub, topic, topic)
	}
	want(t, w.ctx, one, "a.b", "a.c", "a.b")
	want(t, w.ctx, rest, "a.b", "a.b.c", "a.c", "a.b")
	want(t, w.ctx, plain, "a.b.c")
	want(t, w.ctx, space, "n:y.x")
}

func TestNotToMyself(t *testing.T) {
	for _, history := range []int{0, 10} {
		w := rules(t, open("a.*", history))
		me, other := w.client(nil), w.client(asJSON)
		mine, theirs := subscribe[int](t, w.ctx, me, "a.b"), subscribe[int](t, w.ctx, other, "a.b")
		publish(t, w.ctx, me, "a.b", 1)
		publish(t, w.ctx, me, "a.b", 2, NotToMyself())
		publish(t, w.ctx, other, "a.b", 3)
		want(t, w.ctx, mine, 1, 3)
		want(t, w.ctx, theirs, 1, 2, 3)
		if history > 0 { // the same out of history
			want(t, w.ctx, subscribe[int](t, w.ctx, me, "a.*", Last(9)), 1, 3)
			want(t, w.ctx, subscribe[int](t, w.ctx, other, "a.*", Last(9)), 1, 2, 3)
		}
	}
}

func TestHistory(t *testing.T) {
	w := rules(t, open("a.*", 4))
	c := w.client(nil)
	var at []Position
	for i := range 10 {
		at = append(at, publish(t, w.ctx, c, "a.b", i))
		publish(t, w.ctx, w.hub, "a.other", 100+i)
	}
	want(t, w.ctx, subscribe[int](t, w.ctx, c, "a.b", Last(2)), 8, 9)
	want(t, w.ctx, subscribe[int](t, w.ctx, c, "a.b", Last(100)), 6, 7, 8, 9)
	want(t, w.ctx, subscribe[int](t, w.ctx, c, "a.b", From(Position{})), 6, 7, 8, 9)
	want(t, w.ctx, subscribe[int](t, w.ctx, c, "a.b", From(at[7])), 8, 9)
	want(t, w.ctx, subscribe[int](t, w.ctx, c, "a.*", Last(3)), 108, 9, 109)

	s := subscribe[int](t, w.ctx, c, "a.b", From(at[2]))
	if g := wantGap(t, w.ctx, s, HistoryLost); g.After != at[2].Offset || g.To != at[5].Offset || g.Topic != "a.b" {
		t.Errorf("gap %+v", g)
	}
	want(t, w.ctx, s, 6, 7, 8, 9)
	publish(t, w.ctx, c, "a.b", 10)
	want(t, w.ctx, s, 10)

	old := at[9]
	old.Epoch = "another"
	s = subscribe[int](t, w.ctx, c, "a.b", From(old))
	wantGap(t, w.ctx, s, EpochChanged)
	publish(t, w.ctx, c, "a.b", 11)
	want(t, w.ctx, s, 11)
}

func TestRawAndDecodeError(t *testing.T) {
	w := rules(t, open("a", 0))
	c := w.client(nil)
	raw, num := subscribe[codec.Raw](t, w.ctx, c, "a"), subscribe[int](t, w.ctx, c, "a")
	publish(t, w.ctx, c, "a", "text")
	publish(t, w.ctx, c, "a", 5)
	if m, err := next(t, w.ctx, raw); err != nil || string(m.Value) != string(codec.AppendString(nil, "text")) {
		t.Errorf("raw: %x, %v", m.Value, err)
	}
	if m, err := next(t, w.ctx, num); err == nil || m.Topic != "a" {
		t.Errorf("a text was decoded into %v", m.Value)
	}
	want(t, w.ctx, num, 5)
}

// TestOnceOnTheWire: overlapping subscriptions of one session get each publication in one frame.
func TestOnceOnTheWire(t *testing.T) {
	w := rules(t, open("a.*", 10))
	c := w.client(nil)
	one, two, both := subscribe[int](t, w.ctx, c, "a.b"), subscribe[int](t, w.ctx, c, "a.b"), subscribe[int](t, w.ctx, c, "a.*")
	l := w.hub.byRule[0]
	l.mu.Lock()
	subs := 0
	for _, p := range l.ports {
		subs += len(p.subs)
	}
	l.mu.Unlock()
	if subs != 2 {
		t.Errorf("%d subscriptions on the wire for two filters", subs)
	}
	publish(t, w.ctx, c, "a.b", 1)
	for _, s := range []*Subscription[int]{one, two, both} {
		want(t, w.ctx, s, 1)
	}
	raw, session := w.raw()
	session.TrySend(frameOf(kindSubscribe, "a.b", 1, nil))
	session.TrySend(frameOf(kindSubscribe, "a.*", 2, nil))
	for range 2 {
		if f := <-raw.frames; f.kind != kindSubscribed {
			t.Fatalf("kind %d", f.kind)
		}
	}
	session.TrySend(frameOf(kindPublish, "a.b", 3, 0, nil, -1))
	for _, kind := range []int{kindPublication, kindPublished} {
		if f := <-raw.frames; f.kind != kind {
			t.Errorf("kind %d in place of %d", f.kind, kind)
		}
	}
	for _, s := range []*Subscription[int]{one, two, both} {
		want(t, w.ctx, s, -1)
	}
	one.Close()
	publish(t, w.ctx, c, "a.b", 2)
	want(t, w.ctx, two, 2)
	want(t, w.ctx, both, 2)
	for range one.All(w.ctx) {
		t.Error("a closed subscription yields")
	}
}
