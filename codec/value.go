// Package codec turns values into bytes and back.
//
// Everything inside Trefoil is msgpack. A connection that speaks JSON is
// transcoded once, at its edge, by [ToJSON] and [FromJSON].
//
// # Values
//
// nil, bool, int64, float64, string (valid UTF-8), bytes, time (UTC,
// nanoseconds, years 1 to 9999), list, and map with string keys, no key twice.
// On the wire they are msgpack's nil, bool, int, float, str, bin, array, map and
// the timestamp extension -1; every other extension is refused, and so are
// integers above 2^63-1 and containers nested deeper than [MaxDepth].
//
// # Canonical form
//
// Integers, lengths and times in their shortest encoding, non-negative integers
// in the unsigned family; a float whose value is integral and within +-2^53
// (both ends included) is that integer, so -0 is 0; every other float is a
// float64, NaN being 7ff8000000000000; map keys ascend by the bytes of their
// text. Two values are equal if and only if their canonical forms are.
//
// # Order of use
//
// Bytes from a peer pass [Check] once, before anything else looks at them. A
// [Reader] then takes them apart without decoding payloads, and [Unmarshal]
// decodes what belongs to the user. A Reader neither panics nor allocates on
// bytes that were not checked, but reports their defects late or not at all.
package codec

// Raw is exactly one encoded msgpack value; nil means that there is none. A Raw
// that came out of a [Reader] aliases the Reader's input.
//
// A field of type Raw in a user's struct carries its value as it is, in both
// directions; Unmarshal copies the bytes.
type Raw []byte

// MaxDepth is how deep lists and maps may be nested: a value that is no
// container has depth 0, an empty list 1. A frame's own array counts.
const MaxDepth = 64

// Kind says what a value is.
type Kind uint8

// The kinds of value. None stands for "no value left".
const (
	None Kind = iota
	Nil
	Bool
	Int
	Float
	String
	Bytes
	Time
	List
	Map
)

var kindNames = [...]string{"none", "nil", "bool", "int", "float", "string", "bytes", "time", "list", "map"}

// String is the kind in lower case, as in "int" or "list".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "invalid"
}

// maxExact is 2^53: up to here, on both sides, each integer is a float64 of its
// own and JavaScript's Number holds it.
const maxExact = 1 << 53

// The range of times that RFC 3339 can write: 0001-01-01T00:00:00Z up to, not
// including, 10000-01-01T00:00:00Z, in Unix seconds.
const (
	minSecond = -62135596800
	endSecond = 253402300800
)

// The first bytes of msgpack's encodings.
const (
	codeFixMap   = 0x80
	codeFixArray = 0x90
	codeFixStr   = 0xa0
	codeNil      = 0xc0
	codeNever    = 0xc1
	codeFalse    = 0xc2
	codeTrue     = 0xc3
	codeBin8     = 0xc4
	codeBin16    = 0xc5
	codeBin32    = 0xc6
	codeExt8     = 0xc7
	codeExt16    = 0xc8
	codeExt32    = 0xc9
	codeFloat32  = 0xca
	codeFloat64  = 0xcb
	codeUint8    = 0xcc
	codeUint16   = 0xcd
	codeUint32   = 0xce
	codeUint64   = 0xcf
	codeInt8     = 0xd0
	codeInt16    = 0xd1
	codeInt32    = 0xd2
	codeInt64    = 0xd3
	codeFixExt1  = 0xd4
	codeFixExt4  = 0xd6
	codeFixExt8  = 0xd7
	codeFixExt16 = 0xd8
	codeStr8     = 0xd9
	codeStr16    = 0xda
	codeStr32    = 0xdb
	codeArray16  = 0xdc
	codeArray32  = 0xdd
	codeMap16    = 0xde
	codeMap32    = 0xdf
	codeNegative = 0xe0
	extTime      = 0xff // extension type -1
)
