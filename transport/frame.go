package transport

import (
	"encoding/binary"
	"math/rand/v2"
)

// Messages are framed here, not by gorilla, where what was queued lies already, with the header before it: gorilla copies each
// into a buffer of its own, sets a deadline for each write, and cannot try one. See trier.

// headerRoom is what a buffer leaves before it, and no less than the longest header: two bytes, eight for the length, four
// for the mask.
const headerRoom = 16

const maskBit = 0x80

// framed makes of p, which holds frames, one WebSocket message of one frame (RFC 6455, section 5.2), masked as a
// client's must be. JSON ends with an LF, which is not sent. p is of no other use then than to be released when the
// message is.
func (p *buffer) framed(json, mask bool) []byte {
	if len(p.b) == 0 || &p.b[0] != &p.full[headerRoom] { // an append has taken it elsewhere
		moved := newBuffer(len(p.b))
		moved.b = append(moved.b, p.b...)
		*p = *moved
	}
	size := len(p.b)
	if json && size > 0 && p.b[size-1] == '\n' {
		size--
	}
	var header [headerRoom]byte
	h := appendMessageHeader(header[:0], json, size)
	if mask {
		// The key must be strong, and math/rand/v2 is: ChaCha8, seeded by the system (section 5.3).
		key := rand.Uint32()
		h[1] |= maskBit
		h = binary.LittleEndian.AppendUint32(h, key)
		maskWith(key, p.b[:size])
	}
	begin := headerRoom - len(h)
	copy(p.full[begin:], h)
	return p.full[begin : headerRoom+size]
}

// appendMessageHeader appends the header of a message of size bytes, without a mask.
func appendMessageHeader(b []byte, json bool, size int) []byte {
	const final, text, binaryKind = 0x80, 1, 2
	if json {
		b = append(b, final|text)
	} else {
		b = append(b, final|binaryKind)
	}
	switch {
	case size < 126:
		return append(b, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(b, 127), uint64(size))
}

// maskWith masks b, whose first byte meets the lowest one of the key.
func maskWith(key uint32, b []byte) {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 32 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		binary.LittleEndian.PutUint64(b[8:], binary.LittleEndian.Uint64(b[8:])^wide)
		binary.LittleEndian.PutUint64(b[16:], binary.LittleEndian.Uint64(b[16:])^wide)
		binary.LittleEndian.PutUint64(b[24:], binary.LittleEndian.Uint64(b[24:])^wide)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(wide)
		wide >>= 8
	}
}

// messagePayload is what a message that is not masked carries.
func messagePayload(framed []byte) []byte {
	switch {
	case len(framed) == 0:
		return nil
	case framed[1] < 126:
		return framed[2:]
	case framed[1] == 126:
		return framed[4:]
	}
	return framed[10:]
}
