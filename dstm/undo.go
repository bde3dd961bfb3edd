package dstm

import (
	"context"
	"errors"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/replica"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Undo implements Object.
func (o *object) Undo(ctx context.Context, c Commit, opts ...UpdateOption) (Commit, error) {
	u, err := newUpdate([]*object{o}, nil, opts)
	if err != nil {
		return Commit{}, err
	}
	if _, err := o.origin.view(); err != nil {
		return Commit{}, err
	}
	home := o.origin.home()
	own := home.remembered()
	effects := own.find(o.name, c)
	if effects == nil {
		return Commit{}, status.New(status.OutOfRange, ErrHistory, "version %d of %q is no commit of this process, or too long ago, or undone", c.Version, o.name)
	}
	for attempt := 1; ; attempt++ {
		t, known, err := u.undoing(home, c, effects)
		if err != nil {
			return Commit{}, err
		}
		commits, _, err := home.submit(ctx, u.objects, t, known)
		if errors.Is(err, ErrConflict) && slices.ContainsFunc(effects, func(e ownEffect) bool { return len(e.places()) > 0 }) && attempt < u.options.maxAttempts {
			if err := home.whole(ctx, u.objects); err != nil {
				return Commit{}, err
			}
			continue // something else in a list may have moved: the next round tells
		}
		if err != nil {
			return Commit{}, err
		}
		made := commits[slices.IndexFunc(effects, func(e ownEffect) bool { return e.object == o.name })]
		own.reversed(c, made)
		return made, nil
	}
}

// undoing makes the transaction that undoes effects, as far as is known here.
func (u *update) undoing(home home, c Commit, effects []ownEffect) (*txn.Transaction, uint64, error) {
	t := &txn.Transaction{Metadata: u.metadata}
	var conflicts []Path
	known := uint64(0) // the own unanswered transactions up to it do not stand in the way
	own := home.remembered()
	for i := range effects {
		e := &effects[i]
		v, err := home.present(e.object)
		if err != nil {
			return nil, 0, err
		}
		if v.epoch != c.Epoch || v.log != c.Log {
			return nil, 0, newConflict(nil) // another history, in which versions mean something else
		}
		part, touched, err := e.reverse(v, own.reversals(c, e.object))
		if err != nil {
			return nil, 0, err
		}
		touched = append(touched, e.stay(v, &part, own, c)...)
		conflicts = append(conflicts, touched...)
		t.Parts = append(t.Parts, part)
		t.Position = max(t.Position, uint64(v.position))
		known = max(known, v.lastPending())
	}
	if len(conflicts) > 0 {
		return nil, 0, newConflict(conflicts)
	}
	return t, known, nil
}

// stay has the part read the order of the lists in which the effect moved elements, so that nobody moves one between this view and
// the commit, and returns the elements that something else has moved before.
func (e *ownEffect) stay(v *view, part *txn.Part, own *ownCommits, c Commit) (touched []Path) {
	moved, unseen := own.displaced(c, e.object)
	for _, place := range e.places() {
		at := place[:len(place)-1]
		list := v.confirmed.Find(at)
		if list == nil || list.Kids.Get(place[len(place)-1]) == nil {
			continue // gone: other reads tell
		}
		is := func(p Path) bool { return slices.Equal(p, place) }
		if list.Keys > e.version && (unseen || slices.ContainsFunc(moved, is)) {
			touched = append(touched, place)
		}
		if !slices.ContainsFunc(part.Reads, func(r txn.Read) bool { return r.Kind == txn.ReadKeys && slices.Equal(r.Path, at) }) {
			part.Reads = append(part.Reads, txn.Read{Kind: txn.ReadKeys, Path: at})
		}
	}
	return touched
}

// reverse makes the part of a transaction, on the present view, that undoes the effect, and tells which paths something else has
// touched since. What reversals wrote does not count: they put back what the effect had left.
func (e *ownEffect) reverse(v *view, reversals map[uint64]struct{}) (part txn.Part, touched []Path, err error) {
	before := e.before
	if v.readable != nil {
		before = withWays(before, v.readable)
	}
	reads, writes, ok := txn.Invert(before, e.writes)
	after, _, failed := txn.Apply(*before, e.writes, e.version)
	if !ok || failed != nil {
		return part, nil, status.New(status.FailedPrecondition, ErrInvalid, "what version %d did to %q has no opposite", e.version, e.object)
	}
	if len(writes) == 0 { // it deleted what was not there, which can be done as well again
		writes = e.writes
	}
	k := keeper{version: e.version, reversals: reversals}
	for i := range reads {
		r := &reads[i]
		if v.predicts(r) || !k.kept(r.Kind, v.confirmed.Find(r.Path), after.Find(r.Path)) {
			touched = append(touched, r.Path)
		}
	}
	return txn.Part{Object: e.object, Epoch: v.epoch, Base: v.base, Reads: reads, Writes: writes}, touched, nil
}

// predicts reports whether an own unanswered transaction may change what is read.
func (v *view) predicts(r *txn.Read) bool {
	return slices.ContainsFunc(v.pending, func(p replica.Pending) bool {
		return slices.ContainsFunc(p.Paths, func(path Path) bool {
			return r.Path.Starts(path) || r.Kind != txn.ReadValue && path.Starts(r.Path)
		})
	})
}

// keeper judges whether something is still as a version left it.
type keeper struct {
	version   uint64
	reversals map[uint64]struct{} // later versions that undid others, and so do not count
}

// kept compares what is there now with what was left, as far as kind of read tells them apart.
func (k *keeper) kept(kind txn.ReadKind, now, left *tree.Node) bool {
	switch {
	case kind == txn.ReadAbsent || now == nil || left == nil:
		return kind == txn.ReadAbsent && now == nil
	case kind == txn.ReadValue:
		return k.old(now.Written) && now.IsLeaf() == left.IsLeaf() && string(now.Leaf) == string(left.Leaf)
	}
	// Versions tell a write of the same value, the value what a reversal may have covered.
	same := func(Path, *tree.Node, *tree.Node, bool) bool { return false }
	return k.allOld(now) && tree.Diff(nil, left, now, same)
}

func (k *keeper) old(version uint64) bool {
	_, reversal := k.reversals[version]
	return version <= k.version || reversal
}

func (k *keeper) allOld(n *tree.Node) bool {
	if n.Changed() <= k.version {
		return true
	}
	if !k.old(n.Written) || !k.old(n.Keys) {
		return false
	}
	for _, kid := range n.Children() {
		if !k.allOld(kid) {
			return false
		}
	}
	return true
}

// withWays is a root in which all maps on the way to readable paths are there. What a client may not
// read may exist: that a write created it must not be taken for granted, nor undone.
func withWays(root *tree.Node, readable []Path) *tree.Node {
	out := *root
	for _, path := range readable {
		way := path[:max(len(path)-1, 0)]
		if node, depth := out.Nearest(way); depth < len(way) && node.IsMap() {
			if next, err := out.Set(way, codec.AppendMap(nil, 0), nil, root.Changed()); err == nil {
				out = next
			}
		}
	}
	return &out
}
