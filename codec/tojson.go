package codec

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"time"
)

// idSize is the size of the identifiers of clients, sessions and nodes, which
// people read in logs of JSON connections.
const idSize = 16

// ToJSON checks v and appends it to dst as one JSON value (RFC 8259) on one
// line. What JSON cannot say is wrapped:
//
//	integers beyond +-2^53   {"$int":"9007199254740993"}
//	16 bytes, an id          {"$id":"000102030405060708090a0b0c0d0e0f"}
//	other bytes              {"$bytes":"AQI="}                  RFC 4648 section 4, padded
//	times                    {"$time":"2026-11-21T09:30:00.5Z"}  RFC 3339, UTC, nanoseconds as needed
//	NaN and infinities       {"$float":"NaN"}, "Infinity", "-Infinity"
//	a map with exactly one key, which begins with $
//	                         {"$map":{"$key":1}}
//
// Every other number is written as JavaScript writes it. Keys keep their order.
// The text is at most seven times as long as v, but for a few bytes. After an
// error, an [*Error], dst is returned as it was.
func ToJSON(dst []byte, v Raw) ([]byte, error) {
	if _, err := checkOne(v); err != nil {
		return dst, err
	}
	d := decoder{Reader{b: v, n: math.MaxInt}}
	return d.json(dst), nil
}

// json appends the next value, which was checked.
func (d *decoder) json(b []byte) []byte {
	h, _ := d.next()
	switch h.kind {
	case Bool:
		return strconv.AppendBool(b, d.Bool())
	case Int:
		return appendJSONInt(b, d.Int())
	case Float:
		return appendJSONFloat(b, d.Float())
	case String:
		return appendJSONString(b, d.Text())
	case Bytes:
		if h.body == idSize {
			b = append(b, `{"$id":"`...)
			b = hex.AppendEncode(b, d.Bytes())
		} else {
			b = append(b, `{"$bytes":"`...)
			b = base64.StdEncoding.AppendEncode(b, d.Bytes())
		}
		return append(b, `"}`...)
	case Time:
		b = append(b, `{"$time":"`...)
		b = d.Time().AppendFormat(b, time.RFC3339Nano)
		return append(b, `"}`...)
	case List:
		b = append(b, '[')
		for i := range d.open(List) {
			if i > 0 {
				b = append(b, ',')
			}
			b = d.json(b)
		}
		return append(b, ']')
	case Map:
		return d.jsonMap(b)
	default:
		d.Nil()
		return append(b, "null"...)
	}
}

func (d *decoder) jsonMap(b []byte) []byte {
	n := d.open(Map)
	wrap := false
	for i := range n {
		key := d.Text()
		if i > 0 {
			b = append(b, ',')
		} else {
			if wrap = n == 1 && len(key) > 0 && key[0] == '$'; wrap {
				b = append(b, `{"$map":`...)
			}
			b = append(b, '{')
		}
		b = append(appendJSONString(b, key), ':')
		b = d.json(b)
	}
	switch {
	case n == 0:
		return append(b, "{}"...)
	case wrap:
		return append(b, "}}"...)
	}
	return append(b, '}')
}

func appendJSONInt(b []byte, v int64) []byte {
	if v >= -maxExact && v <= maxExact {
		return strconv.AppendInt(b, v, 10)
	}
	b = append(b, `{"$int":"`...)
	b = strconv.AppendInt(b, v, 10)
	return append(b, `"}`...)
}

// appendJSONFloat writes a number as ECMAScript's Number::toString does
// (ECMA-262 section 6.1.6.1.20).
func appendJSONFloat(b []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, `{"$float":"NaN"}`...)
	case math.IsInf(v, 1):
		return append(b, `{"$float":"Infinity"}`...)
	case math.IsInf(v, -1):
		return append(b, `{"$float":"-Infinity"}`...)
	}
	if i, ok := exactInt(v); ok {
		return strconv.AppendInt(b, i, 10)
	}
	if abs := math.Abs(v); abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	b = strconv.AppendFloat(b, v, 'e', -1, 64)
	if n := len(b); b[n-2] == '0' && (b[n-3] == '-' || b[n-3] == '+') { // e-07 is e-7
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b
}

const hexDigits = "0123456789abcdef"

// appendJSONString writes a string with the escapes that JSON demands and no
// others, as JSON.stringify does.
func appendJSONString(b []byte, s []byte) []byte {
	b = append(b, '"')
	start := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, s[start:]...), '"')
}
