package codec

import "time"

// Reader takes checked bytes apart, one value after another, without decoding
// what is not asked for. It is a value: copying it copies the position. Only one
// goroutine may use a Reader at a time.
//
// The first failure sticks: from then on each method returns its zero value and
// [Reader.Err] tells what went wrong. So a whole frame can be read and the
// error be looked at once, at the end.
//
// What Text, Bytes, Raw and Rest return aliases the input and is valid as long
// as that is; an append to it copies.
type Reader struct {
	b     []byte
	pos   int
	n     int
	err   *Error
	exact bool // b ends where the last of the n values does
}

// NewReader returns a Reader of the n values that stand at the start of b, one
// after another.
func NewReader(b []byte, n int) Reader { return Reader{b: b, n: n} }

// Reader returns a Reader of the one value that v is, none if v is absent. To
// enter its list or map costs nothing, whereas a Reader made by [NewReader] must
// first find where it ends.
func (v Raw) Reader() Reader {
	r := Reader{b: v, exact: true}
	if len(v) > 0 {
		r.n = 1
	}
	return r
}

// Len is how many values are left, keys counted as values; 0 after a failure.
func (r *Reader) Len() int {
	if r.err != nil {
		return 0
	}
	return r.n
}

// Err is the first failure, an [*Error], or nil. Running out of values to read
// is none as long as no method asks for more.
func (r *Reader) Err() error {
	if r.err != nil {
		return r.err
	}
	return nil
}

// Rest is the bytes of all values that are left, and of what follows them in the
// b of [NewReader]. It does not consume them.
func (r *Reader) Rest() []byte {
	if r.err != nil {
		return nil
	}
	return r.b[r.pos:len(r.b):len(r.b)]
}

func (r *Reader) fail(reason string) {
	if r.err == nil {
		r.err = fail(reason, r.pos)
	}
}

func (r *Reader) failKind(want, have Kind) {
	if r.err == nil {
		r.err = failf(reasonKind, r.pos, "found "+have.String()+" in place of "+want.String())
	}
}

// next reads the head of the next value, without consuming it. It fails if body
// or announced elements do not fit into the bytes left.
func (r *Reader) next() (head, bool) {
	if r.err != nil {
		return head{}, false
	}
	if r.n <= 0 {
		r.fail(reasonMissing)
		return head{}, false
	}
	h, reason := readHead(r.b[r.pos:])
	if reason != "" {
		r.fail(reason)
		return head{}, false
	}
	if h.body > len(r.b)-r.pos-h.size {
		r.fail(reasonTruncated)
		return head{}, false
	}
	return h, true
}

// body consumes a value of the given kind and returns what follows its head.
func (r *Reader) body(want Kind) []byte {
	if want == String && r.err == nil && r.n > 0 && r.pos < len(r.b) {
		// Nearly all strings in frames are short.
		if c := r.b[r.pos]; c >= codeFixStr && c < codeNil {
			start := r.pos + 1
			if end := start + int(c&31); end <= len(r.b) {
				r.pos = end
				r.n--
				return r.b[start:end:end]
			}
		}
	}
	h, ok := r.next()
	if !ok {
		return nil
	}
	if h.kind != want {
		r.failKind(want, h.kind)
		return nil
	}
	start := r.pos + h.size
	end := start + h.body
	r.pos = end
	r.n--
	return r.b[start:end:end]
}

// Kind is the kind of the next value, which stays the next; None at the end and
// after a failure. A float with an integral value within +-2^53 is an Int, as it
// is in canonical form.
func (r *Reader) Kind() Kind {
	if r.err != nil || r.n <= 0 {
		return None
	}
	h, ok := r.next()
	if ok && h.kind == Float {
		if _, exact := exactInt(floatAt(r.b[r.pos:])); exact {
			return Int
		}
	}
	return h.kind
}

// Nil consumes the next value if it is nil, and reports whether it was.
func (r *Reader) Nil() bool {
	if r.err != nil || r.n <= 0 || r.pos >= len(r.b) || r.b[r.pos] != codeNil {
		return false
	}
	r.pos++
	r.n--
	return true
}

// Int consumes an integer, or a float that canonical form makes one.
func (r *Reader) Int() int64 {
	if r.err == nil && r.n > 0 && r.pos < len(r.b) && r.b[r.pos] < codeFixMap {
		v := int64(r.b[r.pos])
		r.pos++
		r.n--
		return v
	}
	h, ok := r.next()
	if !ok {
		return 0
	}
	var v int64
	switch h.kind {
	case Int:
		v = intAt(r.b[r.pos:])
	case Float:
		if v, ok = exactInt(floatAt(r.b[r.pos:])); ok {
			break
		}
		fallthrough
	default:
		r.failKind(Int, h.kind)
		return 0
	}
	r.pos += h.size
	r.n--
	return v
}

