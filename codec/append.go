package codec

import (
	"encoding/binary"
	"math"
	"time"
)

// canonicalNaN is the one NaN of the canonical form.
const canonicalNaN = 0x7ff8000000000000

// The append functions add one value, or the header of a list or map, to b and
// return the grown slice, as the built-in append does. What they write is
// canonical; the order of map keys is up to the caller.

// AppendNil appends nil.
func AppendNil(b []byte) []byte { return append(b, codeNil) }

// AppendBool appends a bool.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, codeTrue)
	}
	return append(b, codeFalse)
}

// AppendInt appends an integer in its shortest form.
func AppendInt(b []byte, v int64) []byte {
	switch {
	case v >= 0:
		return appendUint(b, uint64(v))
	case v >= -32:
		return append(b, byte(v))
	case v >= math.MinInt8:
		return append(b, codeInt8, byte(v))
	case v >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(b, codeInt16), uint16(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, codeInt32), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, codeInt64), uint64(v))
}

func appendUint(b []byte, v uint64) []byte {
	switch {
	case v < 128:
		return append(b, byte(v))
	case v <= math.MaxUint8:
		return append(b, codeUint8, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, codeUint16), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, codeUint32), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, codeUint64), v)
}

// AppendFloat appends a float in canonical form: an integral value within
// +-2^53 as that integer (-0 as 0), any other as a float64, each NaN as the
// same one.
func AppendFloat(b []byte, v float64) []byte {
	if i, ok := exactInt(v); ok {
		return AppendInt(b, i)
	}
	bits := math.Float64bits(v)
	if v != v {
		bits = canonicalNaN
	}
	return binary.BigEndian.AppendUint64(append(b, codeFloat64), bits)
}

// exactInt is the integer that v is in canonical form, if it is one.
func exactInt(v float64) (int64, bool) {
	if v >= -maxExact && v <= maxExact {
		if i := int64(v); float64(i) == v {
			return i, true
		}
	}
	return 0, false
}

// AppendString appends a string. It does not look whether v is valid UTF-8:
// [Check] refuses one that is not, at the latest on the other side.
func AppendString(b []byte, v string) []byte {
	return append(appendStringHeader(b, len(v)), v...)
}

func appendStringHeader(b []byte, n int) []byte {
	switch {
	case n < 32:
		return append(b, codeFixStr|byte(n))
	case n <= math.MaxUint8:
		return append(b, codeStr8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, codeStr16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, codeStr32), uint32(n))
}

// AppendBytes appends bytes; nil is written as no bytes, not as nil.
func AppendBytes(b []byte, v []byte) []byte {
	return append(appendBytesHeader(b, len(v)), v...)
}

func appendBytesHeader(b []byte, n int) []byte {
	switch {
	case n <= math.MaxUint8:
		return append(b, codeBin8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, codeBin16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, codeBin32), uint32(n))
}

// AppendTime appends an instant to the nanosecond as msgpack's timestamp
// extension, in the shortest of its three forms. Time zone and monotonic clock
// are dropped. [Check] refuses years before 1 and after 9999.
func AppendTime(b []byte, v time.Time) []byte {
	return appendInstant(b, v.Unix(), uint32(v.Nanosecond()))
}

func appendInstant(b []byte, seconds int64, nanos uint32) []byte {
	switch {
	case seconds < 0 || seconds >= 1<<34:
		b = append(b, codeExt8, 12, extTime)
		b = binary.BigEndian.AppendUint32(b, nanos)
		return binary.BigEndian.AppendUint64(b, uint64(seconds))
	case nanos == 0 && seconds <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, codeFixExt4, extTime), uint32(seconds))
	}
	return binary.BigEndian.AppendUint64(append(b, codeFixExt8, extTime), uint64(nanos)<<34|uint64(seconds))
}

// AppendArray appends the header of a list; its n elements follow.
func AppendArray(b []byte, n int) []byte {
	switch {
	case n < 16:
		return append(b, codeFixArray|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, codeArray16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, codeArray32), uint32(n))
}

// AppendMap appends the header of a map; n pairs of key and value follow.
func AppendMap(b []byte, n int) []byte {
	switch {
	case n < 16:
		return append(b, codeFixMap|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, codeMap16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, codeMap32), uint32(n))
}
