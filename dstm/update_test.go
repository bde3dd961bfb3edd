package dstm

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
)

// desk is a home and origin whose answers a test writes: one for each submit, the last again and again.
type desk struct {
	root     tree.Node
	feed     *feed
	answers  []deskAnswer
	attempts []uint64 // that were submitted
	commits  ownCommits
}

type deskAnswer struct {
	err   error
	asked bool
}

func newDesk(answers ...deskAnswer) (*desk, *object) {
	d := &desk{feed: newFeed(world.Real), answers: answers}
	return d, &object{name: "o", origin: d}
}

func (d *desk) runsOn() *world.World { return world.Real }

func (d *desk) whole(context.Context, []*object) error { return nil }

func (d *desk) home() home     { return d }
func (d *desk) changed() *feed { return d.feed }
func (d *desk) view() (*view, error) {
	root := d.root
	return &view{object: "o", root: &root}, nil
}
func (d *desk) present(string) (*view, error)             { return d.view() }
func (d *desk) remembered() *ownCommits                   { return &d.commits }
func (d *desk) at(context.Context, uint64) (*view, error) { return nil, errors.ErrUnsupported }
func (d *desk) together(context.Context, []*object) ([]*view, error) {
	return nil, errors.ErrUnsupported
}
func (d *desk) revisions(context.Context, uint64, uint64) iter.Seq2[*past, error] {
	return nil
}

func (d *desk) submit(_ context.Context, _ []*object, t *txn.Transaction, _ uint64) ([]Commit, bool, error) {
	answer := d.answers[min(len(d.attempts), len(d.answers)-1)]
	d.attempts = append(d.attempts, t.Attempt)
	return make([]Commit, len(t.Parts)), answer.asked, answer.err
}

var (
	lostThere = deskAnswer{newConflict([]Path{{"k"}}), true}
	lostHere  = deskAnswer{newConflict([]Path{{"k"}}), false}
	won       = deskAnswer{nil, true}
)

func write(tx *Tx) error { tx.Overwrite(1, "k"); return nil }

// The server hears which attempt it is. Its refusal means that it is this client's turn: nothing is waited for then,
// but for the sake of a server that knows no turns.
func TestAttemptsAndPauses(t *testing.T) {
	many := slices.Repeat([]deskAnswer{lostThere}, 50)
	for name, c := range map[string]struct {
		answers  []deskAnswer
		attempts int // 0: it fails
		waits    bool
	}{
		"at once":               {[]deskAnswer{won}, 1, false},
		"news came first":       {[]deskAnswer{lostHere, won}, 2, false},
		"the turn comes":        {[]deskAnswer{lostThere, lostThere, lostThere, won}, 4, false},
		"refused here twice":    {[]deskAnswer{lostHere, lostHere, won}, 3, true},
		"no turn ever comes":    {append(many, won), 51, true},
		"an earlier one failed": {[]deskAnswer{{status.New(status.Aborted, ErrDepends, ""), true}, {status.New(status.Aborted, ErrDepends, ""), true}, won}, 3, true},
		"denied":                {[]deskAnswer{{status.New(status.PermissionDenied, ErrDenied, ""), true}}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, o := newDesk(c.answers...)
				began := time.Now()
				_, err := o.Update(t.Context(), write)
				if waited := time.Since(began) > 0; waited != c.waits {
					t.Errorf("waited: %v", waited)
				}
				want := make([]uint64, max(c.attempts, 1))
				for i := range want {
					want[i] = uint64(i + 1)
				}
				if (err == nil) != (c.attempts > 0) || !slices.Equal(d.attempts, want) {
					t.Errorf("attempts %v: %v", d.attempts, err)
				}
			})
		})
	}
}

func TestTheCapNamesThePaths(t *testing.T) {
	d, o := newDesk(lostThere)
	_, err := o.Update(t.Context(), write, MaxAttempts(3))
	if paths := ConflictPaths(err); !errors.Is(err, ErrConflict) || len(paths) != 1 || paths[0].String() != "k" || len(d.attempts) != 3 {
		t.Errorf("after %d attempts %v at %v", len(d.attempts), err, paths)
	}
}

