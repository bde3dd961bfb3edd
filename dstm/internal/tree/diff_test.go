package tree

import (
	"fmt"
	"slices"
	"testing"
)

// TestDiffCostsWhatDiffers: finding one change in a wide map or a long list takes no walk through it.
func TestDiffCostsWhatDiffers(t *testing.T) {
	root := Node{}
	write := func(next Node, err error) Node {
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	for i := range 20_000 {
		root = write(root.Set(Path{"map", fmt.Sprint(i)}, raw(i), nil, 1))
		root = write(root.Insert(Path{"list"}, fmt.Sprint(i), Place{Where: Last}, raw(i), nil, 1))
	}
	list := Path{"list"}
	for what, next := range map[string]Node{
		"map/7":                 write(root.Set(Path{"map", "7"}, raw("x"), nil, 2)),
		"map/x":                 write(root.Set(Path{"map", "x"}, raw("x"), nil, 2)),
		"map/8":                 write(root.Delete(Path{"map", "8"}, 2)),
		"list/7":                write(root.Set(Path{"list", "7"}, raw("x"), nil, 2)),
		"list/8":                write(root.Delete(Path{"list", "8"}, 2)),
		"list/x":                write(root.Insert(list, "x", Place{Where: After, Anchor: "300"}, raw("x"), nil, 2)),
		"list/9 moved":          write(root.Move(list, "9", Place{Where: Last}, 2)),
		"list/19999 moved":      write(root.Move(list, "19999", Place{Where: First}, 2)),
		"list/30 moved":         write(root.Move(list, "30", Place{Where: Before, Anchor: "29"}, 2)),
		"nothing but the label": write(root.Move(list, "30", Place{Where: After, Anchor: "29"}, 2)),
	} {
		var found []string
		cost := testing.AllocsPerRun(1, func() {
			found = nil
			Diff(nil, &root, &next, func(path Path, _, _ *Node, moved bool) bool {
				where := path.String()
				if moved {
					where += " moved"
				}
				found = append(found, where)
				return true
			})
		})
		want := []string{what}
		if what == "nothing but the label" {
			want = nil
		}
		if !slices.Equal(found, want) || cost > 1000 {
			t.Errorf("%v in place of %v, with %v allocations", found, want, cost)
		}
	}
}

// TestRelabelling: many insertions at one place give others new labels, which moves nobody.
func TestRelabelling(t *testing.T) {
	root := Node{}
	for i := range 2000 {
		at := Place{Where: Last}
		if i > 1 {
			at = Place{Where: After, Anchor: "0"}
		}
		next, err := root.Insert(Path{"list"}, fmt.Sprint(i), at, raw(i), nil, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		Diff(nil, &root, &next, func(path Path, old, _ *Node, moved bool) bool {
			if moved || old != nil {
				t.Fatalf("insertion %d: %v differs, moved: %v", i, path, moved)
			}
			return true
		})
		root = next
	}
}
