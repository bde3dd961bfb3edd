package codec

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"unicode/utf8"
)

// Limits narrows what [Limits.Check] accepts. The zero value is Check's own.
type Limits struct {
	// MaxDepth is how deep containers may be nested; 0, or more than the
	// constant MaxDepth, means the constant.
	MaxDepth int
}

// Check checks the first value of b and returns how many bytes it takes; more
// may follow. It is one pass without recursion: depth at most [MaxDepth], every
// length and count within the bytes left, UTF-8, string keys, no key twice, no
// extension but the timestamp, no integer beyond int64. It keeps nothing of b,
// and allocates nothing but an [*Error], whatever b announces; maps borrow a
// pooled scratch of four bytes for each key of the maps open at a time.
func Check(b []byte) (int, error) { return Limits{}.Check(b) }

// Check is the function Check within l.
func (l Limits) Check(b []byte) (int, error) {
	n, _, err := walk(b, l.MaxDepth)
	if err != nil {
		return 0, err
	}
	return n, nil
}

// checkOne checks that b is exactly one value, and tells whether it is
// canonical.
func checkOne(b []byte) (canonical bool, err *Error) {
	n, canonical, err := walk(b, MaxDepth)
	if err == nil && n != len(b) {
		err = fail(reasonTrailing, n)
	}
	return canonical, err
}

// level is an open container.
type level struct {
	left             uint32 // elements or pairs still to come
	keyStart, keyEnd uint32 // text of the last key
	keys             uint32 // where the keys of this map begin in scratch.keys
	isMap, unsorted  bool
}

// scratch holds the offsets of all keys of the maps that are open.
type scratch struct{ keys []uint32 }

var scratches = sync.Pool{New: func() any { return &scratch{keys: make([]uint32, 0, 64)} }}

func (s *scratch) release() {
	// One huge map must not stay in memory for good.
	if cap(s.keys) <= 1<<16 {
		s.keys = s.keys[:0]
		scratches.Put(s)
	}
}

// walk is the walker: see Check. It also tells whether the value is in
// canonical form.
func walk(b []byte, maxDepth int) (n int, canonical bool, err *Error) {
	if uint64(len(b)) > math.MaxUint32 {
		return 0, false, fail(reasonTooLarge, 0)
	}
	if maxDepth <= 0 || maxDepth > MaxDepth {
		maxDepth = MaxDepth
	}
	var (
		stack [MaxDepth]level
		cur   = level{left: 1}
		depth int
		off   int
		s     *scratch
	)
	defer func() {
		if s != nil {
			s.release()
		}
	}()
	canonical = true
	for {
		for cur.left == 0 {
			if cur.isMap {
				if cur.unsorted {
					if at := duplicate(b, s.keys[cur.keys:]); at >= 0 {
						return 0, false, fail(reasonDuplicateKey, at)
					}
				}
				s.keys = s.keys[:cur.keys]
			}
			if depth == 0 {
				return off, canonical, nil
			}
			depth--
			cur = stack[depth]
		}
		cur.left--
		if cur.isMap {
			end, short, err := cur.key(b, off)
			if err != nil {
				return 0, false, err
			}
			s.keys = append(s.keys, uint32(off))
			canonical = canonical && short && !cur.unsorted
			off = end
		}
		if off < len(b) && (b[off] < codeFixMap || b[off] >= codeNegative) {
			off++
			continue
		}
		h, reason := readHead(b[off:])
		if reason != "" {
			return 0, false, fail(reason, off)
		}
		canonical = canonical && h.short
		if h.kind == List || h.kind == Map {
			least := h.body
			if h.kind == Map {
				least *= 2
			}
			if depth == maxDepth {
				return 0, false, fail(reasonDepth, off)
			}
			if off += h.size; least > len(b)-off || least < 0 {
				return 0, false, fail(reasonCount, off-h.size)
			}
			stack[depth] = cur
			depth++
			cur = level{left: uint32(h.body)}
			if h.kind == Map {
				if s == nil {
					s = scratches.Get().(*scratch)
				}
				cur.isMap, cur.keys = true, uint32(len(s.keys))
			}
			continue
		}
		if h.body > len(b)-off-h.size {
			return 0, false, fail(reasonTruncated, off)
		}
		end := off + h.size + h.body
		switch h.kind {
		case String:
			if !utf8.Valid(b[off+h.size : end]) {
				return 0, false, fail(reasonUTF8, off)
			}
		case Float:
			canonical = canonical && canonicalFloat(b[off:])
		case Time:
			seconds, nanos, ok := instantOf(b[off+h.size : end])
			if !ok {
				return 0, false, fail(reasonTime, off)
			}
			canonical = canonical && instantSize(seconds, nanos) == h.body
		}
		off = end
	}
}

// key checks the key of a map at off, and where it stands among its siblings.
func (l *level) key(b []byte, off int) (end int, short bool, err *Error) {
	h, reason := readHead(b[off:])
	if reason != "" {
		return 0, false, fail(reason, off)
	}
	if h.kind != String {
		return 0, false, fail(reasonKeyType, off)
	}
	start := off + h.size
	if h.body > len(b)-start {
		return 0, false, fail(reasonTruncated, off)
	}
	end = start + h.body
	text := b[start:end]
	if !utf8.Valid(text) {
		return 0, false, fail(reasonUTF8, off)
	}
	// keyEnd is 0 only before the first key: a key's text ends behind its head.
	if l.keyEnd != 0 {
		switch c := bytes.Compare(b[l.keyStart:l.keyEnd], text); {
		case c == 0:
			return 0, false, fail(reasonDuplicateKey, off)
		case c > 0:
			l.unsorted = true
		}
	}
	l.keyStart, l.keyEnd = uint32(start), uint32(end)
	return end, h.short, nil
}

// duplicate finds two equal keys among those at the given offsets, and returns
// the offset of one, or -1. It sorts the offsets by the text of their keys.
func duplicate(b []byte, keys []uint32) int {
	if len(keys) <= 8 {
		for i, k := range keys {
			text := textAt(b, k)
			for _, earlier := range keys[:i] {
				if bytes.Equal(text, textAt(b, earlier)) {
					return int(k)
				}
			}
		}
		return -1
	}
	slices.SortFunc(keys, func(x, y uint32) int { return bytes.Compare(textAt(b, x), textAt(b, y)) })
	for i := 1; i < len(keys); i++ {
		if bytes.Equal(textAt(b, keys[i-1]), textAt(b, keys[i])) {
			return int(max(keys[i-1], keys[i]))
		}
	}
	return -1
}

// textAt is the text of a string at off that was checked.
func textAt(b []byte, off uint32) []byte {
	b = b[off:]
	switch b[0] {
	case codeStr8:
		return b[2 : 2+int(b[1])]
	case codeStr16:
		return b[3 : 3+int(binary.BigEndian.Uint16(b[1:]))]
	case codeStr32:
		return b[5 : 5+int(binary.BigEndian.Uint32(b[1:]))]
	}
	return b[1 : 1+int(b[0]&31)]
}

// canonicalFloat reports whether AppendFloat would write the float at the start
// of b just so.
func canonicalFloat(b []byte) bool {
	if b[0] != codeFloat64 {
		return false
	}
	v := floatAt(b)
	if v != v {
		return binary.BigEndian.Uint64(b[1:]) == canonicalNaN
	}
	_, exact := exactInt(v)
	return !exact
}
