package dstm

import (
	"crypto/sha256"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// RecordKind says what an entry of a log records.
type RecordKind string

// The kinds of entries.
const (
	// RecordCommit is a transaction that was committed.
	RecordCommit RecordKind = "commit"
	// RecordRefusal is a transaction that was refused after it may have been sent twice.
	RecordRefusal RecordKind = "refusal"
	// RecordEpoch is the beginning of an epoch. Every log begins with one.
	RecordEpoch RecordKind = "epoch"
)

// Record is an entry of a [Log] taken apart, for whoever audits or shows a log. It is what was written down, not what it makes of
// the objects.
type Record struct {
	Kind     RecordKind
	Position Position
	// Previous is the hash of the entry before, zero in the first one; Hash is SHA-256 over all bytes of this
	// one, Previous included. So the entries are a chain, and who remembers one hash can tell whether anything before it was changed.
	Previous, Hash [sha256.Size]byte
	// Time is the server's, never decreasing in a log.
	Time time.Time
	// Size is how many bytes the entry has.
	Size int
	// Epoch is the one that begins; "" but for RecordEpoch.
	Epoch string
	// Client is the author, User its user's name, "" if it has none, and Sequence its number for the transaction; empty for RecordEpoch.
	Client   transport.ID
	User     string
	Sequence uint64
	// Parts are what a commit wrote, object by object; nil for the others.
	Parts []RecordPart
	// Metadata is what the transaction carried; see [Metadata].
	Metadata map[string]string
}

// RecordPart is what a commit wrote in one object.
type RecordPart struct {
	Object string
	// Version is what the commit made of the object.
	Version uint64
	Writes  []RecordWrite
}

// RecordWrite is one write of a commit, in the order in which they count.
type RecordWrite struct {
	// Op is "set", "delete", "add", "min", "max", "insert" or "move".
	Op string
	// Path is what is changed: of "insert" and "move" that of the element.
	Path Path
	// Value is the canonical encoding of what is set or inserted, or of the number that is added or compared with; nil for the others.
	Value codec.Raw
}

var recordOps = map[txn.Op]string{
	txn.OpSet: "set", txn.OpDelete: "delete", txn.OpAdd: "add", txn.OpMin: "min", txn.OpMax: "max", txn.OpInsert: "insert", txn.OpMove: "move",
}

// ReadRecord takes an entry apart that [Log].Read has yielded. It looks at this entry alone: that Previous is the hash of the entry before
// is the caller's to compare. Errors: data_loss with reason dstm.damaged if the entry is not what was written, failed_precondition with
// reason dstm.format_newer if a newer version of the software wrote it.
func ReadRecord(entry Entry) (Record, error) {
	e, err := engine.Decode(entry.Data)
	if err == nil && Position(e.Position) != entry.Position {
		err = status.New(status.DataLoss, engine.ErrDamaged, "entry %d stands where %d should", e.Position, entry.Position)
	}
	if err != nil {
		return Record{}, err
	}
	r := Record{
		Kind: RecordCommit, Position: Position(e.Position), Previous: e.Previous, Hash: e.Hash, Time: time.Unix(0, e.Time).UTC(), Size: e.Size,
		Epoch: e.Epoch, Client: transport.ID(e.Client), User: e.User, Sequence: e.Sequence, Metadata: decodeMetadata(e.Metadata),
	}
	switch e.Kind {
	case engine.Refuse:
		r.Kind = RecordRefusal
	case engine.NewEpoch:
		r.Kind = RecordEpoch
	}
	for i := range e.Parts {
		p := &e.Parts[i]
		part := RecordPart{Object: p.Object, Version: p.Version, Writes: make([]RecordWrite, len(p.Writes))}
		for j := range p.Writes {
			w := &p.Writes[j]
			part.Writes[j] = RecordWrite{Op: recordOps[w.Op], Path: w.Target()}
			if w.Op != txn.OpDelete && w.Op != txn.OpMove {
				part.Writes[j].Value = w.Value
			}
		}
		r.Parts = append(r.Parts, part)
	}
	return r, nil
}
