package rpc

import "github.com/trefoilgo/trefoil/codec"

// A call's input is encoded where it will stand in the frame, behind room for what is known only when the call is sent: its id, and how long it
// may take. So it need not be copied there. Where interceptors see the call they may replace its parts, or send it several
// times at once: then the frame is put together in a buffer of its own.

// callHead is how much room there is besides the procedure's name: the frame's own head, pattern and kind, the id, the head of the
// name, the timeout, the flags, and nil for the metadata.
const callHead = 3 + 9 + 3 + 9 + 1 + 1

// encode encodes in as the payload of req.
func encode[T any](req *Request, in *T) error {
	b := getBuffer()
	head := callHead + len(req.Procedure)
	if cap(*b) < head {
		*b = make([]byte, head, 512)
	}
	framed, err := codec.AppendOf((*b)[:head], in)
	*b = framed
	if err != nil {
		putBuffer(b)
		return err
	}
	req.room, req.head, req.Payload = b, uint16(head), framed[head:]
	return nil
}

// ours reports whether the payload is still the one that we encoded.
func (req *Request) ours() bool {
	return req.room != nil && same(req.Payload, (*req.room)[req.head:])
}

// frame is the frame of the call, valid until req is released; if borrowed is not nil it stands there.
func (req *Request) frame(id, timeout int64) (frame []byte, borrowed *[]byte) {
	if req.room != nil && !req.seen && len(req.Metadata) == 0 {
		b := *req.room
		head := appendCallHead(b[:0], id, req, timeout)
		begin := int(req.head) - len(head)
		copy(b[begin:], head)
		return b[begin:], nil
	}
	borrowed = getBuffer()
	*borrowed = appendCall((*borrowed)[:0], id, req, timeout)
	return *borrowed, borrowed
}
