package transport

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/trefoilgo/trefoil/codec"
)

// protocolVersion is the version of docs/PROTOCOL.md that this package speaks.
const protocolVersion = 1

// Kinds of control frames: docs/PROTOCOL.md, section 5.
const (
	kindHello   = 1
	kindWelcome = 2
	kindPing    = 3
	kindPong    = 4
	kindGoaway  = 5
	kindChunk   = 6
)

const maxKind = 127

// header is what every frame begins with.
type header struct {
	pattern, kind int
	stream        codec.Raw
	body          codec.Reader // what follows the stream key
	// Where in the frame the first elements begin, and the stream key ends.
	patternAt, kindAt, streamAt, streamEnd int
}

// readHeader takes the header of a frame apart that codec.Check found whole. It
// decodes nothing behind the stream key.
func readHeader(frame []byte) (h header, ok bool) {
	at, n := arrayHead(frame)
	if n < 3 {
		return h, false
	}
	r := codec.NewReader(frame[at:], n)
	total := len(frame)
	h.patternAt = at
	pattern := r.Int()
	h.kindAt = total - len(r.Rest())
	kind := r.Int()
	h.streamAt = total - len(r.Rest())
	if k := r.Kind(); k != codec.Int && k != codec.String {
		return h, false
	}
	h.stream = r.Raw()
	h.streamEnd = total - len(r.Rest())
	if r.Err() != nil || pattern < 0 || pattern > 1<<15 || kind < 1 || kind > maxKind {
		return h, false
	}
	h.pattern, h.kind, h.body = int(pattern), int(kind), r
	return h, true
}

// arrayHead is the length of the head of the array at the start of b and the
// number of its elements, 0 if b begins with something else.
func arrayHead(b []byte) (size, n int) {
	switch {
	case len(b) >= 1 && b[0]&0xf0 == 0x90:
		return 1, int(b[0] & 0x0f)
	case len(b) >= 3 && b[0] == 0xdc:
		return 3, int(binary.BigEndian.Uint16(b[1:]))
	case len(b) >= 5 && b[0] == 0xdd:
		return 5, int(binary.BigEndian.Uint32(b[1:]))
	}
	return 0, 0
}

// appendStream appends the key of the stream (pattern, stream key) that frame belongs to.
func (h *header) appendStream(key, frame []byte) []byte {
	key = append(key, frame[h.patternAt:h.kindAt]...)
	return append(key, frame[h.streamAt:h.streamEnd]...)
}

func appendPing(b []byte, kind int, millis int64) []byte {
	b = AppendHeader(b, 4, NumberControl, kind)
	b = codec.AppendInt(b, 0)
	return codec.AppendInt(b, millis)
}

func appendGoaway(b []byte, millis int64, reason string) []byte {
	b = AppendHeader(b, 5, NumberControl, kindGoaway)
	b = codec.AppendInt(b, 0)
	b = codec.AppendInt(b, millis)
	return codec.AppendString(b, reason)
}

// appendChunk appends a chunk in the connection's codec, without the LF.
func appendChunk(b []byte, json bool, id int64, last bool, piece []byte) []byte {
	if json {
		return appendChunkJSON(b, id, last, piece)
	}
	b = AppendHeader(b, 5, NumberControl, kindChunk)
	b = codec.AppendInt(b, id)
	b = codec.AppendBool(b, last)
	return codec.AppendBytes(b, piece)
}

// pieceSize is how many bytes a chunk may hold so that its frame fits into a
// message of n bytes.
func pieceSize(json bool, n int) int {
	if json {
		return min(chunkSize, (n-64)/4*3) // base64
	}
	return min(chunkSize, n-32)
}

// appendChunkJSON is appendChunk for JSON: it saves the way through msgpack.
func appendChunkJSON(b []byte, id int64, last bool, piece []byte) []byte {
	b = append(b, "[0,6,"...)
	b = strconv.AppendInt(b, id, 10)
	b = append(b, ',')
	b = strconv.AppendBool(b, last)
	if len(piece) == len(ID{}) { // in JSON any 16 bytes are written as an id
		b = append(b, `,{"$id":"`...)
		b = hex.AppendEncode(b, piece)
	} else {
		b = append(b, `,{"$bytes":"`...)
		b = base64.StdEncoding.AppendEncode(b, piece)
	}
	return append(b, `"}]`...)
}

// appendLine appends frame as one line of JSON with its LF.
func appendLine(b, frame []byte) ([]byte, error) {
	line, err := codec.ToJSON(b, frame)
	if err != nil {
		return b, errBadFrame.Because(err)
	}
	return append(line, '\n'), nil
}
