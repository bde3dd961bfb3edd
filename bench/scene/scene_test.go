package scene

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
)

var all = []Description{{"whiteboard", 500, 10, 200}, {"auction", 1, 50, 100}, {"absence", 30, 3, 1000}, {"absence", 1, 3, 1000}}

// TestSame: a description makes the same scene again, and JSON carries its document unchanged.
func TestSame(t *testing.T) {
	for _, d := range all {
		one, err := d.Make()
		if err != nil {
			t.Fatal(err)
		}
		two, err := Parse(d.String())
		if err != nil {
			t.Fatal(err)
		}
		a, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := json.Marshal(two); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%v is another one the second time (%v)", d, err)
		}
		text, err := one.Doc.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var back Doc
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if again, err := back.JSON(); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%v: the document is another one after JSON (%v)", d, err)
		}
		if len(one.Changes) != d.Changes || one.People != d.People {
			t.Errorf("%v has %d changes by %d people", d, len(one.Changes), one.People)
		}
	}
	for _, text := range []string{"", "whiteboard 1 1", "whiteboard 0 1 1", "nothing 1 1 1"} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q is a scene", text)
		}
	}
}

// TestEnd: the end holds the last value of each field, and the beginning is as it was.
func TestEnd(t *testing.T) {
	for _, d := range all {
		s, err := d.Make()
		if err != nil {
			t.Fatal(err)
		}
		before, _ := s.Doc.JSON()
		end, err := s.End()
		if err != nil {
			t.Fatal(err)
		}
		if after, _ := s.Doc.JSON(); !bytes.Equal(before, after) {
			t.Errorf("%v: its document has changed", d)
		}
		last := map[string]any{}
		for _, c := range s.Changes {
			if c.By < 0 || c.By >= s.People {
				t.Errorf("%v: a change by %d", d, c.By)
			}
			for name, value := range c.Fields {
				last[c.ID+" "+name] = value
			}
		}
		for id, item := range end {
			for name, value := range item {
				if want, ok := last[id+" "+name]; ok && want != value {
					t.Errorf("%v: %s %s is %v, was last set to %v", d, id, name, value, want)
				} else if !ok && s.Doc[id][name] != value {
					t.Errorf("%v: %s %s is %v, was never set", d, id, name, value)
				}
				delete(last, id+" "+name)
			}
		}
		if len(last) > 0 {
			t.Errorf("%v: %v is not in the end", d, last)
		}
	}
}

// TestSizes: as the cases say.
func TestSizes(t *testing.T) {
	s, err := all[2].Make()
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	for _, c := range s.Changes {
		for name, value := range c.Fields {
			if n := len(s.Root) + len(c.ID) + len(name); n != 20 {
				t.Fatalf("a path of %d bytes", n)
			}
			if n := len(fmt.Sprint(value)); n != 100 {
				t.Fatalf("a value of %d bytes", n)
			}
			paths[c.ID+name] = true
		}
	}
	if len(paths) != 1000 {
		t.Errorf("%d paths", len(paths))
	}
	if s, err = all[0].Make(); err != nil || len(s.Doc) != 500 {
		t.Errorf("%d shapes, %v", len(s.Doc), err)
	}
}

// TestBid: a bid that is not higher is refused, whether the number is an int or came from JSON.
func TestBid(t *testing.T) {
	for _, price := range []any{100, 100.0} {
		d := Doc{"lot": {Price: price}}
		for _, low := range []any{100, 99.0} {
			if err := d.Apply(Change{ID: "lot", Fields: Fields{Price: low}}); err == nil {
				t.Errorf("%v was taken for more than %v", low, price)
			}
		}
		if err := d.Apply(Change{ID: "lot", Fields: Fields{Price: 101}}); err != nil || d["lot"][Price] != 101 {
			t.Errorf("%v, %v", d, err)
		}
	}
}
