package engine

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"io"

	"github.com/trefoilgo/trefoil/codec"
)

// PieceFormat is the first byte of a piece, the part of a state that is stored beside the log: a format byte, a
// canonical msgpack array, and the first 16 bytes of SHA-256 over both. The arrays are
//
//	head    [1, epoch, position, hash, time, forgotten, keep, reach, marks]
//	object  [2, name, version, position, hash, size, node, ...]
//	client  [3, id, last, settled, began, position, time, commits, refusals]
//
// The nodes of an object come root first, each before its children; those of a map by ascending key, of a list in their order:
//
//	leaf  [1, key, written, value]
//	map   [2, key, written, keys, below, children]
//	list  [3, key, written, keys, below, children]
//
// with marks = [[position, time, bytes], ...], commits = [[sequence, position, digest, [[object, version], ...]], ...] and
// refusals = [[sequence, [code, reason, message, unknown, ...], conflicts], ...].
//
// A large piece is packed: the format byte [PackedFormat], the array in DEFLATE (RFC 1951), and the checksum over these two. The
// versions of an object's nodes can be several times as long as its value, and are much alike.
const PieceFormat = 1

// PackedFormat is the first byte of a packed piece.
const PackedFormat = 2

const (
	pieceHead   = 1
	pieceObject = 2
	pieceClient = 3

	pieceSum = 16

	// packFrom is how large a piece is before it is packed.
	packFrom = 4 << 20
	// maxUnpacked bounds what a packed piece may become.
	maxUnpacked = 1 << 30
)

// beginPiece begins a piece whose array has n elements.
func beginPiece(n, kind int) []byte {
	return codec.AppendInt(codec.AppendArray([]byte{PieceFormat}, n), int64(kind))
}

// endPiece packs the piece if it is large, and appends the checksum.
func endPiece(b []byte) []byte {
	if len(b) > packFrom {
		packed := bytes.NewBuffer([]byte{PackedFormat})
		w, _ := flate.NewWriter(packed, flate.BestSpeed) // the level is valid, and the buffer takes everything
		w.Write(b[1:])
		w.Close()
		b = packed.Bytes()
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:pieceSum]...)
}

// openPiece returns what stands in a piece of this kind behind the kind.
func openPiece(piece []byte, kind int64) (codec.Reader, error) {
	if len(piece) == 0 {
		return codec.Reader{}, damaged("a piece is empty")
	}
	if err := checkFormat("a piece", piece[0], PackedFormat); err != nil {
		return codec.Reader{}, err
	}
	end := len(piece) - pieceSum
	if end < 2 {
		return codec.Reader{}, errPiece()
	}
	sum := sha256.Sum256(piece[:end])
	if !bytes.Equal(sum[:pieceSum], piece[end:]) {
		return codec.Reader{}, errPiece()
	}
	array := piece[1:end]
	if piece[0] == PackedFormat {
		var err error
		if array, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(array)), maxUnpacked)); err != nil {
			return codec.Reader{}, errPiece()
		}
	}
	if !codec.IsCanonical(array) {
		return codec.Reader{}, errPiece()
	}
	outer := codec.Raw(array).Reader()
	a := outer.Array()
	if a.Int() != kind || a.Err() != nil || outer.Err() != nil {
		return codec.Reader{}, errPiece()
	}
	return a, nil
}

func errPiece() error { return damaged("a piece of the state is not what was written") }

func appendCounters(b []byte, counters ...uint64) []byte {
	for _, c := range counters {
		b = codec.AppendInt(b, int64(c))
	}
	return b
}
