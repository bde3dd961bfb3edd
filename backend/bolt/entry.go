package bolt

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/trefoilgo/trefoil/dstm"
)

// A stored entry is
//
//	CRC-32C, 4 bytes big-endian, of the position (8 bytes big-endian) and the data
//	data
//
// The position is in the sum so that an entry that is sound but in the wrong place is found too. Its format is
// that of its log.
const entryHeader = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func positionKey(p dstm.Position) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(p))
}

// checksum is the CRC-32C of key and data.
func checksum(key, data []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, data)
}

// appendSealed appends data with its checksum before it; key is where it will be stored.
func appendSealed(to, key, data []byte) []byte {
	return append(binary.BigEndian.AppendUint32(to, checksum(key, data)), data...)
}

// unsealed verifies a stored record and returns its data, which is part of record.
func unsealed(key, record []byte) ([]byte, error) {
	if len(record) < entryHeader {
		return nil, damaged("the record at %x has %d bytes", key, len(record))
	}
	data := record[entryHeader:]
	if stored, real := binary.BigEndian.Uint32(record), checksum(key, data); stored != real {
		return nil, damaged("the record at %x has checksum %08x and says %08x", key, real, stored)
	}
	return data, nil
}
