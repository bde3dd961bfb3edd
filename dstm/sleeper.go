package dstm

import (
	"cmp"
	"context"
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
)

// sleeper is a transaction that retries: it waits until something that it read in one of its objects changes. Whoever
// publishes a change judges the reads, so that other changes do not wake the goroutine.
type sleeper struct {
	wake chan error // gets one element: why to wake, nil for a change
}

// nap is what a sleeper has read in the object of one feed.
type nap struct {
	sleeper *sleeper
	base    uint64
	reads   []txn.Read
}

// touched reports whether a step to root, by which only paths can have changed (nil: anything), may concern the sleeper.
func (n *nap) touched(root *tree.Node, origin Origin, paths []Path) bool {
	if origin == Reset { // versions may mean something else now
		return true
	}
	if paths == nil {
		return !n.holds(root)
	}
	for i := range n.reads {
		r := &n.reads[i]
		if slices.ContainsFunc(paths, r.Path.Touches) && !n.hold(root, r) {
			return true
		}
	}
	return false
}

// holds reports whether all that was read is still so.
func (n *nap) holds(root *tree.Node) bool {
	return !slices.ContainsFunc(n.reads, func(r txn.Read) bool { return !n.hold(root, &r) })
}

// hold judges one read. Every read has a budget of its own: what is too large to be compared has changed.
func (n *nap) hold(root *tree.Node, r *txn.Read) bool {
	budget := tree.MaxHashed
	return txn.Holds(root, n.base, r, txn.Judge{Budget: &budget})
}

// rouse wakes the sleeper, once.
func (s *sleeper) rouse(err error) {
	select {
	case s.wake <- err:
	default:
	}
}

// sleep waits until something that the transaction read changes. objects are those of its facets.
func (t *transaction) sleep(ctx context.Context, objects []*object) error {
	s := &sleeper{wake: make(chan error, 1)}
	for i, facet := range t.facets {
		n := &nap{sleeper: s, base: facet.view.base, reads: facet.part.Reads}
		feed := objects[i].origin.changed()
		if err := feed.lie(n); err != nil {
			return err
		}
		defer feed.rise(n)
		// It may have changed since the view was taken, before anybody knew of the sleeper.
		v, err := objects[i].origin.view()
		if err != nil {
			return err
		}
		if v.epoch != facet.view.epoch || v.root != facet.view.root && !n.holds(v.root) {
			return nil
		}
	}
	t.home.runsOn().Until(func() bool { return len(s.wake) > 0 || ctx.Err() != nil })
	err, ok := world.Receive(ctx, s.wake)
	if !ok {
		return status.From(context.Cause(ctx))
	}
	return err
}

// lie has the feed judge a nap at every change.
func (f *feed) lie(n *nap) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := cmp.Or(f.err, f.stalled); err != nil {
		return err
	}
	if f.naps == nil {
		f.naps = map[*nap]struct{}{}
	}
	f.naps[n] = struct{}{}
	return nil
}

// rise ends that.
func (f *feed) rise(n *nap) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.naps, n)
}
