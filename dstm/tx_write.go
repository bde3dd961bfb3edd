package dstm

import (
	"errors"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Set writes value at path and joins what stood there to the read set: the first committer wins. Missing
// maps on the way are created, and their absence is read. A Go map or struct becomes a map of
// the tree; any other value, a slice too, is one leaf.
func (tx *Tx) Set(value any, path ...string) {
	if tx.writable(path) {
		tx.observeForWrite(path)
		tx.set(value, path)
	}
}

// Overwrite writes value at path whatever stands there: the last writer wins.
func (tx *Tx) Overwrite(value any, path ...string) {
	if tx.writable(path) {
		tx.set(value, path)
	}
}

// Delete removes what stands at path, with all below it, and joins it to the read set. The path of a list and
// the id of an element remove that element.
func (tx *Tx) Delete(path ...string) {
	if tx.writable(path) {
		tx.observeForWrite(path)
		tx.write(txn.Write{Op: txn.OpDelete, Path: path})
	}
}

// Add increases the number at path by n, an integer or a float of any Go type; absent counts as 0. Nothing joins the read set: two
// clients that add never conflict. least and most bound the sum, nil means no bound; an Add that would leave the bounds, meet
// something that is no number or overflow fails the transaction, at commit as a conflict at path.
func (tx *Tx) Add(n, least, most any, path ...string) {
	if !tx.writable(path) {
		return
	}
	w := txn.Write{Op: txn.OpAdd, Path: path}
	var ok bool
	if w.Value, ok = tx.number("Add", n); !ok {
		return
	}
	if least != nil {
		if w.Least, ok = tx.number("Add", least); !ok {
			return
		}
	}
	if most != nil {
		if w.Most, ok = tx.number("Add", most); !ok {
			return
		}
	}
	tx.write(w)
}

// Min makes the number at path the smaller of itself and n, a number of any Go type; absent becomes n. As with
// [Tx.Add], nothing joins the read set.
func (tx *Tx) Min(n any, path ...string) { tx.limit(txn.OpMin, "Min", n, path) }

// Max makes the number at path the greater of itself and n, a number of any Go type; absent becomes n. As with
// [Tx.Add], nothing joins the read set.
func (tx *Tx) Max(n any, path ...string) { tx.limit(txn.OpMax, "Max", n, path) }

func (tx *Tx) limit(op txn.Op, name string, n any, path Path) {
	if !tx.writable(path) {
		return
	}
	if raw, ok := tx.number(name, n); ok {
		tx.write(txn.Write{Op: op, Path: path, Value: raw})
	}
}

func (tx *Tx) set(value any, path Path) {
	if raw, ok := tx.encode(value, len(path)); ok {
		tx.write(txn.Write{Op: txn.OpSet, Path: path, Value: raw})
	}
}

// number is the encoding of n, which must be a number.
func (tx *Tx) number(call string, n any) (codec.Raw, bool) {
	raw, ok := tx.encode(n, 0)
	if ok && !tree.IsNumber(raw) {
		tx.fail(status.New(status.InvalidArgument, ErrInvalid, "%s takes numbers, not %T", call, n))
		return nil, false
	}
	return raw, ok
}

// encode is the canonical form of a value that is to hang depth keys below the root.
func (tx *Tx) encode(value any, depth int) (codec.Raw, bool) {
	raw, err := txn.Encode(value, depth)
	if err != nil {
		tx.fail(status.New(status.InvalidArgument, ErrInvalid, "a value of type %T cannot be stored: %v", value, err).Because(err))
		return nil, false
	}
	return raw, true
}

// write applies w to the working tree and adds it to the write set.
func (tx *Tx) write(w txn.Write) {
	if tx.err != nil { // what it implies could not be read
		return
	}
	w.Path = slices.Clone(w.Path) // the caller's variadic slice may be reused
	at := w.Path
	if w.Op == txn.OpInsert || w.Op == txn.OpMove {
		at = append(w.Path[:len(w.Path):len(w.Path)], w.ID)
	}
	tx.dependOnMaps(at)
	root, _, err := txn.Apply(tx.root, []txn.Write{w}, tx.view.base+1)
	if err != nil {
		tx.failWrite(at, err)
		return
	}
	tx.root = root
	tx.part.Writes = append(tx.part.Writes, w)
	tx.count()
	switch w.Op {
	case txn.OpSet, txn.OpDelete, txn.OpInsert:
		tx.wrote.add(at)
	default:
		// What stands there now depends on what stood there before: who reads it reads that.
	}
}

// failWrite fails the transaction because it cannot write at path.
func (tx *Tx) failWrite(path Path, err error) {
	code, reason := status.InvalidArgument, ErrInvalid
	switch {
	case errors.Is(err, tree.ErrBounds):
		code, reason = status.FailedPrecondition, ErrBounds
	case errors.Is(err, tree.ErrRange), errors.Is(err, tree.ErrNotNumber), errors.Is(err, tree.ErrNoElement), errors.Is(err, tree.ErrNotList):
		code = status.FailedPrecondition
	}
	tx.fail(status.New(code, reason, "writing at %q: %v", path, err).Because(err))
}
