package tree

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// seeded is randomness from the variable SEED, or new.
func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// script makes random changes, to a real tree and to the naive one.
type script struct{ *rand.Rand }

func (s script) key() string { return string(rune('a' + s.IntN(4))) }

func (s script) path(least int) Path {
	p := Path{}
	for n := least + s.IntN(4); len(p) < n; {
		p = append(p, s.key())
	}
	return p
}

// value is a leaf, a map or a list.
func (s script) value(depth int) *naive {
	kind := s.IntN(8)
	switch {
	case depth == 0 || kind < 4:
		return &naive{leaf: raw(s.IntN(3))}
	case kind == 4:
		return &naive{leaf: raw([]any{"an array", s.IntN(3)})}
	}
	n := naiveMap(0)
	for range s.IntN(4) {
		n.kids[s.key()] = s.value(depth - 1)
	}
	if kind == 5 || kind == 6 {
		n.ids = n.order()
		if n.ids == nil {
			n.ids = []string{}
		}
		s.Shuffle(len(n.ids), func(i, j int) { n.ids[i], n.ids[j] = n.ids[j], n.ids[i] })
	}
	return n
}

func (s script) place() Place {
	p := Place{Where: 1 + s.IntN(4)}
	if p.Where >= After {
		p.Anchor = s.key()
	}
	return p
}

// change makes one change by version to root and, in place, to model.
func (s script) change(root *Node, model *naive, version uint64) (what string, next Node, err, want error) {
	op, p, n := s.IntN(14), s.path(1), int64(s.IntN(9)-4)
	switch {
	case op < 2:
		what = fmt.Sprintf("delete %q", p)
		next, err = root.Delete(p, version)
		model.delete(p, version)
	case op < 4:
		p, v := s.path(0), s.value(3)
		what = fmt.Sprintf("set %q", p)
		next, err = root.Set(p, v.value(), v.shape(), version)
		want = model.set(p, v, version)
	case op < 5:
		what = fmt.Sprintf("add %q", p)
		next, err = root.Add(p, raw(n), nil, nil, version)
		want = model.number(p, version, func(old int64, _ bool) int64 { return old + n })
	case op < 6:
		what = fmt.Sprintf("min %q", p)
		next, err = root.Min(p, raw(n), version)
		want = model.number(p, version, func(old int64, ok bool) int64 {
			if ok {
				return min(old, n)
			}
			return n
		})
	case op < 7:
		what = fmt.Sprintf("max %q", p)
		next, err = root.Max(p, raw(n), version)
		want = model.number(p, version, func(old int64, ok bool) int64 {
			if ok {
				return max(old, n)
			}
			return n
		})
	case op < 11:
		p, id, at, v := p[:1], s.key(), s.place(), s.value(1)
		what = fmt.Sprintf("insert %q into %q %v", id, p, at)
		next, err = root.Insert(p, id, at, v.value(), v.shape(), version)
		want = model.insert(p, id, at, v, version)
	default:
		p, id, at := p[:1], s.key(), s.place()
		what = fmt.Sprintf("move %q in %q %v", id, p, at)
		next, err = root.Move(p, id, at, version)
		want = model.move(p, id, at, version)
	}
	return what, next, err, want
}

// TestModel compares random writes, versions included, with the naive tree, and sees that no old version changes.
func TestModel(t *testing.T) {
	s := script{seeded(t)}
	happened := map[string]int{}
	for range 60 {
		root, model := Node{}, naiveMap(0)
		var old []Node
		var values []string
		for version := uint64(1); version <= 150; version++ {
			old, values = append(old, root), append(values, string(root.Value()))
			changed := model.clone()
			what, next, err, want := s.change(&root, changed, version)
			if !errors.Is(err, want) || want == nil && err != nil {
				t.Fatalf("%s: %v in place of %v", what, err, want)
			}
			happened[fmt.Sprint(want)]++
			if err != nil {
				model.compare(t, nil, &next) // as it was
				continue
			}
			model = changed
			model.compare(t, nil, &next)
			if want := model.shape(); !bytes.Equal(next.Shape(), want) {
				t.Fatalf("after %s the shape is %q in place of %q", what, next.Shape(), want)
			}
			checkDiff(t, &root, &next)
			checkGraft(t, &root, &next, version)
			root = next
		}
		last := old[s.IntN(len(old))]
		checkDiff(t, &last, &root)
		checkGraft(t, &last, &root, 1000)
		for i := range old {
			if string(old[i].Value()) != values[i] {
				t.Fatalf("version %d changed later", i)
			}
		}
	}
	for _, err := range []error{nil, ErrLeaf, ErrRoot, ErrNotNumber, ErrNoElement, ErrElement, ErrSelf, ErrNotList} {
		if happened[fmt.Sprint(err)] < 10 {
			t.Errorf("%v: only %d times", err, happened[fmt.Sprint(err)])
		}
	}
}

// checkDiff sees that the differences, applied to before, make after, and are no more than needed.
func checkDiff(t *testing.T, before, after *Node) {
	t.Helper()
	made := fromNode(before)
	fresh := map[*naive]bool{} // came whole
	Diff(nil, before, after, func(path Path, old, now *Node, moved bool) bool {
		last := len(path) - 1
		if moved {
			if old != after.Find(path) || now != old {
				t.Fatalf("the element moved to %q is not what is there", path)
			}
			list := made.find(path[:last])
			list.ids = slices.DeleteFunc(list.ids, func(id string) bool { return id == path[last] })
			return true
		}
		if before.Find(path) != old || after.Find(path) != now {
			t.Fatalf("the difference at %q is not what is there", path)
		}
		if old != nil && now != nil && string(old.Value()) == string(now.Value()) && string(old.Shape()) == string(now.Shape()) {
			t.Fatalf("no difference at %q", path)
		}
		above := made.find(path[:last])
		if now == nil {
			delete(above.kids, path[last])
			above.ids = slices.DeleteFunc(above.ids, func(id string) bool { return id == path[last] })
		} else {
			above.kids[path[last]] = fromNode(now)
			fresh[above.kids[path[last]]] = true
		}
		return true
	})
	checkPlaces(t, nil, made, fromNode(before), fromNode(after), fresh)
	want := fromNode(after)
	if !bytes.Equal(made.value(), want.value()) || !bytes.Equal(made.shape(), want.shape()) {
		t.Fatal("the differences do not lead from before to after")
	}
}

