package codec

import (
	"unicode/utf16"
	"unicode/utf8"
)

// string reads a JSON string. The result aliases the text or p.text, and is
// valid until the next string. UTF-8 is checked later, with the whole value;
// lone surrogates are refused here.
func (p *parser) string() ([]byte, *Error) {
	p.pos++
	start := p.pos
	for p.pos < len(p.in) {
		switch c := p.in[p.pos]; {
		case c == '"':
			p.pos++
			return p.in[start : p.pos-1], nil
		case c == '\\':
			p.text = append(p.text[:0], p.in[start:p.pos]...)
			return p.escaped()
		case c < ' ':
			return nil, p.fail("control character in a string")
		}
		p.pos++
	}
	return nil, p.fail("string without an end")
}

// escaped reads on in p.text from the first backslash.
func (p *parser) escaped() ([]byte, *Error) {
	for p.pos < len(p.in) {
		c := p.in[p.pos]
		switch {
		case c == '"':
			p.pos++
			return p.text, nil
		case c < ' ':
			return nil, p.fail("control character in a string")
		case c != '\\':
			p.text = append(p.text, c)
			p.pos++
			continue
		}
		if err := p.escape(); err != nil {
			return nil, err
		}
	}
	return nil, p.fail("string without an end")
}

// escape reads a backslash and what belongs to it.
func (p *parser) escape() *Error {
	if p.pos+1 >= len(p.in) {
		return p.fail("string without an end")
	}
	c := p.in[p.pos+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return p.unicode()
	default:
		return p.fail("unknown escape in a string")
	}
	p.text = append(p.text, c)
	p.pos += 2
	return nil
}

// unicode reads \uXXXX, or the two of a surrogate pair.
func (p *parser) unicode() *Error {
	r, ok := p.hex4(p.pos)
	if !ok {
		return p.fail("malformed \\u escape")
	}
	size := 6
	if utf16.IsSurrogate(r) {
		low, ok := p.hex4(p.pos + 6)
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return failf(reasonUTF8, p.pos, "lone surrogate in a string")
		}
		size = 12
	}
	p.text = utf8.AppendRune(p.text, r)
	p.pos += size
	return nil
}

// hex4 reads \uXXXX at i.
func (p *parser) hex4(i int) (rune, bool) {
	if i+6 > len(p.in) || p.in[i] != '\\' || p.in[i+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range p.in[i+2 : i+6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
