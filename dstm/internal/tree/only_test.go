package tree

import (
	"strings"
	"testing"
)

func TestOnly(t *testing.T) {
	root := Node{}
	for _, path := range []Path{{"a", "x"}, {"a", "y", "z"}, {"b"}, {"m", "k"}} {
		var err error
		if root, err = root.Set(path, []byte{1}, nil, 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"i", "j"} {
		var err error
		if root, err = root.Insert(Path{"l"}, id, Place{Where: Last}, []byte{1}, nil, 1); err != nil {
			t.Fatal(err)
		}
	}
	only := root.Only([]Path{{"a", "y"}, {"l", "i"}, {"q", "r"}, {"m"}})
	for path, want := range map[string]bool{"a/y/z": true, "l/i": true, "l/j": false, "m/k": true, "a/x": false, "b": false, "q": false} {
		if got := only.Find(strings.Split(path, "/")) != nil; got != want {
			t.Errorf("%s: %v", path, got)
		}
		if got := root.Find(strings.Split(path, "/")) != nil; got != (path != "q") {
			t.Errorf("%s in the whole: %v", path, got)
		}
	}
	if all := root.Only([]Path{{"b"}, {}}); all.Find(Path{"a", "x"}) == nil {
		t.Error("the root itself is not the whole")
	}
}

// What is kept of a list stands in the order of the whole, and can be put elsewhere and added to.
func TestOnlyOfAList(t *testing.T) {
	root := Node{}
	for _, id := range strings.Split("c b e a d", " ") {
		var err error
		if root, err = root.Insert(Path{"l"}, id, Place{Where: Last}, []byte{1}, nil, 1); err != nil {
			t.Fatal(err)
		}
	}
	only := *root.Only([]Path{{"l", "a"}, {"l", "b"}, {"l", "d"}, {"l", "new"}})
	only, err := only.Move(Path{"l"}, "d", Place{Where: Before, Anchor: "b"}, 2)
	if err == nil {
		only, err = only.Insert(Path{"l"}, "new", Place{Where: Last}, []byte{1}, nil, 2)
	}
	var order []string
	for id := range only.Find(Path{"l"}).Children() {
		order = append(order, id)
	}
	if got := strings.Join(order, " "); err != nil || got != "d b a new" {
		t.Errorf("%s: %v", got, err)
	}
}
