package simtest

import (
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/witness"
)

// tx is a transaction on one object whose reads are recorded: what it reads of others, not of itself.
type tx struct {
	*dstm.Tx
	object string
	reads  *[]witness.Read // of the whole transaction
	wrote  []tree.Path
}

// mine reports whether the transaction itself wrote at, above or below path.
func (t *tx) mine(path tree.Path) bool {
	return slices.ContainsFunc(t.wrote, path.Touches)
}

func (t *tx) write(path ...string) { t.wrote = append(t.wrote, slices.Clone(path)) }

// Read is that of [dstm.Tx], noted.
func (t *tx) Read(path ...string) codec.Raw {
	raw := t.Tx.Read(path...)
	if t.Err() == nil && !t.mine(path) {
		*t.reads = append(*t.reads, witness.Read{Object: t.object, Path: slices.Clone(path), Value: slices.Clone(raw)})
	}
	return raw
}

// number is the integer at path, 0 if there is none.
func (t *tx) number(path ...string) int64 {
	raw := t.Read(path...)
	r := codec.NewReader(raw, 1)
	if raw == nil || r.Kind() != codec.Int {
		return 0
	}
	return r.Int()
}

// Keys is that of [dstm.Tx], noted.
func (t *tx) Keys(path ...string) []string {
	keys := t.Tx.Keys(path...)
	if t.Err() == nil && !t.mine(path) {
		*t.reads = append(*t.reads, witness.Read{Object: t.object, Path: slices.Clone(path), Keys: true, Names: slices.Clone(keys)})
	}
	return keys
}

// Set is that of [dstm.Tx], noted.
func (t *tx) Set(value any, path ...string) {
	t.Tx.Set(value, path...)
	t.write(path...)
}

// Overwrite is that of [dstm.Tx], noted.
func (t *tx) Overwrite(value any, path ...string) {
	t.Tx.Overwrite(value, path...)
	t.write(path...)
}

// Delete is that of [dstm.Tx], noted.
func (t *tx) Delete(path ...string) {
	t.Tx.Delete(path...)
	t.write(path...)
}

// Add is that of [dstm.Tx], noted.
func (t *tx) Add(n, least, most any, path ...string) {
	t.Tx.Add(n, least, most, path...)
	t.write(path...)
}

// Min is that of [dstm.Tx], noted.
func (t *tx) Min(n any, path ...string) {
	t.Tx.Min(n, path...)
	t.write(path...)
}

// Max is that of [dstm.Tx], noted.
func (t *tx) Max(n any, path ...string) {
	t.Tx.Max(n, path...)
	t.write(path...)
}

// Insert is that of [dstm.Tx], noted.
func (t *tx) Insert(at dstm.Place, value any, path ...string) string {
	id := t.Tx.Insert(at, value, path...)
	t.write(path...)
	return id
}

// Move is that of [dstm.Tx], noted.
func (t *tx) Move(id string, at dstm.Place, path ...string) {
	t.Tx.Move(id, at, path...)
	t.write(path...)
}

// Guard is a guard whose outcome is recorded as that of a whole number.
func (t *tx) guard(c dstm.Comparison, n int64, path ...string) bool {
	truth := t.Tx.Guard(c, n, path...)
	if t.Err() == nil && !t.mine(path) {
		*t.reads = append(*t.reads, witness.Read{Object: t.object, Path: slices.Clone(path), Guard: func(raw codec.Raw) bool {
			return compare(c, raw, n) == truth
		}})
	}
	return truth
}

// compare is a guard as plainly as can be, for integers.
func compare(c dstm.Comparison, raw codec.Raw, n int64) bool {
	if raw == nil {
		return c == dstm.NotEqual
	}
	r := codec.NewReader(raw, 1)
	have := r.Int()
	switch c {
	case dstm.Less:
		return have < n
	case dstm.LessOrEqual:
		return have <= n
	case dstm.Equal:
		return have == n
	case dstm.NotEqual:
		return have != n
	case dstm.GreaterOrEqual:
		return have >= n
	}
	return have > n
}
