package dstm

import (
	"io"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Tx is one run of a transaction, or of a View, on one object; [Tx.In] leads to the others. It is valid until its function
// returns and belongs to that function's goroutine. Values go in and come out as copies.
//
// Its methods do not return errors: the first failure (a bad path, a value of the wrong type,
// a write in a View) is kept, all later calls do nothing, and Update or View returns it.
type Tx struct {
	*transaction
	view  *view
	root  tree.Node // the view and what this transaction wrote
	part  txn.Part
	reads readSet // what part.Reads holds
	wrote pathSet // paths whose value the transaction knows by itself: set, deleted, inserted
}

// transaction is what a run of a function has in common over all its objects.
type transaction struct {
	home       home     // whose objects they are; nil in an invariant
	facets     []*Tx    // one for each object
	after      []uint64 // own unanswered transactions that this one presumes, ascending
	awaited    []uint64 // own unanswered transactions that it read in strict objects, ascending
	operations int      // reads and writes in all facets
	random     io.Reader
	readOnly   bool
	done       bool
	retrying   bool // Retry was called, and no OrElse has taken that up
	err        error
}

var errDone = status.New(status.FailedPrecondition, ErrInvalid, "a transaction was used after its function had returned")

// newTx begins a run on one object alone.
func newTx(v *view, readOnly bool) *Tx {
	return newTransaction([]*view{v}, readOnly).facets[0]
}

// newTransaction begins a run on several objects.
func newTransaction(views []*view, readOnly bool) *transaction {
	t := &transaction{readOnly: readOnly, facets: make([]*Tx, len(views))}
	for i, v := range views {
		t.facets[i] = &Tx{
			transaction: t, view: v, root: *v.root,
			part: txn.Part{Object: v.object, Epoch: v.epoch, Base: v.base},
		}
	}
	return t
}

// Err is the failure that the transaction will end with, nil so far. A function
// that loops over much may want to stop early.
func (tx *Tx) Err() error { return tx.err }

// Version is the confirmed version of the object that the transaction reads from.
func (tx *Tx) Version() uint64 { return tx.view.base }

// In is the same transaction on another of its objects: one of those given to [UpdateAll] or [ViewAll]. Any other
// object fails the transaction with ErrInvalid.
func (tx *Tx) In(o Object) *Tx {
	if shell := o.sealed(); shell.origin.home() == tx.home {
		for _, facet := range tx.facets {
			if facet.view.object == shell.name {
				return facet
			}
		}
	}
	tx.fail(status.New(status.InvalidArgument, ErrInvalid, "%q is not among the transaction's objects", o.Name()))
	return tx
}

// ready reports whether a call at path may go on.
func (tx *Tx) ready(path Path) bool {
	switch {
	case tx.done:
		panic(errDone)
	case tx.err != nil:
		return false
	case !path.Valid():
		tx.fail(status.New(status.InvalidArgument, ErrInvalid, "bad path %q: at most %d keys of 1 to %d bytes of UTF-8", path, tree.MaxDepth, tree.MaxKey))
		return false
	}
	return true
}

// writable is ready for a write.
func (tx *Tx) writable(path Path) bool {
	if !tx.ready(path) {
		return false
	}
	if tx.readOnly {
		tx.fail(status.New(status.FailedPrecondition, ErrInvalid, "a View cannot write"))
		return false
	}
	return true
}

// count takes one more read or write into account.
func (t *transaction) count() {
	if t.operations++; t.operations > txn.MaxOperations {
		t.fail(status.New(status.ResourceExhausted, ErrTooLarge, "a transaction has at most %d reads and writes", txn.MaxOperations))
	}
}

func (t *transaction) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// writes reports whether the transaction writes anything.
func (t *transaction) writes() bool {
	for _, facet := range t.facets {
		if len(facet.part.Writes) > 0 {
			return true
		}
	}
	return false
}
