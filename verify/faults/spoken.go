package faults

import (
	"bytes"
	"encoding/binary"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/internal/disktest"
)

// spoken follows what a server writes to its connections, as WebSocket messages in msgpack (docs/PROTOCOL.md, sections 1 and
// 8), and knows the highest position of the log that anybody could have learned of.
type spoken struct {
	position uint64
	partial  map[int][]byte // by connection: what is not a whole WebSocket frame yet
	upgraded map[int]bool
}

// hear takes one write and reports whether the position has grown.
func (s *spoken) hear(e disktest.Event) bool {
	if s.partial == nil {
		s.partial, s.upgraded = map[int][]byte{}, map[int]bool{}
	}
	before := s.position
	b := append(s.partial[e.File], e.Data...)
	if !s.upgraded[e.File] {
		_, rest, ok := bytes.Cut(b, []byte("\r\n\r\n"))
		if ok {
			b = rest
			s.upgraded[e.File] = true
		} else {
			s.partial[e.File] = b
			return false
		}
	}
	for {
		opcode, payload, rest, ok := frame(b)
		if !ok {
			break
		}
		if b = rest; opcode <= 2 {
			s.message(payload)
		}
	}
	s.partial[e.File] = b
	return s.position > before
}

// frame takes one WebSocket frame of a server, which masks none (RFC 6455, section 5.2).
func frame(b []byte) (opcode byte, payload, rest []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	at, n := 2, uint64(b[1]&0x7f)
	switch n {
	case 126:
		if at = 4; len(b) < at {
			return 0, nil, nil, false
		}
		n = uint64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if at = 10; len(b) < at {
			return 0, nil, nil, false
		}
		n = binary.BigEndian.Uint64(b[2:])
	}
	if uint64(len(b)-at) < n {
		return 0, nil, nil, false
	}
	return b[0] & 0x0f, b[at : at+int(n)], b[at+int(n):], true
}

// positionAt is where frames of dstm, by kind, hold a position.
var positionAt = map[int64]int{2: 7, 4: 6, 8: 4, 10: 3, 12: 3}

// message takes the frames of a message apart.
func (s *spoken) message(b []byte) {
	for len(b) > 0 {
		values := codec.NewReader(b, 1)
		f := values.Array()
		if values.Err() != nil {
			return
		}
		b = values.Rest()
		pattern, kind := f.Int(), f.Int()
		at, ok := positionAt[kind]
		if pattern != 3 || !ok {
			continue
		}
		for range at - 2 {
			f.Skip()
		}
		if position := f.Int(); f.Err() == nil {
			s.position = max(s.position, uint64(position))
		}
	}
}
