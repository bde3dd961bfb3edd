package bolt

import (
	"encoding/binary"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
)

// A piece is stored under its key, with a checksum of the key and what follows before it, as an entry is:
//
//	CRC-32C, 4 bytes
//	position, 8 bytes big-endian
//	form, 1 byte
//	form 0: the value
//	form 1: id of the chunks that hold the value, and its size in bytes, 8 bytes big-endian each
//
// A chunk is stored under the id and its number, 8 bytes big-endian each, and has its own checksum. bbolt keeps at least two
// values in a page and writes all of a page when one changes; without chunks, a small piece beside a large one would
// cost as much as the large one each time.
const (
	pieceHeader = 9 // behind the checksum
	chunkSize   = 32 << 10
)

// Forms of a piece.
const (
	formWhole  = 0
	formChunks = 1
)

// storedPiece is what the record of a piece says.
type storedPiece struct {
	position dstm.Position
	value    []byte // of a whole one, part of the record; nil otherwise
	id, size uint64 // of one in chunks
}

// parsePiece verifies and reads the record under key.
func parsePiece(key, record []byte) (storedPiece, error) {
	data, err := unsealed(key, record)
	if err != nil {
		return storedPiece{}, err
	}
	if len(data) < pieceHeader {
		return storedPiece{}, damaged("the piece %.40q has %d bytes", key, len(data))
	}
	p := storedPiece{position: dstm.Position(binary.BigEndian.Uint64(data))}
	form, rest := data[pieceHeader-1], data[pieceHeader:]
	switch {
	case form == formWhole && len(rest) <= chunkSize:
		p.value = rest
		return p, nil
	case form == formChunks && len(rest) == 16:
		p.id, p.size = binary.BigEndian.Uint64(rest), binary.BigEndian.Uint64(rest[8:])
		if p.size > chunkSize && p.size <= dstm.MaxPieceValue {
			return p, nil
		}
	}
	return storedPiece{}, damaged("the piece %.40q has form %d with %d bytes for %d", key, form, len(rest), p.size)
}

// record is the opposite of parsePiece.
func (p storedPiece) record(key []byte) []byte {
	data := make([]byte, 0, pieceHeader+max(len(p.value), 16))
	data = binary.BigEndian.AppendUint64(data, uint64(p.position))
	if p.value != nil {
		data = append(append(data, formWhole), p.value...)
	} else {
		data = binary.BigEndian.AppendUint64(append(data, formChunks), p.id)
		data = binary.BigEndian.AppendUint64(data, p.size)
	}
	return appendSealed(make([]byte, 0, entryHeader+len(data)), key, data)
}

// chunks is how many chunks hold the value.
func (p storedPiece) chunks() uint64 { return (p.size + chunkSize - 1) / chunkSize }

// read returns a copy of the value.
func (p storedPiece) read(chunks *bbolt.Bucket) ([]byte, error) {
	if p.value != nil {
		return append([]byte{}, p.value...), nil
	}
	value := make([]byte, 0, p.size)
	c := chunks.Cursor()
	key := chunkKey(p.id, 0)
	k, record := c.Seek(key)
	for number := range p.chunks() {
		if key = chunkKey(p.id, number); string(k) != string(key) {
			return nil, damaged("chunk %d of a piece is missing", number)
		}
		data, err := unsealed(key, record)
		if err != nil {
			return nil, err
		}
		if want := min(chunkSize, p.size-uint64(len(value))); uint64(len(data)) != want {
			return nil, damaged("chunk %d of a piece has %d bytes, not %d", number, len(data), want)
		}
		value = append(value, data...)
		k, record = c.Next()
	}
	return value, nil
}

// chunkKey is where a chunk is stored.
func chunkKey(id, number uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(make([]byte, 0, 16), id), number)
}
