package codec

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"
)

// unwrap replaces the map with one pair that begins at start of p.out, its head
// a placeholder of one byte, by the value that it stands for.
func (p *parser) unwrap(start int) *Error {
	r := NewReader(p.out[start+1:], 2)
	name := r.String()
	wrong := failf(reasonWrapper, -1, "malformed or unknown object with a single key that begins with $")
	if name == "$map" {
		if r.Kind() != Map {
			return wrong
		}
		p.out = append(p.out[:start], r.Rest()...)
		return nil
	}
	if r.Kind() != String {
		return wrong
	}
	text := r.Text()
	var ok bool
	switch name {
	case "$int":
		var v int64
		if v, ok = parseInt(string(text)); ok {
			p.out = AppendInt(p.out[:start], v)
		}
	case "$float":
		var v float64
		if v, ok = parseSpecial(string(text)); ok {
			p.out = AppendFloat(p.out[:start], v)
		}
	case "$time":
		var v time.Time
		if v, ok = parseTime(string(text)); ok {
			p.out = AppendTime(p.out[:start], v)
		}
	case "$id":
		var v []byte
		if v, ok = parseID(text); ok {
			p.out = AppendBytes(p.out[:start], v)
		}
	case "$bytes":
		var v []byte
		if v, ok = parseBytes(text); ok {
			p.out = AppendBytes(p.out[:start], v)
		}
	}
	if !ok {
		return wrong
	}
	return nil
}

// parseInt reads an integer as ToJSON writes it; no plus, no leading zero.
func parseInt(s string) (int64, bool) {
	v, err := strconv.ParseInt(s, 10, 64)
	return v, err == nil && strconv.FormatInt(v, 10) == s
}

func parseSpecial(s string) (float64, bool) {
	switch s {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	return 0, false
}

// parseTime reads YYYY-MM-DDTHH:MM:SS, up to nine decimals, and Z. time.Parse is
// more lenient: it takes a comma for the point and cuts what comes after nine
// digits.
func parseTime(s string) (time.Time, bool) {
	const seconds = len("2006-01-02T15:04:05")
	if len(s) <= seconds || len(s) > seconds+len(".999999999Z") || !strings.HasSuffix(s, "Z") || s[10] != 'T' {
		return time.Time{}, false
	}
	if decimals := s[seconds : len(s)-1]; decimals != "" && (decimals[0] != '.' || len(decimals) == 1) {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil && t.Year() >= 1
}

// parseID reads 16 bytes in lower-case hexadecimal digits.
func parseID(text []byte) ([]byte, bool) {
	if len(text) != 2*idSize || bytes.ContainsAny(text, "ABCDEF") {
		return nil, false
	}
	v, err := hex.AppendDecode(nil, text)
	return v, err == nil
}

// parseBytes reads padded base64 without line breaks, which encoding/base64
// would pass over, and with zeros where the last character's spare bits are.
func parseBytes(text []byte) ([]byte, bool) {
	if bytes.ContainsAny(text, "\r\n") {
		return nil, false
	}
	v, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
	return v, err == nil
}
