package dstm

import (
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Comparison is how a guard compares what is in an object with what it is given. Numbers compare exactly, integers with
// floats too; strings and binaries by bytes; times; false is less than true. Anything else, and nothing, is
// unequal to whatever it is compared with, and neither less nor greater: "1" is not 1.
type Comparison int

// The comparisons.
const (
	Less Comparison = iota + 1
	LessOrEqual
	Equal
	NotEqual
	GreaterOrEqual
	Greater
)

// Guard reports how the value at path compares with value, which is no map, struct or slice but bytes. Not the value joins the read
// set but this outcome: the transaction conflicts only with what changes it, and a guard that is
// false now must be false at commit. What the transaction itself wrote at, above or below path makes it a plain read.
func (tx *Tx) Guard(c Comparison, value any, path ...string) bool {
	if !tx.ready(path) || !tx.comparison(c) {
		return false
	}
	raw, ok := tx.encode(value, 0)
	if !ok {
		return false
	}
	r := codec.NewReader(raw, 1)
	if k := r.Kind(); k == codec.Map || k == codec.List {
		tx.fail(status.New(status.InvalidArgument, ErrInvalid, "a guard compares with no map or list: %T", value))
		return false
	}
	return tx.guard(txn.Comparison(c), raw, path, tx.observeLeaf)
}

// GuardExists reports whether there is a value at path. Unlike with [Tx.Exists], that it is another one at commit is no conflict.
func (tx *Tx) GuardExists(path ...string) bool {
	return tx.ready(path) && tx.guard(txn.Exists, nil, path, tx.observeThere)
}

// GuardLength reports how the length at path, as [Tx.Len] gives it, compares with n; where there is nothing that has a length it is
// unequal to any. Only this outcome joins the read set; see [Tx.Guard].
func (tx *Tx) GuardLength(c Comparison, n int, path ...string) bool {
	if !tx.ready(path) || !tx.comparison(c) {
		return false
	}
	return tx.guard(txn.Comparison(c).OfLength(), codec.AppendInt(nil, int64(n)), path, tx.observeKeys)
}

// guard evaluates a guard here and joins its outcome to the read set, or, by observe, what it looked at if
// the transaction has changed that.
func (tx *Tx) guard(c txn.Comparison, value codec.Raw, path Path, observe func(Path)) bool {
	truth := txn.CompareGuard(tx.root.Find(path), c, value)
	if tx.touched(path) {
		observe(path)
	} else {
		compared := string(rune(c)) + string(value)
		tx.join(txn.Read{Kind: txn.ReadGuard, Path: path, Guard: c, Value: value, Truth: truth}, compared)
	}
	return truth && tx.err == nil
}

// touched reports whether the transaction wrote at, above or below path.
func (tx *Tx) touched(path Path) bool {
	return slices.ContainsFunc(tx.part.Writes, func(w txn.Write) bool {
		if w.ID == "" {
			return path.Touches(w.Path)
		}
		return path.Touches(w.Path) && (len(path) <= len(w.Path) || path[len(w.Path)] == w.ID)
	})
}

// observeLeaf joins to the read set what a comparison sees: a leaf's value, of a map or list only that it is one.
func (tx *Tx) observeLeaf(path Path) {
	if isContainer(tx.view.root.Find(path)) {
		tx.observeThere(path)
		return
	}
	tx.observe(path)
}

func (tx *Tx) comparison(c Comparison) bool {
	if c < Less || c > Greater {
		tx.fail(status.New(status.InvalidArgument, ErrInvalid, "there is no comparison %d", c))
		return false
	}
	return true
}