// A transaction that slept begins to count anew: it has lost to nobody.
func TestAttemptsAfterASleep(t *testing.T) {
	d, o := newDesk(lostThere, lostThere, won)
	runs := 0
	_, err := o.Update(t.Context(), func(tx *Tx) error {
		if runs++; runs == 2 {
			tx.Read("k")
			next := d.root
			next, _ = next.Set(Path{"k"}, []byte{1}, nil, 1)
			before := d.root
			d.root = next
			d.feed.publish(&before, &next, 1, Remote, []Path{{"k"}})
			tx.Retry()
		}
		return write(tx)
	})
	if err != nil || !slices.Equal(d.attempts, []uint64{1, 1, 2}) {
		t.Errorf("attempts %v: %v", d.attempts, err)
	}
}

// still is a desk whose view stays the same.
type still struct {
	*desk
	v *view
}

func (s still) view() (*view, error) { return s.v, nil }

// What an own transaction made may bear a version of a time to come as long as others are unanswered: a sleeper that read it
// does not take that for a change, or it would run again and again.
func TestSleepBesideOwnTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := newDesk()
		root, _ := d.root.Set(Path{"k"}, []byte{1}, nil, 1<<53)
		v := &view{object: "o", root: &root}
		tx := newTransaction([]*view{v}, false)
		tx.home = d
		ctx, cancel := context.WithCancel(t.Context())
		var ended error
		go func() {
			tx.run(func(tx *Tx) error { tx.Read("k"); return nil })
			ended = tx.sleep(ctx, []*object{{name: "o", origin: still{d, v}}})
			cancel()
		}()
		synctest.Wait()
		if ctx.Err() != nil {
			t.Error("it woke")
		}
		cancel()
		synctest.Wait()
		if ended == nil {
			t.Error("the end of ctx is not told")
		}
	})
}

// Whoever publishes judges what a sleeper has read: it is not woken by anything else, not even to look.
func TestOnlyWhatWasReadWakes(t *testing.T) {
	v := viewWithList(t)
	for _, c := range []struct {
		name  string
		read  func(tx *Tx)
		write func(root *tree.Node) (tree.Node, error)
		wakes bool
	}{
		{"a leaf", func(tx *Tx) { tx.Read("n") }, put("n"), true},
		{"beside", func(tx *Tx) { tx.Read("n") }, put("name"), false},
		{"absent", func(tx *Tx) { tx.Read("q") }, put("q"), true},
		{"absent, and its sibling comes", func(tx *Tx) { tx.Read("shapes", "q") }, put("shapes", "r"), false},
		{"a map", func(tx *Tx) { tx.Read("shapes") }, put("shapes", "a", "x"), true},
		{"the keys of a map", func(tx *Tx) { tx.Keys("shapes") }, put("shapes", "a", "x"), false},
		{"the keys, and one comes", func(tx *Tx) { tx.Keys("shapes") }, put("shapes", "c"), true},
		{"existence", func(tx *Tx) { tx.Exists("shapes") }, put("shapes", "c"), false},
		{"a guard that holds on", func(tx *Tx) { tx.Guard(Less, 9, "n") }, put("n"), false},
		{"a guard that turns", func(tx *Tx) { tx.Guard(Equal, 1, "n") }, put("n"), true},
		{"the order of a list", func(tx *Tx) { tx.Keys("todo") }, func(root *tree.Node) (tree.Node, error) {
			return root.Move(Path{"todo"}, "a", Last().place, 8)
		}, true},
		{"an element that moves", func(tx *Tx) { tx.Read("todo", "a") }, func(root *tree.Node) (tree.Node, error) {
			return root.Move(Path{"todo"}, "a", Last().place, 8)
		}, false},
		{"the element of a list", func(tx *Tx) { tx.Read("todo", "a") }, put("todo", "b"), false},
	} {
		for _, known := range []bool{false, true} { // whether the publisher knows the paths
			tx := newTx(v, false)
			c.read(tx)
			s := &sleeper{wake: make(chan error, 1)}
			f := newFeed(world.Real)
			f.lie(&nap{sleeper: s, base: v.base, reads: tx.part.Reads})
			next, err := c.write(v.root)
			if err != nil {
				t.Fatal(err)
			}
			var paths []Path
			if known {
				tree.Diff(nil, v.root, &next, func(p Path, _, _ *tree.Node, _ bool) bool { paths = append(paths, p); return true })
			}
			f.publish(v.root, &next, 8, Remote, paths)
			if woken := len(s.wake) == 1; woken != c.wakes {
				t.Errorf("%s: woken: %v", c.name, woken)
			}
		}
	}
}

// put writes 2 at a path.
func put(path ...string) func(root *tree.Node) (tree.Node, error) {
	return func(root *tree.Node) (tree.Node, error) { return root.Set(path, []byte{2}, nil, 8) }
}
