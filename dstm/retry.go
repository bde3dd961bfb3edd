package dstm

import (
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// abandoned is what Retry panics with: the run of t ends here.
type abandoned struct{ t *transaction }

// Retry says that the transaction cannot go on with what it has read. It does not return: the run is
// abandoned with all that it wrote, Update sleeps, and runs the function again when something that it
// read has changed in this replica. Changes elsewhere do not wake it, and asleep it takes up nothing at the server. Update ends the
// sleep with an error when ctx is done, an object of the transaction is closed, or the client's connection has ended for good. In a View, Retry is an error.
//
// What is read by a guard wakes when the guard's outcome changes, so a function that waits for a bound should ask by [Tx.Guard].
//
// Retry leaves the function by a panic, which Update and OrElse recover. A function that recovers from panics
// itself must pass this one on; should it swallow it, the run counts as abandoned nevertheless.
//
// With OrElse these are the composable memory transactions of Harris, Marlow, Peyton Jones and Herlihy (PPoPP 2005).
func (tx *Tx) Retry() {
	if tx.done {
		panic(errDone)
	}
	if tx.readOnly {
		tx.fail(status.New(status.FailedPrecondition, ErrInvalid, "a View cannot wait: Retry is for Update"))
	}
	tx.retrying = true
	panic(abandoned{tx.transaction})
}

// OrElse runs a, and if that calls Retry, b in its place: what a wrote is undone, in all objects, what it read stays in the read set, as
// b would not have run otherwise. If b calls Retry too, the whole transaction does. An error of
// either is returned, and what it wrote stays; so a function that goes on after one decides for it. OrElse nests.
func (tx *Tx) OrElse(a, b func(tx *Tx) error) error {
	t := tx.transaction
	if t.retrying { // a function swallowed the panic, and goes on
		panic(abandoned{t})
	}
	before := t.mark()
	err := t.call(tx, a)
	if !t.retrying {
		return err
	}
	if t.readOnly || t.err != nil { // it can only end
		panic(abandoned{t})
	}
	t.retrying = false
	t.rollBack(before)
	return b(tx)
}

// call runs fn and stops the panic of a Retry in it; retrying tells.
func (t *transaction) call(tx *Tx, fn func(tx *Tx) error) error {
	defer func() {
		if !t.retrying {
			return
		}
		switch p := recover().(type) {
		case nil, abandoned:
		default:
			panic(p)
		}
	}()
	return fn(tx)
}

// mark is what a facet has written so far.
type mark struct {
	root   tree.Node
	writes []txn.Write
	wrote  pathSet
}

// mark remembers what the transaction has written.
func (t *transaction) mark() []mark {
	marks := make([]mark, len(t.facets))
	for i, facet := range t.facets {
		n := len(facet.part.Writes)
		marks[i] = mark{root: facet.root, writes: facet.part.Writes[:n:n], wrote: facet.wrote}
		facet.wrote = facet.wrote.clone()
	}
	return marks
}

// rollBack undoes what was written since.
func (t *transaction) rollBack(marks []mark) {
	for i, facet := range t.facets {
		t.operations -= len(facet.part.Writes) - len(marks[i].writes)
		facet.root, facet.part.Writes, facet.wrote = marks[i].root, marks[i].writes, marks[i].wrote
	}
}
