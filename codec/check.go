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
	depth := l.MaxDepth
	if depth <= 0 || depth > MaxDepth {
		depth = MaxDepth
	}
	n, _, err := walk(b, depth)
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

// scratch is what a walker borrows: the offsets of the keys of all open maps, in
// one stack, and room for the levels that a frame rarely has.
type scratch struct {
	keys   []uint32
	levels [MaxDepth]level
}

var scratches = sync.Pool{New: func() any { return &scratch{keys: make([]uint32, 0, 64)} }}

// walker is one pass over one value. It does not recurse.
type walker struct {
	b         []byte
	off       int
	depth     int
	maxDepth  int
	canonical bool
	cur       level
	few       [4]level // the first levels around cur; the others are in s
	s         *scratch
}

// walk is the walker: see Check. It also tells whether the value is in
// canonical form. maxDepth is at most MaxDepth; 0 allows no container.
func walk(b []byte, maxDepth int) (n int, canonical bool, err *Error) {
	if uint64(len(b)) > math.MaxUint32 {
		return 0, false, fail(reasonTooLarge, 0)
	}
	w := walker{b: b, maxDepth: maxDepth, canonical: true, cur: level{left: 1}}
	err = w.run()
	if w.s != nil && cap(w.s.keys) <= 1<<16 { // one huge map must not stay in memory for good
		w.s.keys = w.s.keys[:0]
		scratches.Put(w.s)
	}
	if err != nil {
		return 0, false, err
	}
	return w.off, w.canonical, nil
}

func (w *walker) borrow() *scratch {
	if w.s == nil {
		w.s = scratches.Get().(*scratch)
	}
	return w.s
}

// outer is the place for the i-th level around cur.
func (w *walker) outer(i int) *level {
	if i < len(w.few) {
		return &w.few[i]
	}
	return &w.borrow().levels[i]
}

func (w *walker) run() *Error {
	for {
		for w.cur.left == 0 {
			if w.cur.isMap {
				if err := w.endMap(); err != nil {
					return err
				}
			}
			if w.depth == 0 {
				return nil
			}
			w.depth--
			w.cur = *w.outer(w.depth)
		}
		w.cur.left--
		if w.cur.isMap {
			if err := w.key(); err != nil {
				return err
			}
		}
		if w.off < len(w.b) && (w.b[w.off] < codeFixMap || w.b[w.off] >= codeNegative) {
			w.off++
			continue
		}
		h, reason := readHead(w.b[w.off:])
		if reason == "" {
			if !h.short {
				w.canonical = false
			}
			if h.kind == List || h.kind == Map {
				reason = w.open(h)
			} else {
				reason = w.leaf(h)
			}
		}
		if reason != "" {
			return fail(reason, w.off)
		}
	}
}

// leaf checks a value that holds no others and goes behind it.
func (w *walker) leaf(h head) (reason string) {
	start := w.off + h.size
	if h.body > len(w.b)-start {
		return reasonTruncated
	}
	body := w.b[start : start+h.body]
	switch h.kind {
	case Int:
		w.canonical = w.canonical && shortInt(w.b[w.off:])
	case String:
		if !utf8.Valid(body) {
			return reasonUTF8
		}
	case Float:
		w.canonical = w.canonical && canonicalFloat(w.b[w.off:])
	case Time:
		seconds, nanos, ok := instantOf(body)
		if !ok {
			return reasonTime
		}
		w.canonical = w.canonical && instantSize(seconds, nanos) == h.body
	}
	w.off = start + h.body
	return ""
}

// open goes into a list or map.
func (w *walker) open(h head) (reason string) {
	if w.depth == w.maxDepth {
		return reasonDepth
	}
	left := len(w.b) - w.off - h.size
	if h.kind == Map {
		left /= 2 // a pair takes two bytes at least
	}
	if h.body > left {
		return reasonCount
	}
	*w.outer(w.depth) = w.cur
	w.depth++
	w.off += h.size
	w.cur = level{left: uint32(h.body)}
	if h.kind == Map {
		w.cur.isMap, w.cur.keys = true, uint32(len(w.borrow().keys))
	}
	return ""
}

// endMap looks for a key that came twice, if the order of keys has not shown
// already that there is none, and drops the keys of the map from the stack.
func (w *walker) endMap() *Error {
	if w.cur.unsorted {
		w.canonical = false
		if at := duplicate(w.b, w.s.keys[w.cur.keys:]); at >= 0 {
			return fail(reasonDuplicateKey, at)
		}
	}
	w.s.keys = w.s.keys[:w.cur.keys]
	return nil
}

// key checks the key of a map, and where it stands among its siblings.
func (w *walker) key() *Error {
	h, reason := readHead(w.b[w.off:])
	if reason != "" {
		return fail(reason, w.off)
	}
	if h.kind != String {
		return fail(reasonKeyType, w.off)
	}
	at := w.off
	w.canonical = w.canonical && h.short
	if reason := w.leaf(h); reason != "" {
		return fail(reason, at)
	}
	l := &w.cur
	start, end := uint32(at+h.size), uint32(w.off)
	// keyEnd is 0 only before the first key: a text ends behind its head.
	if l.keyEnd != 0 {
		switch c := bytes.Compare(w.b[l.keyStart:l.keyEnd], w.b[start:end]); {
		case c == 0:
			return fail(reasonDuplicateKey, at)
		case c > 0:
			l.unsorted = true
		}
	}
	l.keyStart, l.keyEnd = start, end
	w.s.keys = append(w.s.keys, uint32(at))
	return nil
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
