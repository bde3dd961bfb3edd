package pubsub

import (
	"errors"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	long := strings.Repeat("x", 255)
	for name, c := range map[string]struct{ topic, filter bool }{
		"a": {true, true}, "a.b.c": {true, true}, "ns:a.b": {true, true}, "ä.ö": {true, true}, long: {true, true}, "a-b_c/d": {true, true},
		"*": {false, true}, "a.*.c": {false, true}, "a.>": {false, true}, ">": {false, true}, "ns:>": {false, true}, "ns:*": {false, true},
		"": {}, ".": {}, "a.": {}, ".a": {}, "a..b": {}, "a.>.b": {}, "a*": {}, "a>": {}, "a.b*": {}, "*:a": {}, ":a": {}, "ns:": {}, "a:b:c": {}, "a.b:c": {},
		"a b": {}, "a\tb": {}, "a\u00a0b": {}, "a\x00": {}, "a\u0085": {}, "\xff": {}, long + "x": {},
	} {
		if err := checkTopic(name); (err == nil) != c.topic || err != nil && !errors.Is(err, ErrBadTopic) {
			t.Errorf("topic %q: %v", name, err)
		}
		if err := checkFilter(name); (err == nil) != c.filter {
			t.Errorf("filter %q: %v", name, err)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		outer, inner       string
		covers, intersects bool
	}{
		{"a", "a", true, true}, {"a", "b", false, false}, {"a.*", "a.b", true, true}, {"a.*", "a.*", true, true},
		{"a.*", "a.>", false, true}, {"a.>", "a.*", true, true}, {"a.>", "a.b.*.>", true, true}, {"a.>", "a", false, false},
		{">", ">", true, true}, {"*", ">", false, true}, {"*.b", "a.*", false, true}, {"*.b", "a.c", false, false},
		{"*.*", "a.*", true, true}, {"a.b", "a.*", false, true}, {"n:>", ">", false, false}, {"n:>", "n:a.>", true, true}, {">", "n:a", false, false},
		{"a.>", "a.b", true, true}, {"a.b.>", "a.b", false, false},
	} {
		if covers(c.outer, c.inner) != c.covers {
			t.Errorf("covers(%q, %q) is %v", c.outer, c.inner, !c.covers)
		}
		if intersects(c.outer, c.inner) != c.intersects || intersects(c.inner, c.outer) != c.intersects {
			t.Errorf("intersects(%q, %q) is not %v both ways", c.outer, c.inner, c.intersects)
		}
	}
}

func TestTemplates(t *testing.T) {
	for template, filter := range map[string]string{
		"news": "news", "chat.{room}": "chat.*", "{a}.{b}": "*.*", "ns:{a}.x": "ns:*.x", "a.{b}.c": "a.*.c",
	} {
		topic := NewTopic[int](template)
		if got := topic.All().Filter(); got != filter {
			t.Errorf("%s: filter %q", template, got)
		}
	}
	two := NewTopic[int]("ns:{a}.x.{b}")
	if got := two.At("one", "two").Topic(); got != "ns:one.x.two" {
		t.Errorf("filled in: %q", got)
	}
	c := NewClient(nil)
	for _, params := range [][]string{
		{}, {"a"}, {"a", "b", "c"}, {"", "b"}, {"a", "a.>"}, {"a", "*"}, {"a", ">"}, {"x.y", "b"}, {"x:y", "b"}, {"a b", "b"}, {"a\n", "b"}, {"a\x7f", "b"},
		{strings.Repeat("x", 254), "b"}, {"\xff", "b"},
	} {
		at := two.At(params...)
		if _, err := at.Publish(t.Context(), c, 1); !errors.Is(err, ErrBadTopic) {
			t.Errorf("%q: publish: %v", params, err)
		}
		if _, err := at.Subscribe(t.Context(), c); !errors.Is(err, ErrBadTopic) || at.Topic() != "" {
			t.Errorf("%q: subscribe: %v", params, err)
		}
	}
	for _, bad := range []string{"", "a.{b", "a.b}", "a.x{b}", "{}", "a.*", "a.{b.c}", "a..b", "{a}:b", "a b"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("template %q was accepted", bad)
				}
			}()
			NewTopic[int](bad)
		}()
	}
}

func TestBadOptions(t *testing.T) {
	for name, opts := range map[string]*HubOptions{
		"bad topic":      {Rules: []Rule{{Topic: "a..b"}}},
		"history":        {Rules: []Rule{{Topic: "a", History: -2}}},
		"age of nothing": {Rules: []Rule{{Topic: "a", HistoryAge: 1}}},
		"shared log":     {Rules: []Rule{{Topic: "a", Log: "l", History: 1}, {Topic: "b", Log: "l", History: 2}}},
		"slow":           {Rules: []Rule{{Topic: "a", Slow: 9}}},
		"negative":       {MaxPending: -1},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", name)
				}
			}()
			NewHub(opts)
		}()
	}
	c := NewClient(nil)
	for _, opts := range [][]SubscribeOption{{Last(-1)}, {Buffer(-1)}, {Last(1), From(Position{})}} {
		if _, err := Subscribe[int](t.Context(), c, "a", opts...); !errors.Is(err, ErrBadRequest) {
			t.Errorf("subscribe: %v", err)
		}
	}
	if _, err := c.Publish(t.Context(), "a", 1, WithKey(strings.Repeat("x", 256))); !errors.Is(err, ErrBadRequest) {
		t.Errorf("publish: %v", err)
	}
	h := NewHub(nil)
	defer h.Close()
	if _, err := h.Publish(t.Context(), "a", 1); !errors.Is(err, ErrNoRule) {
		t.Errorf("publish without rule: %v", err)
	}
	h = NewHub(&HubOptions{Rules: []Rule{open("a", 0)}})
	defer h.Close()
	if _, err := h.Publish(t.Context(), "a", func() {}); !errors.Is(err, ErrBadRequest) {
		t.Errorf("publish of a function: %v", err)
	}
}
