package txn

import (
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// AppendBody appends the elements of a commit frame behind the stream: sequence to attempt, eight in all.
func (t *Transaction) AppendBody(b []byte) []byte {
	b = codec.AppendInt(b, int64(t.Sequence))
	b = codec.AppendInt(b, int64(t.Settled))
	flags := int64(0)
	if t.Again {
		flags = 1
	}
	b = codec.AppendInt(b, flags)
	b = codec.AppendInt(b, int64(t.Position))
	b = appendSequences(b, t.After)
	b = AppendOptional(b, t.Metadata)
	b = AppendParts(b, t.Parts)
	return codec.AppendInt(b, int64(max(t.Attempt, 1)))
}

// BodyElements is how many elements AppendBody appends.
const BodyElements = 8

func appendSequences(b []byte, seqs []uint64) []byte {
	if len(seqs) == 0 {
		return codec.AppendNil(b)
	}
	b = codec.AppendArray(b, len(seqs))
	for _, s := range seqs {
		b = codec.AppendInt(b, int64(s))
	}
	return b
}

// AppendOptional appends raw, or nil for an absent one.
func AppendOptional(b []byte, raw codec.Raw) []byte {
	if raw == nil {
		return codec.AppendNil(b)
	}
	return append(b, raw...)
}

// AppendParts appends a list of parts.
func AppendParts(b []byte, parts []Part) []byte {
	b = codec.AppendArray(b, len(parts))
	for i := range parts {
		p := &parts[i]
		b = codec.AppendArray(b, 5)
		b = codec.AppendString(b, p.Object)
		b = codec.AppendString(b, p.Epoch)
		b = codec.AppendInt(b, int64(p.Base))
		b = codec.AppendArray(b, len(p.Reads))
		for j := range p.Reads {
			b = p.Reads[j].append(b)
		}
		b = AppendWrites(b, p.Writes)
	}
	return b
}

func (r *Read) append(b []byte) []byte {
	n := 2
	switch {
	case r.Kind == ReadHash || r.Kind == ReadKeysHash:
		n = 3
	case r.Kind == ReadGuard && r.Truth:
		n = 4
	case r.Kind == ReadGuard:
		n = 5
	}
	b = codec.AppendArray(b, n)
	b = codec.AppendInt(b, int64(r.Kind))
	b = AppendPath(b, r.Path)
	switch {
	case n == 3 && r.Hash == nil:
		b = codec.AppendNil(b)
	case n == 3:
		b = codec.AppendBytes(b, r.Hash)
	case n > 3:
		b = codec.AppendInt(b, int64(r.Guard))
		b = AppendOptional(b, r.Value)
	}
	if n == 5 {
		b = codec.AppendBool(b, false)
	}
	return b
}

// SizeOfWrites is about what AppendWrites appends, rather more than less.
func SizeOfWrites(writes []Write) int {
	size := 5
	for i := range writes {
		w := &writes[i]
		size += 16 + len(w.Value) + len(w.Shape) + len(w.Least) + len(w.Most) + len(w.ID) + len(w.Place.Anchor)
		for _, key := range w.Path {
			size += 3 + len(key)
		}
	}
	return size
}

// AppendWrites appends a list of writes.
func AppendWrites(b []byte, writes []Write) []byte {
	b = codec.AppendArray(b, len(writes))
	for i := range writes {
		b = writes[i].append(b)
	}
	return b
}

func (w *Write) append(b []byte) []byte {
	b = codec.AppendArray(b, w.elements())
	b = codec.AppendInt(b, int64(w.Op))
	b = AppendPath(b, w.Path)
	switch w.Op {
	case OpDelete:
		return b
	case OpInsert, OpMove:
		b = codec.AppendString(b, w.ID)
		b = codec.AppendInt(b, int64(w.Place.Where))
		if w.Place.Anchor == "" {
			b = codec.AppendNil(b)
		} else {
			b = codec.AppendString(b, w.Place.Anchor)
		}
		if w.Op == OpMove {
			return b
		}
	}
	b = append(b, w.Value...)
	if w.Shape != nil {
		b = append(b, w.Shape...)
	}
	if w.Least != nil || w.Most != nil {
		b = AppendOptional(b, w.Least)
		b = AppendOptional(b, w.Most)
	}
	return b
}

// elements is how many append appends.
func (w *Write) elements() int {
	n := 3
	switch w.Op {
	case OpDelete:
		return 2
	case OpMove:
		return 5
	case OpInsert:
		n = 6
	}
	if w.Shape != nil {
		n++
	}
	if w.Least != nil || w.Most != nil {
		n += 2
	}
	return n
}

// AppendPath appends a path as a list of keys.
func AppendPath(b []byte, p tree.Path) []byte {
	b = codec.AppendArray(b, len(p))
	for _, key := range p {
		b = codec.AppendString(b, key)
	}
	return b
}

// AppendConflicts appends a list of conflicts, nil for none.
func AppendConflicts(b []byte, conflicts []Conflict) []byte {
	if len(conflicts) == 0 {
		return codec.AppendNil(b)
	}
	b = codec.AppendArray(b, len(conflicts))
	for _, c := range conflicts {
		b = codec.AppendArray(b, 2)
		b = codec.AppendInt(b, int64(c.Part))
		b = AppendPath(b, c.Path)
	}
	return b
}