// Float consumes a float or an integer; an integer beyond 2^53 is rounded.
func (r *Reader) Float() float64 {
	h, ok := r.next()
	if !ok {
		return 0
	}
	var v float64
	switch h.kind {
	case Float:
		v = floatAt(r.b[r.pos:])
	case Int:
		v = float64(intAt(r.b[r.pos:]))
	default:
		r.failKind(Float, h.kind)
		return 0
	}
	r.pos += h.size
	r.n--
	return v
}

// Bool consumes a bool.
func (r *Reader) Bool() bool {
	h, ok := r.next()
	if ok && h.kind != Bool {
		r.failKind(Bool, h.kind)
		ok = false
	}
	if !ok {
		return false
	}
	v := r.b[r.pos] == codeTrue
	r.pos++
	r.n--
	return v
}

// String consumes a string and returns a copy.
func (r *Reader) String() string { return string(r.body(String)) }

// Text consumes a string and returns its bytes, which alias the input; nil only
// after a failure.
func (r *Reader) Text() []byte { return r.body(String) }

// Bytes consumes bytes and returns them; they alias the input. They are nil only
// after a failure.
func (r *Reader) Bytes() []byte { return r.body(Bytes) }

// Time consumes a time, in UTC.
func (r *Reader) Time() time.Time {
	at := r.pos
	body := r.body(Time)
	if r.err != nil {
		return time.Time{}
	}
	seconds, nanos, ok := instantOf(body)
	if !ok {
		r.err = fail(reasonTime, at)
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanos)).UTC()
}

// Raw consumes a value of any kind and returns its bytes, which alias the input.
func (r *Reader) Raw() Raw {
	start := r.pos
	r.Skip()
	if r.err != nil {
		return nil
	}
	return Raw(r.b[start:r.pos:r.pos])
}

// Skip consumes a value of any kind. It does not recurse; its cost grows with
// the number of values inside, except for the last of a list or map, which costs
// nothing.
func (r *Reader) Skip() {
	if _, ok := r.next(); !ok {
		return
	}
	if r.exact && r.n == 1 {
		r.pos, r.n = len(r.b), 0
		return
	}
	end, reason := skip(r.b, r.pos)
	if reason != "" {
		r.fail(reason)
		return
	}
	r.pos = end
	r.n--
}

// Array consumes a list and returns a Reader of its elements. A failure of one
// Reader is not one of the other.
func (r *Reader) Array() Reader { return r.enter(List) }

// Map consumes a map and returns a Reader of its 2n values: key, value, key,
// value and so on, in the order of the bytes.
func (r *Reader) Map() Reader { return r.enter(Map) }

func (r *Reader) enter(want Kind) Reader {
	h, ok := r.next()
	if ok && h.kind != want {
		r.failKind(want, h.kind)
		ok = false
	}
	if !ok {
		return Reader{err: r.err}
	}
	sub := Reader{b: r.b, pos: r.pos + h.size, n: h.body, exact: true}
	if want == Map {
		sub.n *= 2
	}
	r.Skip()
	if r.err != nil {
		return Reader{err: r.err}
	}
	sub.b = r.b[:r.pos:r.pos]
	return sub
}

// skip is the end of the value at off.
func skip(b []byte, off int) (end int, reason string) {
	for pending := uint64(1); pending > 0; pending-- {
		if off >= len(b) {
			return 0, reasonTruncated
		}
		c := b[off]
		switch {
		case c < codeFixMap || c >= codeNegative:
			off++
			continue
		case c < codeFixArray:
			off++
			pending += 2 * uint64(c&15)
			continue
		case c < codeFixStr:
			off++
			pending += uint64(c & 15)
			continue
		case c < codeNil:
			off += 1 + int(c&31)
		default:
			h, reason := readHead(b[off:])
			if reason != "" {
				return 0, reason
			}
			off += h.size
			switch h.kind {
			case List:
				pending += uint64(h.body)
			case Map:
				pending += 2 * uint64(h.body)
			default:
				if h.body > len(b)-off {
					return 0, reasonTruncated
				}
				off += h.body
			}
		}
		if off > len(b) {
			return 0, reasonTruncated
		}
	}
	return off, ""
}
