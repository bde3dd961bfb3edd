package keep

import (
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// Work is a durable transaction that is not decided.
type Work struct {
	ID        string
	Name      string    // of the transaction's definition
	Arguments codec.Raw // canonical
	Objects   []string
	Made      time.Time // the client's time, for display
	Attempts  int       // runs that were refused for good reason: conflicts
	Err       *status.Error

	// The run that is on its way; Sequence 0: it is to be run.
	Log    string
	Sent   bool // it may have been sent
	Hidden bool // its prediction is not to be shown above the stored replicas
	txn.Transaction
	Changes []Difference // Theirs is not set
}

// Difference is one path that a work writes.
type Difference struct {
	Object             string
	Path               tree.Path
	Base, Mine, Theirs codec.Raw // nil: absent
	Elided             bool      // a value was too large to be kept
}

// Item is a work that was refused in the end.
type Item struct {
	Work
	Refused     time.Time
	Differences []Difference
}

// Bounds of what a difference keeps.
const (
	MaxValue       = 64 << 10
	maxDifferences = txn.MaxOperations
	maxID          = 64
)

const workElements = 13

// AppendWork is the record of a work.
func AppendWork(w *Work) []byte { return seal(WorkPrefix+w.ID, appendWork(begin(512), w)) }

func appendWork(b []byte, w *Work) []byte {
	b = codec.AppendString(b, w.ID)
	b = codec.AppendString(b, w.Name)
	b = append(b, w.Arguments...)
	b = codec.AppendArray(b, len(w.Objects))
	for _, name := range w.Objects {
		b = codec.AppendString(b, name)
	}
	b = codec.AppendInt(b, w.Made.UnixMicro())
	b = codec.AppendInt(b, int64(w.Attempts))
	if w.Err == nil {
		b = codec.AppendNil(b)
	} else {
		b = transport.AppendError(b, w.Err)
	}
	b = codec.AppendString(b, w.Log)
	b = codec.AppendBool(b, w.Sent)
	b = codec.AppendBool(b, w.Hidden)
	b = txn.AppendOptional(b, w.Metadata)
	if w.Sequence == 0 {
		b = codec.AppendNil(b)
	} else {
		t := w.Transaction
		t.Settled, t.Again = 0, false
		b = codec.AppendArray(b, txn.BodyElements)
		b = t.AppendBody(b)
	}
	return appendDifferences(b, w.Changes)
}

// ReadWork reads what AppendWork made for the work called id.
func ReadWork(id string, b []byte) (*Work, error) {
	r, err := unseal(WorkPrefix+id, b, workElements)
	if err != nil {
		return nil, err
	}
	w, err := readWork(&r)
	if err != nil || w.ID != id {
		return nil, ErrDamaged
	}
	return w, nil
}

func readWork(r *codec.Reader) (*Work, error) {
	w := &Work{ID: r.String(), Name: r.String()}
	w.Arguments = append(codec.Raw(nil), r.Raw()...)
	names := r.Array()
	for names.Len() > 0 && len(w.Objects) < txn.MaxParts {
		w.Objects = append(w.Objects, names.String())
	}
	w.Made = time.UnixMicro(r.Int())
	attempts := r.Int()
	if !r.Nil() {
		w.Err = transport.ReadError(r)
	}
	w.Log, w.Sent, w.Hidden = r.String(), r.Bool(), r.Bool()
	var err error
	metadata, err := txn.ReadMetadata(r)
	if err != nil {
		return nil, err
	}
	if !r.Nil() {
		body := r.Array()
		if body.Len() != txn.BodyElements {
			return nil, ErrDamaged
		}
		t, err := txn.Decode(&body)
		if err != nil || body.Err() != nil {
			return nil, ErrDamaged
		}
		w.Transaction = *t
	}
	w.Metadata = metadata
	if w.Changes, err = readDifferences(r); err != nil {
		return nil, err
	}
	if r.Err() != nil || names.Len() > 0 || names.Err() != nil || attempts < 0 || attempts > maxCounter || !w.sound() {
		return nil, ErrDamaged
	}
	w.Attempts = int(attempts)
	return w, nil
}

// sound reports whether the parts of a work fit each other.
func (w *Work) sound() bool {
	if len(w.ID) < 1 || len(w.ID) > maxID || len(w.Objects) == 0 || w.Sequence > MaxCeiling {
		return false
	}
	for _, name := range w.Objects {
		if !txn.ValidName(name) {
			return false
		}
	}
	return w.Sequence == 0 || txn.ValidName(w.Log) && len(w.Parts) > 0
}

func appendDifferences(b []byte, list []Difference) []byte {
	b = codec.AppendArray(b, len(list))
	for i := range list {
		d := &list[i]
		b = codec.AppendArray(b, 6)
		b = codec.AppendString(b, d.Object)
		b = txn.AppendPath(b, d.Path)
		for _, value := range []codec.Raw{d.Base, d.Mine, d.Theirs} {
			if value == nil { // nil is a value too
				b = codec.AppendArray(b, 0)
			} else {
				b = append(codec.AppendArray(b, 1), value...)
			}
		}
		b = codec.AppendBool(b, d.Elided)
	}
	return b
}

func readDifferences(r *codec.Reader) (list []Difference, err error) {
	a := r.Array()
	if a.Len() > maxDifferences {
		return nil, ErrDamaged
	}
	for a.Len() > 0 {
		fields := a.Array()
		d := Difference{Object: fields.String()}
		if d.Path, err = txn.ReadPath(&fields); err != nil {
			return nil, ErrDamaged
		}
		for _, to := range []*codec.Raw{&d.Base, &d.Mine, &d.Theirs} {
			if value := fields.Array(); value.Len() > 0 {
				*to = append(codec.Raw(nil), value.Raw()...)
			}
		}
		d.Elided = fields.Bool()
		if fields.Err() != nil {
			return nil, ErrDamaged
		}
		list = append(list, d)
	}
	return list, a.Err()
}

const itemElements = workElements + 2

// AppendItem is the record of an item.
func AppendItem(i *Item) []byte {
	b := appendWork(begin(512), &i.Work)
	b = codec.AppendInt(b, i.Refused.UnixMicro())
	return seal(ItemPrefix+i.ID, appendDifferences(b, i.Differences))
}

// ReadItem reads what AppendItem made for the item called id.
func ReadItem(id string, b []byte) (*Item, error) {
	r, err := unseal(ItemPrefix+id, b, itemElements)
	if err != nil {
		return nil, err
	}
	w, err := readWork(&r)
	if err != nil || w.ID != id || w.Err == nil {
		return nil, ErrDamaged
	}
	i := &Item{Work: *w, Refused: time.UnixMicro(r.Int())}
	if i.Differences, err = readDifferences(&r); err != nil || r.Err() != nil {
		return nil, ErrDamaged
	}
	return i, nil
}
