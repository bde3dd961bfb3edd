// Package txn is a transaction as it travels and is logged: which objects it
// started from, what it read, what it writes.
package txn

import (
	"crypto/sha256"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// Transaction is one commit frame (docs/PROTOCOL.md, section 8).
type Transaction struct {
	Sequence uint64
	Settled  uint64
	Again    bool
	Position uint64
	After    []uint64
	Metadata codec.Raw // canonical map, nil if none
	Parts    []Part
}

// Part is what a transaction does with one object.
type Part struct {
	Object string
	Epoch  string
	Base   uint64
	Reads  []Read
	Writes []Write
}

// ReadKind says what a read observed.
type ReadKind int

// The reads of docs/PROTOCOL.md, section 8.
const (
	ReadValue    ReadKind = 1
	ReadAbsent   ReadKind = 2
	ReadKeys     ReadKind = 3
	ReadSubtree  ReadKind = 4
	ReadHash     ReadKind = 5
	ReadKeysHash ReadKind = 7
)

// Read is one observation.
type Read struct {
	Kind ReadKind
	Path tree.Path
	Hash []byte // of ReadHash and ReadKeysHash; nil: absent
}

// Op says what a write does.
type Op int

// The writes of docs/PROTOCOL.md, section 8.
const (
	OpSet    Op = 1
	OpDelete Op = 2
	OpAdd    Op = 3
)

// Write is one change.
type Write struct {
	Op    Op
	Path  tree.Path
	Value codec.Raw // canonical: the value of OpSet, the number of OpAdd
	Least codec.Raw // bounds of OpAdd, nil if none
	Most  codec.Raw
}

// Conflict is a path of a part that no longer is what the transaction saw.
type Conflict struct {
	Part int
	Path tree.Path
}

// DigestSize is the length of a digest.
const DigestSize = 16

// Digest identifies the content of a transaction: what it presumes and does, not
// when it was sent.
func (t *Transaction) Digest() [DigestSize]byte {
	b := AppendParts(nil, t.Parts)
	b = appendSequences(b, t.After)
	sum := sha256.Sum256(b)
	return [DigestSize]byte(sum[:DigestSize])
}

// Apply returns root after the writes, in order, made by version. On an error
// it returns the index of the write that could not be made.
func Apply(root tree.Node, writes []Write, version uint64) (tree.Node, int, error) {
	for i := range writes {
		var err error
		if root, err = writes[i].apply(root, version); err != nil {
			return root, i, err
		}
	}
	return root, 0, nil
}

func (w *Write) apply(root tree.Node, version uint64) (tree.Node, error) {
	switch w.Op {
	case OpSet:
		return root.Set(w.Path, w.Value, version)
	case OpDelete:
		return root.Delete(w.Path, version)
	default:
		return root.Add(w.Path, w.Value, w.Least, w.Most, version)
	}
}
