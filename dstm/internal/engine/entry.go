package engine

import (
	"crypto/sha256"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Kind says what an entry records.
type Kind int

// The kinds of entries.
const (
	// Commit applies a transaction.
	Commit Kind = 1
	// Refuse records that a transaction which may have been sent before was refused.
	Refuse Kind = 2
	// NewEpoch begins a new epoch. Every log begins with one.
	NewEpoch Kind = 3
)

// EntryFormat is the first byte of an entry: a format byte, the hash of the previous entry
// (32 bytes), and a canonical msgpack array, of
//
//	commit   [1, position, time, user, client, sequence, settled, digest, made, parts, metadata]
//	refusal  [2, position, time, user, client, sequence, settled, digest, [code, reason, message, unknown, details], conflicts]
//	epoch    [3, position, time, epoch]
//
// made is a list of [object, version], one for each part of the transaction; parts
// lists [object, version, writes] of those that wrote, as a change frame carries them. The
// hash of an entry is SHA-256 over all its bytes.
const EntryFormat = 1

const entryHeader = 1 + sha256.Size

// Entry is one entry of the log, taken apart. It is immutable.
type Entry struct {
	Kind     Kind
	Previous [sha256.Size]byte
	Hash     [sha256.Size]byte
	Position uint64
	Time     int64 // nanoseconds since 1970

	// The author; empty for NewEpoch.
	User     string
	Client   ID
	Sequence uint64
	Settled  uint64
	Digest   [txn.DigestSize]byte

	Made     []Made // of Commit
	Parts    []Part
	Metadata codec.Raw

	Refusal Refusal // of Refuse
	Epoch   string  // of NewEpoch
	Size    int     // bytes of the whole entry
	Dropped []ID    // the clients that were forgotten with it, once it was applied
}

// Part is what a commit did to one object.
type Part struct {
	Object  string
	Version uint64
	Writes  []txn.Write
	// Raw is the encoded [object, version, writes].
	Raw codec.Raw
	// Before and After are the object around the commit, once the entry was applied; nil if the object was of a later
	// position already.
	Before, After *Object
}

func (p *Part) encode() {
	b := codec.AppendArray(make([]byte, 0, 16+len(p.Object)+txn.SizeOfWrites(p.Writes)), 3)
	b = codec.AppendString(b, p.Object)
	b = codec.AppendInt(b, int64(p.Version))
	p.Raw = txn.AppendWrites(b, p.Writes)
}

// encode returns the entry's bytes and sets Hash and Size.
func (e *Entry) encode() []byte {
	size := entryHeader + 256
	for i := range e.Parts {
		size += len(e.Parts[i].Raw)
	}
	b := make([]byte, 0, size+len(e.Metadata))
	b = append(b, EntryFormat)
	b = append(b, e.Previous[:]...)
	switch e.Kind {
	case Commit:
		b = codec.AppendArray(b, 11)
		b = e.appendAuthor(b)
		b = codec.AppendArray(b, len(e.Made))
		for _, m := range e.Made {
			b = codec.AppendArray(b, 2)
			b = codec.AppendString(b, m.Object)
			b = codec.AppendInt(b, int64(m.Version))
		}
		b = codec.AppendArray(b, len(e.Parts))
		for i := range e.Parts {
			b = append(b, e.Parts[i].Raw...)
		}
		b = txn.AppendOptional(b, e.Metadata)
	case Refuse:
		b = codec.AppendArray(b, 10)
		b = e.appendAuthor(b)
		b = appendRefusal(b, &e.Refusal)
	default:
		b = codec.AppendArray(b, 4)
		b = e.appendPlace(b)
		b = codec.AppendString(b, e.Epoch)
	}
	e.Hash, e.Size = sha256.Sum256(b), len(b)
	return b
}

func (e *Entry) appendPlace(b []byte) []byte {
	b = codec.AppendInt(b, int64(e.Kind))
	b = codec.AppendInt(b, int64(e.Position))
	return codec.AppendInt(b, e.Time)
}

func (e *Entry) appendAuthor(b []byte) []byte {
	b = e.appendPlace(b)
	b = codec.AppendString(b, e.User)
	b = codec.AppendBytes(b, e.Client[:])
	b = codec.AppendInt(b, int64(e.Sequence))
	b = codec.AppendInt(b, int64(e.Settled))
	return codec.AppendBytes(b, e.Digest[:])
}

func appendRefusal(b []byte, r *Refusal) []byte {
	b = codec.AppendArray(b, 5)
	b = codec.AppendInt(b, int64(r.Code))
	b = codec.AppendString(b, string(r.Reason))
	b = codec.AppendString(b, r.Message)
	b = codec.AppendBool(b, r.Unknown)
	b = appendDetails(b, r.Details)
	return txn.AppendConflicts(b, r.Conflicts)
}

// appendDetails appends a map, nil for none. It holds nothing that cannot be encoded: see broken.
func appendDetails(b []byte, details map[string]any) []byte {
	if details == nil {
		return codec.AppendNil(b)
	}
	raw, _ := codec.Marshal(details)
	return append(b, raw...)
}

// Errors of entries and pieces that cannot be used.
const (
	// ErrFormat (failed_precondition): a newer version of the software wrote it.
	ErrFormat = reason.FormatNewer
	// ErrDamaged (data_loss): it is not what was written.
	ErrDamaged = reason.Damaged
)

func damaged(format string, args ...any) error {
	return status.New(status.DataLoss, ErrDamaged, format, args...)
}

func checkFormat(what string, have, known byte) error {
	switch {
	case have > known:
		return status.New(status.FailedPrecondition, ErrFormat, "%s has format %d; this version knows up to %d", what, have, known)
	case have == 0:
		return damaged("%s has no format", what)
	}
	return nil
}
