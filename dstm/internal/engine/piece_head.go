package engine

import (
	"crypto/sha256"

	"github.com/trefoilgo/trefoil/codec"
)

// Head is a state without its objects and clients, and what whoever stores it in pieces wants to know when it starts again.
type Head struct {
	Epoch     string
	Position  uint64
	Hash      [sha256.Size]byte
	Time      int64
	Forgotten uint64

	// Keep is the position of the oldest entry that was held in memory for clients that come back.
	Keep uint64
	// Reach is the position up to which the log may be truncated.
	Reach uint64
	// Marks are the checkpoints at Reach or above it, ascending; the last one is this one.
	Marks []Mark
}

// Mark is a checkpoint: every object as it was at Position could be stored.
type Mark struct {
	Position uint64
	Time     int64  // of the entry at Position
	Bytes    uint64 // of all entries that ever were, up to Position
}

// Head is the head of the state.
func (s *State) Head() Head {
	return Head{Epoch: s.Epoch, Position: s.Position, Hash: s.Hash, Time: s.Time, Forgotten: s.Forgotten}
}

// Resume is the state that a head belongs to, with no object resident and no client known; the zero Head is
// that of an empty log.
func Resume(opts Options, h *Head) State {
	s := New(opts)
	s.Epoch, s.Position, s.Hash, s.Time, s.Forgotten = h.Epoch, h.Position, h.Hash, h.Time, h.Forgotten
	s.partial = true
	return s
}

// HeadPiece is the piece of a head.
func HeadPiece(h *Head) []byte {
	b := codec.AppendString(beginPiece(9, pieceHead), h.Epoch)
	b = codec.AppendBytes(appendCounters(b, h.Position), h.Hash[:])
	b = codec.AppendInt(b, h.Time)
	b = appendCounters(b, h.Forgotten, h.Keep, h.Reach)
	b = codec.AppendArray(b, len(h.Marks))
	for _, m := range h.Marks {
		b = appendCounters(codec.AppendArray(b, 3), m.Position)
		b = appendCounters(codec.AppendInt(b, m.Time), m.Bytes)
	}
	return endPiece(b)
}

// ReadHead reads the piece of a head.
func ReadHead(piece []byte) (Head, error) {
	a, err := openPiece(piece, pieceHead)
	if err != nil {
		return Head{}, err
	}
	h := Head{Epoch: a.String(), Position: counter(&a)}
	ok := fixed(h.Hash[:], &a)
	h.Time, h.Forgotten, h.Keep, h.Reach = a.Int(), counter(&a), counter(&a), counter(&a)
	for list := a.Array(); ok && list.Len() > 0; {
		m := list.Array()
		h.Marks = append(h.Marks, Mark{Position: counter(&m), Time: m.Int(), Bytes: counter(&m)})
		ok = m.Err() == nil && m.Len() == 0
	}
	if !ok || a.Err() != nil || a.Len() != 0 || !validEpoch(h.Epoch) || h.Position == 0 || h.Position > maxCounter {
		return Head{}, errPiece()
	}
	return h, nil
}
