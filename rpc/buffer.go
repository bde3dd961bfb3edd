package rpc

import (
	"sync"

	"github.com/trefoilgo/trefoil/codec"
)

// maxPooled keeps one huge call from holding its memory for good.
const maxPooled = 64 << 10

var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 512)
	return &b
}}

// getBuffer borrows an empty buffer. Whoever grows it stores what it has become.
func getBuffer() *[]byte { return buffers.Get().(*[]byte) }

func putBuffer(b *[]byte) {
	if b == nil || cap(*b) > maxPooled {
		return
	}
	*b = (*b)[:0]
	buffers.Put(b)
}

// copyBuffer borrows a buffer that holds a copy of p.
func copyBuffer(p []byte) *[]byte {
	b := getBuffer()
	*b = append((*b)[:0], p...)
	return b
}

// release gives the payload's memory back. The caller has decoded it.
func (r *Response) release() {
	putBuffer(r.buf)
	r.buf, r.Payload = nil, nil
}

// release gives the payload's memory back, if that has not happened.
func (r *Request) release() {
	putBuffer(r.room)
	r.room, r.Payload = nil, nil
}

// same reports whether raw is still the value that we encoded into b, and not one that an interceptor put in its place.
func same(raw codec.Raw, b []byte) bool {
	return len(raw) == len(b) && len(b) > 0 && &raw[0] == &b[0]
}

// wellFormed reports whether raw is one value. A frame with anything else inside would end the session.
func wellFormed(raw codec.Raw) bool {
	n, err := codec.Check(raw)
	return err == nil && n == len(raw)
}
