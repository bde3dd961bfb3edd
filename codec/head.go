package codec

import (
	"encoding/binary"
	"math"
)

// head describes what the first bytes of an encoded value announce.
type head struct {
	kind  Kind // None if the bytes begin no value
	size  int  // bytes of the head; for nil, bool, int and float that is the whole value
	body  int  // bytes of text, bytes or timestamp that follow, or elements, or pairs
	short bool // no shorter head says the same; of an integer, see shortInt
}

// fixedSize holds the size of heads 0xc0 to 0xdf without what they announce.
// Zero means that no value begins so.
var fixedSize = [32]uint8{
	1, 0, 1, 1, 2, 3, 5, 3, 4, 6, 5, 9, 2, 3, 5, 9,
	2, 3, 5, 9, 2, 2, 2, 2, 2, 2, 3, 5, 3, 5, 3, 5,
}

// readHead reads the head at the start of b. It does not look whether the body
// is there. A reason other than "" says that b begins no value of ours.
func readHead(b []byte) (h head, reason string) {
	if len(b) == 0 {
		return head{}, reasonTruncated
	}
	c := b[0]
	switch {
	case c < codeFixMap || c >= codeNegative:
		return head{Int, 1, 0, true}, ""
	case c < codeFixArray:
		return head{Map, 1, int(c & 15), true}, ""
	case c < codeFixStr:
		return head{List, 1, int(c & 15), true}, ""
	case c < codeNil:
		return head{String, 1, int(c & 31), true}, ""
	case c == codeNever:
		return head{}, reasonInvalidCode
	}
	size := int(fixedSize[c-codeNil])
	if len(b) < size {
		return head{}, reasonTruncated
	}
	switch c {
	case codeNil:
		return head{Nil, 1, 0, true}, ""
	case codeFalse, codeTrue:
		return head{Bool, 1, 0, true}, ""
	case codeFloat32, codeFloat64:
		return head{Float, size, 0, c == codeFloat64}, ""
	case codeUint8, codeUint16, codeUint32, codeUint64, codeInt8, codeInt16, codeInt32, codeInt64:
		if c == codeUint64 && b[1] >= 0x80 {
			return head{}, reasonIntegerRange
		}
		return head{Int, size, 0, true}, ""
	case codeBin8, codeStr8:
		n := int(b[1])
		return head{textKind(c), size, n, c == codeBin8 || n >= 32}, ""
	case codeBin16, codeStr16:
		n := int(binary.BigEndian.Uint16(b[1:]))
		return head{textKind(c), size, n, n > math.MaxUint8}, ""
	case codeArray16, codeMap16:
		n := int(binary.BigEndian.Uint16(b[1:]))
		return head{listKind(c), size, n, n >= 16}, ""
	case codeBin32, codeStr32, codeArray32, codeMap32:
		n := binary.BigEndian.Uint32(b[1:])
		text := c == codeBin32 || c == codeStr32
		switch {
		case n > math.MaxInt32 && text:
			return head{}, reasonTruncated
		case n > math.MaxInt32:
			return head{}, reasonCount
		case text:
			return head{textKind(c), size, int(n), n > math.MaxUint16}, ""
		}
		return head{listKind(c), size, int(n), n > math.MaxUint16}, ""
	}
	return extensionHead(b, size)
}

func textKind(c byte) Kind {
	if c <= codeBin32 {
		return Bytes
	}
	return String
}

func listKind(c byte) Kind {
	if c <= codeArray32 {
		return List
	}
	return Map
}

// extensionHead reads the head of an extension, of which only the timestamp
// has a place among the values.
func extensionHead(b []byte, size int) (head, string) {
	var n uint32
	switch c := b[0]; c {
	case codeExt8:
		n = uint32(b[1])
	case codeExt16:
		n = uint32(binary.BigEndian.Uint16(b[1:]))
	case codeExt32:
		n = binary.BigEndian.Uint32(b[1:])
	default:
		n = 1 << (c - codeFixExt1)
	}
	if b[size-1] != extTime || (n != 4 && n != 8 && n != 12) {
		return head{}, reasonExtension
	}
	return head{Time, size, int(n), size == 2 || size == 3 && n == 12}, ""
}

// intAt is the integer at the start of b, which readHead found whole.
func intAt(b []byte) int64 {
	switch c := b[0]; c {
	case codeUint8:
		return int64(b[1])
	case codeUint16:
		return int64(binary.BigEndian.Uint16(b[1:]))
	case codeUint32:
		return int64(binary.BigEndian.Uint32(b[1:]))
	case codeUint64, codeInt64:
		return int64(binary.BigEndian.Uint64(b[1:]))
	case codeInt8:
		return int64(int8(b[1]))
	case codeInt16:
		return int64(int16(binary.BigEndian.Uint16(b[1:])))
	case codeInt32:
		return int64(int32(binary.BigEndian.Uint32(b[1:])))
	default:
		return int64(int8(c))
	}
}

// shortInt reports whether the integer at the start of b is written as
// AppendInt writes it.
func shortInt(b []byte) bool {
	v := intAt(b)
	switch b[0] {
	case codeUint8:
		return v > math.MaxInt8
	case codeUint16:
		return v > math.MaxUint8
	case codeUint32:
		return v > math.MaxUint16
	case codeUint64:
		return v > math.MaxUint32
	case codeInt8:
		return v < -32
	case codeInt16:
		return v < math.MinInt8
	case codeInt32:
		return v < math.MinInt16
	case codeInt64:
		return v < math.MinInt32
	}
	return true
}

// floatAt is the float at the start of b, which readHead found whole.
func floatAt(b []byte) float64 {
	if b[0] == codeFloat32 {
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b[1:])))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b[1:]))
}

// instantOf is the instant that the body of a timestamp holds.
func instantOf(body []byte) (seconds int64, nanos uint32, ok bool) {
	switch len(body) {
	case 4:
		seconds = int64(binary.BigEndian.Uint32(body))
	case 8:
		v := binary.BigEndian.Uint64(body)
		seconds, nanos = int64(v&(1<<34-1)), uint32(v>>34)
	case 12:
		nanos, seconds = binary.BigEndian.Uint32(body), int64(binary.BigEndian.Uint64(body[4:]))
	}
	return seconds, nanos, nanos <= 999_999_999 && seconds >= minSecond && seconds < endSecond
}

// instantSize is how many bytes AppendTime's shortest form needs.
func instantSize(seconds int64, nanos uint32) int {
	switch {
	case seconds < 0 || seconds >= 1<<34:
		return 12
	case nanos == 0 && seconds <= math.MaxUint32:
		return 4
	}
	return 8
}
