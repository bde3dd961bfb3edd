package dstm

import (
	"context"
	"iter"
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/replica"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
)

// Path names a node of an object's tree: one key for each map, or id for each list, from the root; the empty path is the root.
// Its String joins the keys with slashes.
type Path = tree.Path

// view is one past version of an object, immutable, with the predictions of
// own transactions that are not yet answered on top.
type view struct {
	log       string
	object    string
	epoch     string
	base      uint64   // the confirmed version
	position  Position // the highest log position seen
	root      *tree.Node
	confirmed *tree.Node        // root without predictions, with the versions that count
	pending   []replica.Pending // the own unanswered transactions whose predictions are part of it, ascending
	strict    bool              // the object is judged by versions alone
	readable  []Path            // at and below these alone the view is right; nil: everywhere
}

// shows reports whether the prediction of one of these transactions is part of the view.
func (v *view) shows(sequences []uint64) bool {
	for i := range v.pending {
		if _, ok := slices.BinarySearch(sequences, v.pending[i].Sequence); ok {
			return true
		}
	}
	return false
}

// lastPending is the last of the own unanswered transactions that the view shows, 0 if it shows none.
func (v *view) lastPending() uint64 {
	if n := len(v.pending); n > 0 {
		return v.pending[n-1].Sequence
	}
	return 0
}

// origin is where an object's transactions start from: a store in
// the same process, or a replica and its connection.
type origin interface {
	// home is where they go to.
	home() home

	// view is the present state; it never waits.
	view() (*view, error)

	// changed is where the object's changes are published.
	changed() *feed

	// at is the object as it was at a version; revisions yields the commits behind version from up to to, 0 for the present one. Both
	// may wait, and fail with ErrHistory where the log does not reach.
	at(ctx context.Context, version uint64) (*view, error)
	revisions(ctx context.Context, from, to uint64) iter.Seq2[*past, error]
}

// home is what objects have in common that may change in one transaction: the client or the store.
type home interface {
	// together returns views of objects that all are as they were at one position of their log. It waits while they
	// are not. ErrInvalid if they share no log.
	together(ctx context.Context, objects []*object) ([]*view, error)

	// whole waits while a state that replaces what is seen of one of the objects has begun to come: what the server refuses
	// because of that state must not be run again on the one before.
	whole(ctx context.Context, objects []*object) error

	// submit has t, of objects of this home, decided, and waits for the outcome: a commit for each part. known is the
	// last of the own unanswered transactions that t has seen. A conflict is a *status.Error with reason ErrConflict or ErrDepends and
	// is returned only when view has reached the state that refused the transaction; asked reports whether it was the
	// server that did. When ctx ends first, or one of objects is closed, the error says whether the outcome is unknown.
	submit(ctx context.Context, objects []*object, t *txn.Transaction, known uint64) (commits []Commit, asked bool, err error)

	// runsOn is the machine.
	runsOn() *world.World

	// present is the view of an object that is open here.
	present(object string) (*view, error)

	// remembered are the last own commits.
	remembered() *ownCommits
}
