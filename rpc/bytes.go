package rpc

import "github.com/trefoilgo/trefoil/codec"

// Input and result are copied where they arrive, for their frame is the transport's again at once, and a second time when they are decoded, for
// the program keeps what it gets. Bytes are decoded where they arrive instead, which is a copy and no more: thousands of bytes that are copied once
// in place of twice. Interceptors look at values that are encoded; where there are some it is not done.

// input is a value as it came, or, if it is bytes that were decoded already, what it holds.
type input struct {
	payload codec.Raw
	bytes   []byte // not nil then
}

// isBytes reports whether a T is bytes.
func isBytes[T any]() bool {
	_, is := any((*T)(nil)).(*[]byte)
	return is
}

// bytesOf decodes bytes, and returns nil if payload is anything else.
func bytesOf(payload codec.Raw) (b []byte) {
	if codec.UnmarshalOf(payload, &b) != nil {
		return nil
	}
	return b
}

// decode decodes in into v.
func decode[T any](in input, v *T) error {
	if in.bytes != nil {
		if b, is := any(v).(*[]byte); is {
			*b = in.bytes
			return nil
		}
	}
	return codec.UnmarshalOf(in.payload, v)
}
