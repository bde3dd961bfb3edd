package pubsub

import (
	"slices"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/transport"
)

// naiveMatch is the definition of matching, written down plainly.
func naiveMatch(filter, topic string) bool {
	split := func(s string) (string, []string) {
		ns, rest, ok := strings.Cut(s, ":")
		if !ok {
			ns, rest = "", s
		}
		return ns, strings.Split(rest, ".")
	}
	fns, f := split(filter)
	tns, tt := split(topic)
	if fns != tns {
		return false
	}
	for i, s := range f {
		switch {
		case s == ">":
			return len(tt) > i
		case i >= len(tt) || s != "*" && s != tt[i]:
			return false
		}
	}
	return len(f) == len(tt)
}

// FuzzFilter: whatever is accepted as a filter or topic is matched by trie, cover and definition alike.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		"a a", "a.* a.b", "a.> a.b.c", "> a", "* a.b", "x:* x:a", "x:> a", "a.*.c a.b.c", "a a.b", "*.* a.b", "a.>.b a.x.b", "ä.* ä.ö",
	} {
		filter, topic, _ := strings.Cut(s, " ")
		f.Add(filter, "b.*", topic)
	}
	f.Fuzz(func(t *testing.T, one, two, topic string) {
		if checkTopic(topic) != nil {
			if checkFilter(topic) == nil && isPlain(topic) {
				t.Fatalf("%q is a filter without wildcards and no topic", topic)
			}
			return
		}
		var m matcher[string]
		var entries []*entry[string]
		var filters, expect []string
		for _, filter := range []string{one, two, topic, ">", "*"} {
			if checkFilter(filter) != nil {
				continue
			}
			filters = append(filters, filter)
			entries = append(entries, m.add(filter, filter))
			if naiveMatch(filter, topic) {
				expect = append(expect, filter)
			}
			if got := Match(filter, topic); got != naiveMatch(filter, topic) {
				t.Fatalf("Match(%q, %q) = %v", filter, topic, got)
			}
		}
		got := m.collect(topic, nil)
		slices.Sort(got)
		slices.Sort(expect)
		if !slices.Equal(got, expect) {
			t.Fatalf("%q is matched by %q, not %q", topic, got, expect)
		}
		for _, a := range filters {
			for _, b := range filters {
				if covers(a, b) && naiveMatch(b, topic) && !naiveMatch(a, topic) {
					t.Fatalf("%q covers %q but not %q", a, b, topic)
				}
				if naiveMatch(a, topic) && naiveMatch(b, topic) && !intersects(a, b) {
					t.Fatalf("%q and %q have %q in common", a, b, topic)
				}
			}
		}
		for _, e := range entries {
			m.remove(e)
			m.remove(e)
		}
		if len(m.roots) != 0 {
			t.Fatal("the trie is not empty")
		}
	})
}

var frameSeeds = [][]byte{
	frameOf(kindSubscribe, "a.b", 1, nil),
	frameOf(kindSubscribe, "a.*", 2, map[string]any{"log": "a.>", "epoch": "e", "offset": 5}),
	frameOf(kindSubscribe, "a.*", 3, map[string]any{"last": 5}),
	frameOf(kindSubscribe, "a.b", 4, map[string]any{"members": true}),
	frameOf(kindUnsubscribe, "a.b", 1),
	frameOf(kindPublish, "a.b", 5, 1, map[string]string{"k": "v"}, []any{1, "x"}, "key"),
	frameOf(kindMembers, "a.b", 6),
	frameOf(77, "a", 1),
	frameOf(kindSubscribe, 5, "x"),
}

// FuzzReceive: whatever a client sends, its session goes on or ends with a coded error.
func FuzzReceive(f *testing.F) {
	for _, s := range frameSeeds {
		f.Add(s)
	}
	for _, v := range readVectors(f).Server {
		f.Add(v.frame(f))
	}
	r := memberRule("a.>")
	r.History = 4
	w := rules(f, r, open("b.>", 0))
	_, session := w.raw()
	f.Fuzz(func(t *testing.T, frame []byte) {
		if !wellFormed(frame) {
			return
		}
		p := newPeer(w.hub, session)
		if err := p.Receive(parse(frame)); err != nil && !coded(err) {
			t.Fatalf("%v is not coded", err)
		}
		p.Close(errClosed())
		if len(p.subs) != 0 {
			t.Fatal("a subscription is left")
		}
	})
}

// FuzzClientReceive: whatever a server sends.
func FuzzClientReceive(f *testing.F) {
	rec := &Record{Topic: "a", Position: Position{"l", "e", 3}, Prev: 2, Payload: codec.AppendInt(nil, 1)}
	entry := appendContent(appendPlace(codec.AppendArray(nil, 6), rec), rec)
	for _, s := range [][]byte{
		publicationFrame(1, rec), skipFrame(1, rec),
		subscribedFrame(1, 1, rec.Position, true), publishedFrame(1, 9, rec.Position),
		refusedFrame(1, 1, errClosed()), endedFrame(1, 2, errClosed()),
		replayFrame(1, 1, 7, true, 1, entry), replayFrame(1, 1, 7, false, 0, nil),
		gapFrame(1, 2, &gapNote{EpochChanged, "f", 1, 1, -1}), gapFrame(1, 2, &gapNote{HistoryLost, "e", 1, 5, 3}),
		memberFrame(1, "a", true, Member{}), memberListFrame(1, 3, []Member{{}}), memberListFrame(1, 9, []Member{{}}),
	} {
		f.Add(s)
	}
	for _, v := range readVectors(f).Client {
		f.Add(v.frame(f))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if !wellFormed(frame) {
			return
		}
		c := NewClient(nil)
		l := &link{client: c, calls: map[int64]*call{9: {done: make(chan struct{})}}}
		c.link = l
		c.addTestWire("a", asked)
		c.addTestWire("a", flowing)
		feed := &MemberFeed{client: c, signal: make(chan struct{}, 1), present: map[transport.ID]Member{}, known: map[transport.ID]Member{}, dirty: map[transport.ID]uint64{}}
		c.addTestWire("a", flowing).watch = feed
		if err := l.Receive(parse(frame)); err != nil && !coded(err) {
			t.Fatalf("%v is not coded", err)
		}
	})
}

func wellFormed(frame []byte) bool {
	if n, err := codec.Check(frame); err != nil || n != len(frame) {
		return false
	}
	r := codec.NewReader(frame, 1)
	if r.Kind() != codec.List {
		return false
	}
	a := r.Array()
	if a.Len() < 3 || a.Kind() != codec.Int || a.Int() < 0 || a.Kind() != codec.Int {
		return false
	}
	if kind := a.Int(); kind < 1 || kind > 127 {
		return false
	}
	return a.Kind() == codec.Int || a.Kind() == codec.String
}

func coded(err error) bool {
	_, ok := err.(interface{ Is(error) bool })
	return ok
}
