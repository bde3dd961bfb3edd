package engine

import (
	"crypto/sha256"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Decode takes the bytes of an entry apart; the Entry keeps parts of them. Bytes that are not
// exactly what Decide or Begin made are ErrDamaged, a newer format is ErrFormat.
func Decode(data []byte) (*Entry, error) {
	if len(data) == 0 {
		return nil, damaged("an entry is empty")
	}
	if err := checkFormat("an entry", data[0], EntryFormat); err != nil {
		return nil, err
	}
	if len(data) <= entryHeader || !codec.IsCanonical(codec.Raw(data[entryHeader:])) {
		return nil, damaged("an entry is not well-formed")
	}
	e := &Entry{Hash: sha256.Sum256(data), Size: len(data)}
	copy(e.Previous[:], data[1:])
	outer := codec.NewReader(data[entryHeader:], 1)
	r := outer.Array()
	n := r.Len()
	e.Kind, e.Position, e.Time = Kind(r.Int()), counter(&r), r.Int()
	var ok bool
	switch {
	case e.Kind == Commit && n == 11:
		ok = e.readAuthor(&r) && e.readCommit(&r)
	case e.Kind == Refuse && n == 10:
		ok = e.readAuthor(&r) && readRefusal(&r, &e.Refusal)
	case e.Kind == NewEpoch && n == 4:
		e.Epoch = r.String()
		ok = validEpoch(e.Epoch)
	}
	if !ok || r.Err() != nil || e.Position == 0 || e.Position > maxCounter {
		return nil, damaged("an entry is not well-formed")
	}
	return e, nil
}

const maxCounter = 1<<53 - 1

// counter reads a counter; a negative one comes out above maxCounter.
func counter(r *codec.Reader) uint64 { return uint64(r.Int()) }

func validEpoch(epoch string) bool { return len(epoch) >= 1 && len(epoch) <= txn.MaxEpoch }

// fixed copies bytes of exactly the length of to.
func fixed(to []byte, r *codec.Reader) bool {
	b := r.Bytes()
	copy(to, b)
	return len(b) == len(to)
}

func (e *Entry) readAuthor(r *codec.Reader) bool {
	e.User = r.String()
	ok := fixed(e.Client[:], r)
	e.Sequence, e.Settled = counter(r), counter(r)
	return ok && fixed(e.Digest[:], r) && e.Sequence > e.Settled && e.Sequence <= maxCounter
}

func (e *Entry) readCommit(r *codec.Reader) bool {
	made := r.Array()
	if made.Len() == 0 || made.Len() > txn.MaxParts {
		return false
	}
	for made.Len() > 0 {
		m := made.Array()
		e.Made = append(e.Made, Made{Object: m.String(), Version: counter(&m)})
		if m.Err() != nil || m.Len() != 0 || made.Err() != nil {
			return false
		}
	}
	parts := r.Array()
	if parts.Len() == 0 || parts.Len() > len(e.Made) {
		return false
	}
	for operations := 0; parts.Len() > 0; {
		p := Part{Raw: parts.Raw()}
		whole := codec.NewReader(p.Raw, 1)
		a := whole.Array()
		if a.Len() != 3 {
			return false
		}
		p.Object, p.Version = a.String(), counter(&a)
		var err error
		if p.Writes, err = txn.ReadWrites(&a, &operations); err != nil || len(p.Writes) == 0 || !txn.ValidName(p.Object) {
			return false
		}
		e.Parts = append(e.Parts, p)
	}
	var err error
	e.Metadata, err = txn.ReadMetadata(r)
	return err == nil
}

func readRefusal(r *codec.Reader, to *Refusal) bool {
	a := r.Array()
	to.Code, to.Reason, to.Message, to.Unknown = status.Code(a.Int()), status.Reason(a.String()), a.String(), a.Bool()
	if !a.Nil() && (a.Kind() != codec.Map || codec.Unmarshal(a.Raw(), &to.Details) != nil) {
		return false
	}
	if a.Err() != nil || a.Len() != 0 || !to.Code.Valid() {
		return false
	}
	if r.Nil() {
		return true
	}
	list := r.Array()
	if list.Len() == 0 || list.Len() > keptConflicts {
		return false
	}
	for list.Len() > 0 {
		c := list.Array()
		part := int(c.Int())
		path, err := txn.ReadPath(&c)
		if err != nil || c.Err() != nil || c.Len() != 0 || part < 0 || part >= txn.MaxParts || len(path) > tree.MaxDepth {
			return false
		}
		to.Conflicts = append(to.Conflicts, txn.Conflict{Part: part, Path: path})
	}
	return true
}