// checkPlaces sees that what is left of the lists of made stands in them in the order of want, that no less than
// needed was moved, and puts the rest there too.
func checkPlaces(t *testing.T, path Path, made, before, want *naive, fresh map[*naive]bool) {
	t.Helper()
	if made == nil || want == nil || made.kids == nil || fresh[made] {
		return
	}
	if before != nil && made.ids != nil && before.ids != nil && want.ids != nil {
		stays := slices.DeleteFunc(slices.Clone(want.ids), func(id string) bool { return !slices.Contains(made.ids, id) })
		if !slices.Equal(stays, made.ids) {
			t.Fatalf("at %q: %q stay in the order %q", path, made.ids, stays)
		}
		if longest := longestCommon(before.ids, want.ids); longest != len(stays) {
			t.Fatalf("at %q: from %q to %q %d stay, %d could", path, before.ids, want.ids, len(stays), longest)
		}
		made.ids = slices.Clone(want.ids)
	}
	for key, kid := range made.kids {
		var was *naive
		if before != nil {
			was = before.kids[key]
		}
		checkPlaces(t, append(path[:len(path):len(path)], key), kid, was, want.kids[key], fresh)
	}
}

// longestCommon is the length of a longest common subsequence.
func longestCommon(a, b []string) int {
	switch {
	case len(a) == 0 || len(b) == 0:
		return 0
	case a[0] == b[0]:
		return 1 + longestCommon(a[1:], b[1:])
	}
	return max(longestCommon(a[1:], b), longestCommon(a, b[1:]))
}

// checkGraft grafts after, without its versions, onto before.
func checkGraft(t *testing.T, before, after *Node, version uint64) {
	t.Helper()
	plain, err := New(after.Value(), after.Shape(), version, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := Graft(before, &plain, version)
	if !bytes.Equal(got.Value(), after.Value()) || !bytes.Equal(got.Shape(), after.Shape()) {
		t.Fatal("what was grafted has another value")
	}
	same := bytes.Equal(before.Value(), after.Value()) && bytes.Equal(before.Shape(), after.Shape())
	if (got == before) != same {
		t.Fatalf("grafted: the same node %v, the same value %v", got == before, same)
	}
	fromNode(got).compare(t, nil, got)
	var kept func(was, is *Node)
	kept = func(was, is *Node) {
		if bytes.Equal(was.Value(), is.Value()) && bytes.Equal(was.Shape(), is.Shape()) {
			fromNode(was).compare(t, nil, is)
			return
		}
		if is.Changed() != version {
			t.Fatalf("what differs is of version %d", is.Changed())
		}
		if was.IsList() != is.IsList() {
			return
		}
		for key, kid := range is.Children() {
			if old := was.Kids.Get(key); old != nil {
				kept(old, kid)
			}
		}
	}
	kept(before, got)
}

// TestOrder inserts where it hurts most, and sees that few labels are given anew.
func TestOrder(t *testing.T) {
	r := seeded(t)
	for name, at := range map[string]func(ids []string) Place{
		"last":                   func([]string) Place { return Place{Where: Last} },
		"first":                  func([]string) Place { return Place{Where: First} },
		"behind the first":       func(ids []string) Place { return Place{Where: After, Anchor: ids[0]} },
		"before the last":        func(ids []string) Place { return Place{Where: Before, Anchor: ids[len(ids)-1]} },
		"behind the one before":  func(ids []string) Place { return Place{Where: After, Anchor: fmt.Sprint(len(ids) - 1)} },
		"before the one before":  func(ids []string) Place { return Place{Where: Before, Anchor: fmt.Sprint(len(ids) - 1)} },
		"anywhere":               func(ids []string) Place { return Place{Where: After, Anchor: ids[r.IntN(len(ids))]} },
		"in the middle, halving": func(ids []string) Place { return Place{Where: Before, Anchor: ids[len(ids)/2]} },
	} {
		t.Run(name, func(t *testing.T) {
			const n = 1000
			o, ids, relabelled := &order{}, []string(nil), 0
			o, _ = o.insert("0", Place{Where: Last})
			ids = append(ids, "0")
			model := naiveMap(0)
			model.ids = ids
			for i := 1; i < n; i++ {
				p, id := at(model.ids), fmt.Sprint(i)
				next, ok := o.insert(id, p)
				if !ok || model.place(id, p, 0) != nil {
					t.Fatalf("%d: no place %v", i, p)
				}
				if i%50 == 0 || i < 150 {
					checkOrder(t, next, model.ids)
					checkOrder(t, o, slices.DeleteFunc(slices.Clone(model.ids), func(x string) bool { return x == id }))
				}
				for id, l := range o.labels.All() {
					if *next.labels.Get(id) != *l {
						relabelled++
					}
				}
				o = next
			}
			checkOrder(t, o, model.ids)
			if relabelled > 20*n {
				t.Errorf("%d labels were given anew for %d elements", relabelled, n)
			}
			t.Logf("%d labels were given anew", relabelled)
		})
	}
}
