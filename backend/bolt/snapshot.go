package bolt

import (
	"encoding/binary"

	"github.com/trefoilgo/trefoil/dstm"
)

// A snapshot is stored in chunks, each a record like an entry: its checksum covers the id, the number of the chunk, and
// its data. Chunks are small because bbolt puts at least two values into a page and so writes the neighbours of a new
// one again; several go into one commit.
const (
	chunkSize    = 32 << 10
	commitChunks = 8  // per commit while saving, and read at once while loading
	deleteChunks = 64 // per commit while deleting
)

// descriptor says which snapshot counts. It is written in the same commit as the last chunks: that is the switch from the
// older one. The zero descriptor means that there is none.
type descriptor struct {
	id     uint64        // key of the bucket of the chunks
	at     dstm.Position // the entry that it includes last
	size   uint64        // in bytes
	chunks uint64
}

func (d descriptor) record() []byte {
	data := make([]byte, 0, 32)
	for _, n := range [...]uint64{d.id, uint64(d.at), d.size, d.chunks} {
		data = binary.BigEndian.AppendUint64(data, n)
	}
	return appendSealed(nil, snapshotKey, data)
}

func parseDescriptor(record []byte) (descriptor, error) {
	data, err := unsealed(snapshotKey, record)
	if err != nil {
		return descriptor{}, err
	}
	if len(data) != 32 {
		return descriptor{}, damaged("the descriptor of the snapshot has %d bytes", len(data))
	}
	n := func(i int) uint64 { return binary.BigEndian.Uint64(data[8*i:]) }
	d := descriptor{id: n(0), at: dstm.Position(n(1)), size: n(2), chunks: n(3)}
	if d.at == 0 || d.size > d.chunks*chunkSize || d.chunks > d.size+1 {
		return descriptor{}, damaged("the descriptor of the snapshot says %d chunks of %d bytes at %d", d.chunks, d.size, d.at)
	}
	return d, nil
}

// chunkKey is what the checksum of a chunk begins with: id and number. The second half is its key in its bucket.
func chunkKey(id, number uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, id), number)
}
