package dstm

import (
	"context"

	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// UpdateAll runs fn as one transaction on several objects, with the semantics of [Object.Update]: all changes commit or none, and
// nobody sees some of them without the others. fn gets the Tx of the first object; [Tx.In] leads to the others. The commits are those of
// the objects, in their order; of one that was not written, a version at which all that was read of it was so.
//
// All objects must belong to one [Client], or to one [Store], and share a log, and be at most 16: else ErrInvalid. While a client comes back and its
// objects are not yet as they were at one position, UpdateAll waits.
func UpdateAll(ctx context.Context, objects []Object, fn func(tx *Tx) error, opts ...UpdateOption) ([]Commit, error) {
	each, places, err := distinct(objects)
	if err != nil {
		return nil, err
	}
	u, err := newUpdate(each, fn, opts)
	if err != nil {
		return nil, err
	}
	decided, err := u.run(ctx)
	if err != nil {
		return nil, err
	}
	commits := make([]Commit, len(objects))
	for i := range objects {
		commits[i] = decided[places[i]]
	}
	return commits, nil
}

// ViewAll runs fn on several objects as they were at one position of their log, own unanswered transactions included. fn
// gets the Tx of the first object; [Tx.In] leads to the others. Writes in fn are an error. The objects must be such as for [UpdateAll].
//
// Unlike [Object.View] it may have to wait, as long as ctx allows: while a client comes back and its objects are not yet as they were at one position.
func ViewAll(ctx context.Context, objects []Object, fn func(tx *Tx) error) error {
	each, _, err := distinct(objects)
	if err != nil {
		return err
	}
	views, err := viewsOf(ctx, each)
	if err != nil {
		return err
	}
	t := newTransaction(views, true)
	t.home = each[0].origin.home()
	return t.run(fn)
}

// distinct returns the objects without those that are another's again, and where among them each is.
func distinct(objects []Object) (each []*object, places []int, err error) {
	if len(objects) == 0 {
		return nil, nil, status.New(status.InvalidArgument, ErrInvalid, "a transaction needs an object")
	}
	index := map[string]int{}
	places = make([]int, len(objects))
	for i, o := range objects {
		shell := o.sealed()
		if i > 0 && shell.origin.home() != each[0].origin.home() {
			return nil, nil, status.New(status.InvalidArgument, ErrInvalid, "%q and %q belong to different clients or stores", each[0].name, shell.name)
		}
		at, ok := index[shell.name]
		if !ok {
			at = len(each)
			index[shell.name] = at
			each = append(each, shell)
		}
		places[i] = at
	}
	if len(each) > txn.MaxParts {
		return nil, nil, status.New(status.InvalidArgument, ErrInvalid, "a transaction has at most %d objects", txn.MaxParts)
	}
	return each, places, nil
}

func errTwoLogs(a, b *view) *status.Error {
	return status.New(status.InvalidArgument, ErrInvalid, "%q and %q share no log: %q and %q", a.object, b.object, a.log, b.log)
}

func errNotOpen(object string) *status.Error {
	return status.New(status.Unavailable, ErrClosed, "%q is not open", object)
}
