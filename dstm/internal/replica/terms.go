package replica

import (
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/lens"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// Terms are what the server said about an object when it opened it.
type Terms struct {
	// Strict: a value that changed and changed back counts as changed.
	Strict bool
	// Readable are the paths at and below which this client may read; nil: everything. A replica is right there alone.
	Readable []tree.Path
	Limits
}

// Limits are what a server accepts; 0 where it did not say.
type Limits struct {
	Object      int // bytes of an object's value
	Transaction int // bytes of a transaction's parts
	Operations  int // reads and writes of a transaction
}

// Flags of opened and reset.
const (
	flagStrict = 1
	flagPieces = 2
)

// readTerms reads flags, readable and limits, each of which may be missing at the end of a frame.
func readTerms(r *codec.Reader) (t Terms, pieces bool, err error) {
	if r.Len() > 0 && !r.Nil() {
		flags := r.Int()
		t.Strict, pieces = flags&flagStrict != 0, flags&flagPieces != 0
	}
	if r.Len() > 0 && !r.Nil() {
		if t.Readable, err = readPaths(r); err != nil {
			return t, false, err
		}
	}
	if r.Len() > 0 && !r.Nil() {
		t.Limits = readLimits(r)
	}
	return t, pieces, r.Err()
}

func readPaths(r *codec.Reader) ([]tree.Path, error) {
	a := r.Array()
	if a.Len() > txn.MaxOperations {
		return nil, malformed("too many readable paths")
	}
	paths := make([]tree.Path, 0, a.Len())
	for a.Len() > 0 {
		path, err := txn.ReadPath(&a)
		if err != nil {
			return nil, malformed(err.Error())
		}
		paths = append(paths, path)
	}
	return paths, r.Err()
}

// readLimits reads those limits that this client knows.
func readLimits(r *codec.Reader) (l Limits) {
	for pairs := r.Map(); pairs.Len() > 0; {
		var to *int
		switch pairs.String() {
		case "object":
			to = &l.Object
		case "transaction":
			to = &l.Transaction
		case "operations":
			to = &l.Operations
		}
		if to == nil || pairs.Kind() != codec.Int {
			pairs.Skip()
			continue
		}
		*to = max(0, int(pairs.Int()))
	}
	return l
}

// accept takes what the server says about an object.
func (o *object) accept(t Terms) {
	o.lens = nil
	if t.Readable != nil {
		o.lens = lens.New(t.Readable)
	}
	if !sameReadable(o.Readable, t.Readable) {
		for _, l := range o.layers {
			l.writes = o.lens.Writes(l.part.Writes)
		}
		o.visible = nil
	}
	o.Terms = t
}

// sameReadable reports whether two clients with these terms may read the same.
func sameReadable(a, b []tree.Path) bool {
	return (a == nil) == (b == nil) && slices.EqualFunc(a, b, func(p, q tree.Path) bool { return slices.Equal(p, q) })
}
