package dstm

import (
	"context"

	"github.com/trefoilgo/trefoil/dstm/internal/replica"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// Path names a node of an object's tree: one key for each map from the root; the empty path is the root.
// Its String joins the keys with slashes.
type Path = tree.Path

// view is one past version of an object, immutable, with the predictions of
// own transactions that are not yet answered on top.
type view struct {
	log      string
	object   string
	epoch    string
	base     uint64   // the confirmed version
	position Position // the highest log position seen
	root     *tree.Node
	pending  []replica.Pending // of the own unanswered transactions whose predictions are part of it
}

// origin is where an object's transactions start from and go to: a store in
// the same process, or a replica and its connection.
type origin interface {
	// view is the present state; it never waits.
	view() (*view, error)

	// submit has part, made on v, decided, and waits for the outcome. after lists the
	// sequences of v.pending that part depends on. A conflict is a *status.Error
	// with reason ErrConflict or ErrDepends and returns only when view has reached the state that
	// refused the transaction. When ctx ends first the error says whether the outcome is unknown.
	submit(ctx context.Context, v *view, part txn.Part, after []uint64, metadata map[string]string) (Commit, error)
}
