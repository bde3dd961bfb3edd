package codec

import (
	"slices"
	"strconv"
	"sync"
)

// FromJSON appends to dst the value that text is the JSON of, the inverse of
// [ToJSON]. The text must be exactly one JSON value (RFC 8259), with white space
// around it if any. A number is the float64 that JavaScript reads it as, which
// within +-2^53, if it is integral, is that integer; one beyond float64 is
// refused. An object with a single key that begins with $ must be one of
// ToJSON's wrappers.
//
// The value is checked as [Check] does: no key twice, no lone surrogate, depth
// at most [MaxDepth] (wrappers do not count). The result is at most 2.25 times as
// long as the text, but for a few bytes. After an error, an [*Error], dst is
// returned as it was; the error has no Offset where the defect is not one of
// syntax.
func FromJSON(dst []byte, text []byte) ([]byte, error) {
	p := parsers.Get().(*parser)
	defer p.release()
	p.in, p.pos, p.out, p.stack = text, 0, dst, p.stack[:0]
	if err := p.run(); err != nil {
		return dst, err
	}
	if _, err := checkOne(p.out[len(dst):]); err != nil {
		err.Offset = -1 // it is one in what was written, not in the text
		return dst, err
	}
	return p.out, nil
}

// parser reads JSON text and writes msgpack. It is not built on encoding/json's
// token decoder: that one puts U+FFFD in place of bad UTF-8 and of lone
// surrogates without a word, so that half a tokenizer would have to run before
// it, and it allocates for each token (docs/decisions/0002-json-at-the-edge.md
// has figures). This one does not recurse, and keeps nothing but the open
// containers.
type parser struct {
	in    []byte
	pos   int
	out   []byte
	stack []open
	text  []byte // an unescaped string
}

// open is a container whose end has not been read.
type open struct {
	start  int // of its head in parser.out, one byte until its length is known
	count  int // elements or pairs that are complete
	isMap  bool
	dollar bool // a map whose first key begins with $
	asMap  bool // a map whose first key is $map
	known  bool // plain is decided
	plain  bool // what a {"$map": ...} holds: a single $ in it means nothing
}

var parsers = sync.Pool{New: func() any { return new(parser) }}

func (p *parser) release() {
	p.in, p.out = nil, nil
	if cap(p.text) <= 1<<16 {
		parsers.Put(p)
	}
}

func (p *parser) fail(message string) *Error { return failf(reasonJSON, p.pos, message) }

