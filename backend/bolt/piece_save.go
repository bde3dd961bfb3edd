package bolt

import (
	"context"
	"encoding/binary"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
)

// pieceFill is how full pages of pieces are made. Pieces are replaced far more often than new ones come between.
const pieceFill = 0.9

// Save implements [dstm.Log]: one commit of bbolt. Appends wait for that commit at most. A context that ends
// during it does not end it.
func (h *handle) Save(ctx context.Context, pieces []dstm.Piece) error {
	for i := range pieces {
		if err := pieces[i].Check(); err != nil {
			return err
		}
	}
	if err := h.usable(ctx); err != nil || len(pieces) == 0 {
		return err
	}
	return h.store.update(func(tx *bbolt.Tx) error {
		b, err := h.bucket(tx)
		if err != nil {
			return err
		}
		b.pieces.FillPercent, b.chunks.FillPercent = pieceFill, 1
		// Before anything is deleted: bbolt's cursor goes round in circles when a transaction has emptied all pages.
		s := saver{buckets: b}
		s.nextID, err = b.freeID()
		for i := 0; err == nil && i < len(pieces); i++ {
			err = s.save(&pieces[i])
		}
		return err
	})
}

// saver saves pieces in one transaction.
type saver struct {
	buckets
	nextID uint64 // of the next piece in chunks
}

// save stores or removes one piece, unless the stored one is newer.
func (s *saver) save(p *dstm.Piece) error {
	key := []byte(p.Key)
	if record := s.pieces.Get(key); record != nil {
		old, err := parsePiece(key, record)
		if err != nil {
			return err
		}
		if old.position > p.Position {
			return nil
		}
		for number := range old.chunks() {
			if err := s.chunks.Delete(chunkKey(old.id, number)); err != nil {
				return err
			}
		}
	}
	if p.Value == nil {
		return s.pieces.Delete(key)
	}
	stored := storedPiece{position: p.Position, value: p.Value}
	if len(p.Value) > chunkSize {
		if err := s.saveChunks(s.nextID, p.Value); err != nil {
			return err
		}
		stored = storedPiece{position: p.Position, id: s.nextID, size: uint64(len(p.Value))}
		s.nextID++
	}
	return s.pieces.Put(key, stored.record(key))
}

// saveChunks stores value in chunks.
func (s *saver) saveChunks(id uint64, value []byte) error {
	for number := uint64(0); len(value) > 0; number++ {
		size := min(len(value), chunkSize)
		key := chunkKey(id, number)
		if err := s.chunks.Put(key, appendSealed(make([]byte, 0, entryHeader+size), key, value[:size])); err != nil {
			return err
		}
		value = value[size:]
	}
	return nil
}

// freeID returns an id above those of all chunks, so that new ones are added behind the last.
func (b buckets) freeID() (uint64, error) {
	last, _ := b.chunks.Cursor().Last()
	switch {
	case last == nil:
		return 1, nil
	case len(last) != 16:
		return 0, damaged("a chunk has the key %x", last)
	}
	id := binary.BigEndian.Uint64(last) + 1
	if id == 0 {
		return 0, damaged("a chunk has the key %x", last)
	}
	return id, nil
}
