package codec

import (
	"bytes"
	"slices"
	"sync"
)

// Canonical checks v and appends its canonical form to dst. Two values are
// equal if and only if their canonical forms have the same bytes. After an
// error, an [*Error], dst is returned as it was.
//
// The result is at most twice as long as v (float32 becomes float64).
func Canonical(dst []byte, v Raw) ([]byte, error) {
	canonical, err := checkOne(v)
	if err != nil {
		return dst, err
	}
	if canonical {
		return append(dst, v...), nil
	}
	c := canonizers.Get().(*canonizer)
	c.in, c.pos, c.out = v, 0, dst
	c.value()
	dst = c.out
	c.release()
	return dst, nil
}

// IsCanonical reports whether v is exactly one well-formed value in canonical
// form.
func IsCanonical(v Raw) bool {
	canonical, err := checkOne(v)
	return err == nil && canonical
}

// Equal reports whether a and b are the same value, whatever their encodings.
// The text "1" is not the integer 1, the float 1.0 is; NaN equals NaN; an absent
// value equals an absent one only. Malformed values equal nothing but their own
// bytes.
func Equal(a, b Raw) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	if bytes.Equal(a, b) {
		return true
	}
	aCanonical, errA := checkOne(a)
	bCanonical, errB := checkOne(b)
	if errA != nil || errB != nil || aCanonical && bCanonical {
		return false
	}
	ca, _ := Canonical(nil, a)
	cb, _ := Canonical(nil, b)
	return bytes.Equal(ca, cb)
}

// entry is a pair of a map in canonizer.out.
type entry struct{ keyStart, keyEnd, start, end int }

// canonizer rewrites one checked value. It recurses once per open container,
// which the walker has bounded.
type canonizer struct {
	in, out []byte
	pos     int
	entries []entry
	moved   []byte
}

var canonizers = sync.Pool{New: func() any { return new(canonizer) }}

func (c *canonizer) release() {
	c.in, c.out = nil, nil
	if cap(c.entries) <= 1<<12 && cap(c.moved) <= 1<<16 {
		canonizers.Put(c)
	}
}

func (c *canonizer) value() {
	b := c.in[c.pos:]
	h, _ := readHead(b)
	c.pos += h.size
	switch h.kind {
	case Int:
		c.out = AppendInt(c.out, intAt(b))
	case Float:
		c.out = AppendFloat(c.out, floatAt(b))
	case String:
		c.out = append(appendStringHeader(c.out, h.body), c.body(h)...)
	case Bytes:
		c.out = AppendBytes(c.out, c.body(h))
	case Time:
		seconds, nanos, _ := instantOf(c.body(h))
		c.out = appendInstant(c.out, seconds, nanos)
	case List:
		c.out = AppendArray(c.out, h.body)
		for range h.body {
			c.value()
		}
	case Map:
		c.out = AppendMap(c.out, h.body)
		c.pairs(h.body)
	default: // nil and bool have one form
		c.out = append(c.out, b[0])
	}
}

func (c *canonizer) body(h head) []byte {
	start := c.pos
	c.pos += h.body
	return c.in[start:c.pos]
}

// pairs writes n pairs as they come and then, if their keys do not ascend, puts
// them in order.
func (c *canonizer) pairs(n int) {
	first, base := len(c.entries), len(c.out)
	sorted := true
	for i := range n {
		start := len(c.out)
		h, _ := readHead(c.in[c.pos:])
		c.value()
		e := entry{keyStart: len(c.out) - h.body, keyEnd: len(c.out), start: start}
		c.value()
		e.end = len(c.out)
		if i > 0 && sorted {
			before := c.entries[len(c.entries)-1]
			sorted = bytes.Compare(c.out[before.keyStart:before.keyEnd], c.out[e.keyStart:e.keyEnd]) < 0
		}
		c.entries = append(c.entries, e)
	}
	if entries := c.entries[first:]; !sorted {
		slices.SortFunc(entries, func(x, y entry) int {
			return bytes.Compare(c.out[x.keyStart:x.keyEnd], c.out[y.keyStart:y.keyEnd])
		})
		c.moved = append(c.moved[:0], c.out[base:]...)
		to := c.out[:base]
		for _, e := range entries {
			to = append(to, c.moved[e.start-base:e.end-base]...)
		}
	}
	c.entries = c.entries[:first]
}
