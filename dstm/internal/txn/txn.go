// Package txn is a transaction as it travels and is logged: which objects it
// started from, what it read, what it writes.
package txn

import (
	"crypto/sha256"
	"sync"

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
	// Attempt says how often the client has tried what this transaction is to do; 0 counts as 1.
	Attempt uint64

	sealed bool
	digest [DigestSize]byte
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
	ReadGuard    ReadKind = 6
	ReadKeysHash ReadKind = 7
)

// Read is one observation.
type Read struct {
	Kind ReadKind
	Path tree.Path
	Hash []byte // of ReadHash and ReadKeysHash; nil: absent

	// Of ReadGuard: the comparison with a canonical value, nil for Exists, and how it came out.
	Guard Comparison
	Value codec.Raw
	Truth bool
}

// Op says what a write does.
type Op int

// The writes of docs/PROTOCOL.md, section 8.
const (
	OpSet    Op = 1
	OpDelete Op = 2
	OpAdd    Op = 3
	OpMin    Op = 4
	OpMax    Op = 5
	OpInsert Op = 6
	OpMove   Op = 7
)

// Write is one change.
type Write struct {
	Op    Op
	Path  tree.Path
	Value codec.Raw // canonical: the value of OpSet and OpInsert, the number of OpAdd, OpMin and OpMax
	Shape codec.Raw // of Value of OpSet and OpInsert, nil if there is no list in it
	Least codec.Raw // bounds of OpAdd, nil if none
	Most  codec.Raw

	// Of OpInsert and OpMove, whose Path is that of the list: the element and where it is put.
	ID    string
	Place tree.Place
}

// Element is the path of the element that an OpInsert or OpMove puts into its list.
func (w *Write) Element() tree.Path {
	return append(w.Path[:len(w.Path):len(w.Path)], w.ID)
}

// Target is the path of what the write changes: Path, or that of the element of an OpInsert or OpMove.
func (w *Write) Target() tree.Path {
	if w.Op == OpInsert || w.Op == OpMove {
		return w.Element()
	}
	return w.Path
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
	if t.sealed {
		return t.digest
	}
	digest, _ := t.weigh()
	return digest
}

// Seal computes the digest for good, so that who decides need not, and returns how many bytes the parts take. Parts and
// After must not be changed from now on.
func (t *Transaction) Seal() (size int) {
	t.digest, size = t.weigh()
	t.sealed = true
	return size
}

var scratch = sync.Pool{New: func() any { return new([]byte) }}

// maxScratch keeps one huge transaction from holding its memory for good.
const maxScratch = 64 << 10

func (t *Transaction) weigh() (digest [DigestSize]byte, size int) {
	p := scratch.Get().(*[]byte)
	b := AppendParts((*p)[:0], t.Parts)
	size = len(b)
	b = appendSequences(b, t.After)
	sum := sha256.Sum256(b)
	if cap(b) <= maxScratch {
		*p = b
		scratch.Put(p)
	}
	return [DigestSize]byte(sum[:DigestSize]), size
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
		return root.Set(w.Path, w.Value, w.Shape, version)
	case OpDelete:
		return root.Delete(w.Path, version)
	case OpAdd:
		return root.Add(w.Path, w.Value, w.Least, w.Most, version)
	case OpMin:
		return root.Min(w.Path, w.Value, version)
	case OpMax:
		return root.Max(w.Path, w.Value, version)
	case OpInsert:
		return root.Insert(w.Path, w.ID, w.Place, w.Value, w.Shape, version)
	default:
		return root.Move(w.Path, w.ID, w.Place, version)
	}
}