// peek is the next byte that is no white space, 0 at the end.
func (p *parser) peek() byte {
	for ; p.pos < len(p.in); p.pos++ {
		switch c := p.in[p.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (p *parser) run() *Error {
	for {
		opened, err := p.begin()
		if err != nil {
			return err
		}
		if opened {
			continue
		}
		more, err := p.after()
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	if p.peek(); p.pos != len(p.in) {
		return p.fail("text after the JSON value")
	}
	return nil
}

// begin reads a value, or the start of a container that is not empty; then it
// reports true, and the container's first value comes next.
func (p *parser) begin() (opened bool, err *Error) {
	switch c := p.peek(); c {
	case '{', '[':
		return p.open(c)
	case '"':
		text, err := p.string()
		if err == nil {
			p.out = append(appendStringHeader(p.out, len(text)), text...)
		}
		return false, err
	case 't':
		p.out = AppendBool(p.out, true)
		return false, p.literal("true")
	case 'f':
		p.out = AppendBool(p.out, false)
		return false, p.literal("false")
	case 'n':
		p.out = AppendNil(p.out)
		return false, p.literal("null")
	}
	return false, p.number()
}

func (p *parser) open(c byte) (bool, *Error) {
	// Each level may be wrapped once, and the innermost be a wrapper.
	if len(p.stack) > 2*MaxDepth {
		return false, fail(reasonDepth, p.pos)
	}
	p.pos++
	p.stack = append(p.stack, open{start: len(p.out), isMap: c == '{'})
	p.out = append(p.out, 0)
	if p.peek() == c+2 { // both closing brackets stand two behind their opening ones
		p.pos++
		return false, p.close()
	}
	if c == '{' {
		return true, p.key()
	}
	return true, nil
}

// after reads what follows a value: a comma, and with it true is returned, or
// the ends of containers.
func (p *parser) after() (more bool, err *Error) {
	for len(p.stack) > 0 {
		top := &p.stack[len(p.stack)-1]
		top.count++
		closing := byte(']')
		if top.isMap {
			closing = '}'
		}
		switch c := p.peek(); {
		case c == ',':
			p.pos++
			if top.isMap {
				return true, p.key()
			}
			return true, nil
		case c == closing:
			p.pos++
			if err := p.close(); err != nil {
				return false, err
			}
		default:
			return false, p.fail("no comma and no end of the list or object")
		}
	}
	return false, nil
}

func (p *parser) key() *Error {
	if p.peek() != '"' {
		return p.fail("no key")
	}
	text, err := p.string()
	if err != nil {
		return err
	}
	if top := &p.stack[len(p.stack)-1]; top.count == 0 && len(text) > 0 && text[0] == '$' {
		top.dollar, top.asMap = true, string(text) == "$map"
	}
	p.out = append(appendStringHeader(p.out, len(text)), text...)
	if p.peek() != ':' {
		return p.fail("no colon after a key")
	}
	p.pos++
	return nil
}

// close ends the innermost container: its head gets its length, or the wrapper
// that it is becomes what it stands for.
func (p *parser) close() *Error {
	top := p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	if top.dollar && top.count == 1 && !p.isPlain(&top) {
		return p.unwrap(top.start)
	}
	var head [5]byte
	h := AppendArray(head[:0], top.count)
	if top.isMap {
		h = AppendMap(head[:0], top.count)
	}
	if len(h) > 1 {
		p.out = slices.Insert(p.out, top.start+1, h[1:]...)
	}
	p.out[top.start] = h[0]
	return nil
}

// isPlain reports whether the container that just ended, with a single key that
// begins with $, is what a {"$map": ...} holds, and so no wrapper itself. That
// depends on whether what is around it has further keys, and is itself held by a
// {"$map": ...}: so the ends that follow are looked at, once for all of them.
func (p *parser) isPlain(c *open) bool {
	if c.known {
		return c.plain
	}
	around := len(p.stack) // the outermost {"$map": ...} without further keys
	here := p.pos
	for around > 0 && p.stack[around-1].asMap && p.stack[around-1].count == 0 && p.peek() == '}' {
		p.pos++
		around--
	}
	p.pos = here
	// The outermost is a wrapper, what it holds is plain, what that holds is a
	// wrapper again.
	plain := false
	for i := around; i < len(p.stack); i++ {
		p.stack[i].known, p.stack[i].plain = true, plain
		plain = !plain
	}
	return plain
}

func (p *parser) literal(word string) *Error {
	if len(p.in)-p.pos < len(word) || string(p.in[p.pos:p.pos+len(word)]) != word {
		return p.fail("not a JSON value")
	}
	p.pos += len(word)
	return nil
}

func (p *parser) number() *Error {
	end, integral, problem := scanNumber(p.in, p.pos)
	if problem != "" {
		return p.fail(problem)
	}
	text := p.in[p.pos:end]
	if integral && len(text) <= 15 { // below 2^53
		p.out = AppendInt(p.out, smallInt(text))
	} else {
		v, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			return p.fail("number beyond float64")
		}
		p.out = AppendFloat(p.out, v)
	}
	p.pos = end
	return nil
}

func smallInt(text []byte) int64 {
	digits := text
	if text[0] == '-' {
		digits = text[1:]
	}
	var v int64
	for _, c := range digits {
		v = 10*v + int64(c-'0')
	}
	if text[0] == '-' {
		return -v
	}
	return v
}

// scanNumber finds the end of the number at i (RFC 8259 section 6), and whether
// it has neither fraction nor exponent.
func scanNumber(b []byte, i int) (end int, integral bool, problem string) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	first := i
	if i = digitsEnd(b, i); i == first || b[first] == '0' && i > first+1 {
		return 0, false, "not a JSON value"
	}
	integral = true
	if i < len(b) && b[i] == '.' {
		integral = false
		point := i
		if i = digitsEnd(b, point+1); i == point+1 {
			return 0, false, "no digit after the decimal point"
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		integral = false
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		sign := i
		if i = digitsEnd(b, sign); i == sign {
			return 0, false, "no digit in the exponent"
		}
	}
	return i, integral, ""
}

func digitsEnd(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}
