package transport

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

// What is framed where it lies is one message of RFC 6455, section 5.2, whatever its length.
func TestFramed(t *testing.T) {
	for _, size := range []int{0, 1, 7, 8, 31, 32, 33, 125, 126, 127, 1000, 65535, 65536, 70000} {
		for _, kind := range []struct{ json, mask, moved bool }{{}, {mask: true}, {json: true}, {json: true, mask: true}, {mask: true, moved: true}} {
			want := make([]byte, size)
			for i := range want {
				want[i] = byte(i * 7)
			}
			p := newBuffer(size + 1)
			p.b = append(p.b, want...)
			if kind.json {
				p.b = append(p.b, '\n')
			}
			if kind.moved {
				p.b = append(make([]byte, 0, size), p.b...)
			}
			got := unframed(t, p.framed(kind.json, kind.mask), kind.json, kind.mask)
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %+v: %d other ones", size, kind, len(got))
			}
		}
	}
}

// unframed is what a message carries, read byte by byte.
func unframed(t *testing.T, b []byte, json, masked bool) []byte {
	t.Helper()
	kind := byte(0x82)
	if json {
		kind = 0x81
	}
	if b[0] != kind || b[1]>>7 == 1 != masked {
		t.Fatalf("a header of %x", b[:2])
	}
	n := int(b[1] & 0x7f)
	b = b[2:]
	switch n {
	case 126:
		n, b = int(binary.BigEndian.Uint16(b)), b[2:]
	case 127:
		n, b = int(binary.BigEndian.Uint64(b)), b[8:]
	}
	if masked {
		key := b[:4]
		b = bytes.Clone(b[4:])
		for i := range b {
			b[i] ^= key[i%4]
		}
	}
	if n != len(b) {
		t.Fatalf("%d bytes, announced %d", len(b), n)
	}
	return b
}

// What a client's message costs to frame: its mask, mostly.
func BenchmarkFramed(b *testing.B) {
	for _, size := range []int{64, 4096, 65536} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			p := newBuffer(size)
			p.b = p.b[:size]
			b.SetBytes(int64(size))
			for b.Loop() {
				p.framed(false, true)
			}
		})
	}
}
