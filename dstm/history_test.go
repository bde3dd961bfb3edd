package dstm_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
)

// historyHall has objects whose history clients may read, but for those below "secret/".
func historyHall(t *testing.T) *hall {
	t.Helper()
	return newHallOf(t, false, false,
		dstm.Rule{Object: "secret/*", Open: dstm.AllowAll, Write: dstm.AllowAll},
		dstm.Rule{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll, History: dstm.AllowAll})
}

// Every version can be looked at again, and the revisions say what led from each to the next.
func TestHistory(t *testing.T) {
	seed := seedOf(t)
	h := historyHall(t)
	g := h.guest()
	own, err := h.store.Open(h.ctx, "o")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	replica := h.open(g, "o")
	r := rand.New(rand.NewPCG(seed, 0))
	states := [][]byte{valueIn(t, own)}
	var commits []dstm.Commit
	for i := range 30 {
		author := []dstm.Object{own, replica}[i%2]
		c, err := author.Update(h.ctx, randomWrites(r), dstm.Metadata(map[string]string{"from": "a test"}))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []dstm.Object{own, replica} {
			if err := o.Wait(h.ctx, c.Version); err != nil {
				t.Fatal(err)
			}
		}
		if int(c.Version) == len(states) {
			states, commits = append(states, valueIn(t, own)), append(commits, c)
		}
	}
	for name, o := range map[string]dstm.Object{"store": own, "client": replica} {
		for version, state := range states {
			err := o.ViewAt(h.ctx, uint64(version), func(tx *dstm.Tx) error {
				if got := tx.Read(); !bytes.Equal(got, state) || tx.Version() != uint64(version) {
					t.Errorf("%s: version %d is %x in place of %x", name, tx.Version(), got, state)
				}
				return nil
			})
			if err != nil {
				t.Errorf("%s: version %d: %v", name, version, err)
			}
		}
		from := 3
		next := from
		for revision, err := range o.History(h.ctx, uint64(from), 0) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			next++
			c := commits[next-1]
			if int(revision.Version) != next || revision.Version != c.Version || revision.Position != c.Position {
				t.Fatalf("%s: version %d came at %d where %d should", name, revision.Version, revision.Position, next)
			}
			if len(revision.Metadata) == 0 || revision.Time.IsZero() || revision.Client == [16]byte{} {
				t.Errorf("%s: nobody has made %+v", name, revision)
			}
			for _, change := range revision.Changes {
				before, ok := valueAt(t, states[next-1], change.Path)
				after, okAfter := valueAt(t, states[next], change.Path)
				if !ok || !okAfter {
					continue
				}
				if change.Version != c.Version || !bytes.Equal(change.Old, before) || !bytes.Equal(change.New, after) {
					t.Errorf("%s: version %d: %s from %x to %x, not from %x to %x", name, next, change.Path, change.Old, change.New, before, after)
				}
			}
			if mine := revision.Client == g.conn.ID(); len(revision.Changes) > 0 && (revision.Changes[0].Origin == dstm.Mine) != (mine == (name == "client")) {
				t.Errorf("%s: version %d is taken for that of another", name, next)
			}
		}
		if next != len(states)-1 {
			t.Errorf("%s: the last revision is %d of %d", name, next, len(states)-1)
		}
	}
}

// Of an object that no frame holds a client can still learn who wrote what.
func TestHistoryOfALargeObject(t *testing.T) {
	h := historyHall(t)
	o := h.open(h.guest(), "o")
	part := make([]byte, 450<<10) // ten of them are more than the 4 MiB of a frame
	for i := range 10 {
		update(t, h.ctx, o, func(tx *dstm.Tx) error { tx.Set(part, string(rune('a'+i))); return nil })
	}
	if err := o.ViewAt(h.ctx, 10, func(*dstm.Tx) error { return nil }); !errors.Is(err, dstm.ErrTooLarge) {
		t.Errorf("the state in one frame: %v", err)
	}
	update(t, h.ctx, o, func(tx *dstm.Tx) error { count.Set(tx, 7); tx.Add(1, nil, nil, "sum"); return nil })
	seen := 0
	for r, err := range o.History(h.ctx, 10, 0) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if c := r.Changes; len(c) != 2 || c[0].Path.String() != "count" || c[0].Old != nil || !bytes.Equal(c[0].New, []byte{7}) || c[1].New != nil || c[0].Origin != dstm.Mine {
			t.Errorf("got %+v", c)
		}
	}
	if seen != 1 {
		t.Errorf("%d revisions", seen)
	}
}

func TestHistoryIsRefused(t *testing.T) {
	h := historyHall(t)
	g := h.guest()
	open, secret := h.open(g, "o"), h.open(g, "secret/o")
	update(t, h.ctx, open, increase)
	update(t, h.ctx, secret, increase)
	look := func(*dstm.Tx) error { return nil }
	for name, c := range map[string]struct {
		o       dstm.Object
		version uint64
		reason  error
	}{
		"a version to come":   {open, 2, dstm.ErrHistory},
		"what no rule allows": {secret, 1, dstm.ErrDenied},
	} {
		if err := c.o.ViewAt(h.ctx, c.version, look); !errors.Is(err, c.reason) {
			t.Errorf("%s: %v", name, err)
		}
		err := error(nil)
		for _, err = range c.o.History(h.ctx, c.version, 0) {
		}
		if c.reason == dstm.ErrDenied && !errors.Is(err, c.reason) {
			t.Errorf("%s, revisions: %v", name, err)
		}
	}
	if err := open.ViewAt(h.ctx, 1, increase); !errors.Is(err, dstm.ErrInvalid) {
		t.Errorf("writing into the past: %v", err)
	}
	open.Close()
	if err := open.ViewAt(h.ctx, 1, look); !errors.Is(err, dstm.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// valueAt is what stands at a path of an encoded state, nil for nothing; false if the value alone does not tell, since
// the path leads through a list.
func valueAt(t *testing.T, state []byte, path dstm.Path) (value []byte, ok bool) {
	t.Helper()
	var node any
	if err := codec.Unmarshal(state, &node); err != nil {
		t.Fatal(err)
	}
	for _, key := range path {
		table, isMap := node.(map[string]any)
		if !isMap {
			return nil, node == nil
		}
		if node, ok = table[key]; !ok {
			return nil, true
		}
	}
	value, err := codec.Marshal(node)
	if err != nil {
		t.Fatal(err)
	}
	return value, true
}
