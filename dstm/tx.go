package dstm

import (
	"errors"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Tx is one run of a transaction, or of a View. It is valid until its function
// returns and belongs to that function's goroutine. Values go in and come out as copies.
//
// Its methods do not return errors: the first failure (a bad path, a value of the wrong type,
// a write in a View) is kept, all later calls do nothing, and Update or View returns it.
type Tx struct {
	view     *view
	root     tree.Node // the view and what this transaction wrote
	part     txn.Part
	after    []uint64            // ascending
	reads    map[string]struct{} // kind and path of what part.Reads holds
	wrote    map[string]struct{} // paths of part.Writes but for additions
	readOnly bool
	done     bool
	err      error
}

var errDone = status.New(status.FailedPrecondition, ErrInvalid, "a transaction was used after its function had returned")

func newTx(v *view, readOnly bool) *Tx {
	return &Tx{
		view: v, root: *v.root, readOnly: readOnly,
		part: txn.Part{Object: v.object, Epoch: v.epoch, Base: v.base},
	}
}

// Err is the failure that the transaction will end with, nil so far. A function
// that loops over much may want to stop early.
func (tx *Tx) Err() error { return tx.err }

// Version is the confirmed version that the transaction reads from.
func (tx *Tx) Version() uint64 { return tx.view.base }

// Read returns the canonical encoding of the value at path, nil if there is none, and joins
// it to the read set: of a map the whole subtree. The result is read-only.
func (tx *Tx) Read(path ...string) codec.Raw {
	if !tx.ready(path) {
		return nil
	}
	tx.observe(path)
	return tx.root.Find(path).Value()
}

// Lookup decodes the value at path into out, a pointer, and reports whether there is one.
// Decoding follows codec.Unmarshal; a value that does not fit fails the transaction with ErrType.
func (tx *Tx) Lookup(out any, path ...string) bool {
	raw := tx.Read(path...)
	if raw == nil {
		return false
	}
	if err := codec.Unmarshal(raw, out); err != nil {
		tx.fail(status.New(status.InvalidArgument, ErrType, "the value at %q does not fit %T", Path(path), out).Because(err))
		return false
	}
	return true
}

// Exists reports whether there is a value at path, and joins that to the read set: of a map
// that it is still the same map, not what it holds.
func (tx *Tx) Exists(path ...string) bool {
	if !tx.ready(path) {
		return false
	}
	if !tx.own(path) {
		kind := txn.ReadValue
		if tx.view.root.Find(path) == nil {
			kind = txn.ReadAbsent
		}
		tx.note(kind, path)
	}
	return tx.root.Find(path) != nil
}

// Keys returns the keys of the map at path in ascending order, nil if there is no map, and joins that set of
// keys to the read set, so that a key added or removed meanwhile is a conflict; the values are not read.
func (tx *Tx) Keys(path ...string) []string {
	if !tx.ready(path) {
		return nil
	}
	if !tx.own(path) {
		switch before := tx.view.root.Find(path); {
		case before == nil:
			tx.note(txn.ReadAbsent, path)
		case before.IsMap():
			tx.note(txn.ReadKeys, path)
		default:
			tx.note(txn.ReadValue, path)
		}
	}
	node := tx.root.Find(path)
	if node == nil || !node.IsMap() {
		return nil
	}
	keys := make([]string, 0, node.Kids.Len())
	for key := range node.Kids.All() {
		keys = append(keys, key)
	}
	return keys
}

// Set writes value at path and joins what stood there to the read set: the first committer wins. Missing
// maps on the way are created, and their absence is read. A Go map or struct becomes a map of
// the tree; any other value, a list too, is one leaf.
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

// Delete removes what stands at path, with all below it, and joins it to the read set.
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
	for _, in := range []struct {
		from any
		to   *codec.Raw
	}{{n, &w.Value}, {least, &w.Least}, {most, &w.Most}} {
		if in.from == nil && in.to != &w.Value {
			continue
		}
		raw, ok := tx.encode(in.from, 0)
		if !ok {
			return
		}
		if !tree.IsNumber(raw) {
			tx.fail(status.New(status.InvalidArgument, ErrInvalid, "Add takes numbers, not %T", in.from))
			return
		}
		*in.to = raw
	}
	tx.write(w)
}

func (tx *Tx) set(value any, path Path) {
	if raw, ok := tx.encode(value, len(path)); ok {
		tx.write(txn.Write{Op: txn.OpSet, Path: path, Value: raw})
	}
}

func (tx *Tx) encode(value any, depth int) (codec.Raw, bool) {
	raw, err := codec.Marshal(value)
	if err == nil {
		raw, err = txn.CheckValue(raw, depth)
	}
	if err != nil {
		tx.fail(status.New(status.InvalidArgument, ErrInvalid, "a value of type %T cannot be stored: %v", value, err).Because(err))
		return nil, false
	}
	return raw, true
}

// write applies w to the working tree and adds it to the write set.
func (tx *Tx) write(w txn.Write) {
	w.Path = slices.Clone(w.Path) // the caller's variadic slice may be reused
	tx.dependOnMaps(w.Path)
	root, _, err := txn.Apply(tx.root, []txn.Write{w}, tx.view.base+1)
	switch {
	case err == nil:
		tx.root = root
		tx.part.Writes = append(tx.part.Writes, w)
		if w.Op == txn.OpAdd {
			break // what stands there now depends on what stood there before: who reads it reads that
		}
		if tx.wrote == nil {
			tx.wrote = map[string]struct{}{}
		}
		tx.wrote[w.Path.String()] = struct{}{}
	case errors.Is(err, tree.ErrBounds):
		tx.fail(status.New(status.FailedPrecondition, ErrBounds, "adding at %q: %v", w.Path, err).Because(err))
	case errors.Is(err, tree.ErrRange), errors.Is(err, tree.ErrNotNumber):
		tx.fail(status.New(status.FailedPrecondition, ErrInvalid, "adding at %q: %v", w.Path, err).Because(err))
	default:
		tx.fail(status.New(status.InvalidArgument, ErrInvalid, "writing at %q: %v", w.Path, err).Because(err))
	}
}

// dependOnMaps makes the transaction depend on own unanswered ones that created a map on the way to path:
// without them the server would see a map newer than the base.
func (tx *Tx) dependOnMaps(path Path) {
	node := tx.view.root
	for i := range path {
		if node = node.Kids.Get(path[i]); node == nil || i == len(path)-1 {
			return
		}
		if node.Written > tx.view.base {
			tx.depend(path[:i+1])
		}
	}
}

// depend adds every unanswered transaction that wrote at, above or below path to
// after, and reports whether there is one.
func (tx *Tx) depend(path Path) bool {
	found := false
	for _, p := range tx.view.pending {
		if !slices.ContainsFunc(p.Paths, path.Touches) {
			continue
		}
		found = true
		if i, ok := slices.BinarySearch(tx.after, p.Sequence); !ok {
			tx.after = slices.Insert(tx.after, i, p.Sequence)
		}
	}
	return found
}

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

func (tx *Tx) fail(err error) {
	if tx.err == nil {
		tx.err = err
	}
}
