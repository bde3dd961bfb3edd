package rpc

import (
	"context"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// The kinds of frames and the flags of docs/PROTOCOL.md, section 6. Kinds 5 to 10 are reserved for streams.
const (
	kindCall   = 1
	kindResult = 2
	kindError  = 3
	kindCancel = 4

	flagNotify = 1 << 0 // no answer wanted
)

const (
	maxName = 255       // bytes of a procedure's name
	maxID   = 1<<53 - 1 // what a JavaScript number counts to exactly

	maxMetadata      = 32      // entries
	maxMetadataKey   = 255     // bytes
	maxMetadataValue = 4 << 10 // bytes

	// maxTimeout keeps a peer's timeout from overflowing a time.Duration; 34 years are as good as none.
	maxTimeout = int64(1) << 40 // ms
)

// wire is what a link needs of a [transport.Session].
type wire interface {
	ID() transport.ID
	Client() transport.ID
	Identity() transport.Identity
	Server() bool
	Context() context.Context
	TrySend(frame []byte) error
	Send(ctx context.Context, frame []byte) error
	Close(code transport.CloseCode, reason string)
}

func appendCall(b []byte, id int64, req *Request, timeout int64) []byte {
	return append(appendCallHead(b, id, req, timeout), req.Payload...)
}

// appendCallHead appends what stands before the payload.
func appendCallHead(b []byte, id int64, req *Request, timeout int64) []byte {
	flags := int64(0)
	if req.Notify {
		flags |= flagNotify
	}
	b = transport.AppendHeader(b, 8, transport.NumberRPC, kindCall)
	b = codec.AppendInt(b, id)
	b = codec.AppendString(b, req.Procedure)
	b = codec.AppendInt(b, timeout)
	b = codec.AppendInt(b, flags)
	return appendMetadata(b, req.Metadata)
}

func appendResult(b []byte, id int64, payload codec.Raw, md Metadata) []byte {
	b = appendResultHead(b, id, md)
	if len(payload) == 0 {
		b = codec.AppendNil(b)
	} else {
		b = append(b, payload...)
	}
	if len(md) > 0 {
		b = appendMetadata(b, md)
	}
	return b
}

// appendResultHead appends what stands before the payload.
func appendResultHead(b []byte, id int64, md Metadata) []byte {
	b = transport.AppendHeader(b, answerSize(md), transport.NumberRPC, kindResult)
	return codec.AppendInt(b, id)
}

func appendFailure(b []byte, id int64, err *status.Error, md Metadata) []byte {
	b = transport.AppendHeader(b, answerSize(md), transport.NumberRPC, kindError)
	b = codec.AppendInt(b, id)
	b = transport.AppendError(b, err)
	if len(md) > 0 {
		b = appendMetadata(b, md)
	}
	return b
}

func appendCancel(b []byte, id int64) []byte {
	b = transport.AppendHeader(b, 3, transport.NumberRPC, kindCancel)
	return codec.AppendInt(b, id)
}

// answerSize is the number of elements of an answer: without metadata that element is left out.
func answerSize(md Metadata) int {
	if len(md) > 0 {
		return 5
	}
	return 4
}

func appendMetadata(b []byte, md Metadata) []byte {
	if len(md) == 0 {
		return codec.AppendNil(b)
	}
	b = codec.AppendMap(b, len(md))
	for k, v := range md {
		b = codec.AppendString(b, k)
		b = codec.AppendString(b, v)
	}
	return b
}

// callFrame is an inbound call, taken apart. Procedure and payload alias the frame.
type callFrame struct {
	procedure []byte
	timeout   int64
	flags     int64
	metadata  Metadata
	payload   codec.Raw
	over      bool // the metadata exceed their limits
}

func readCall(r *codec.Reader) (c callFrame, err error) {
	c.procedure = r.Text()
	c.timeout = r.Int()
	c.flags = r.Int()
	c.metadata, c.over, err = readMetadata(r)
	c.payload = r.Raw()
	if err == nil {
		err = r.Err()
	}
	if err != nil || c.timeout < 0 {
		return c, malformed("call", err)
	}
	c.timeout = min(c.timeout, maxTimeout)
	return c, nil
}

// readMetadata reads a map from string to string, or nil, or nothing at the end of a frame. Over the limits it
// returns none and over.
func readMetadata(r *codec.Reader) (md Metadata, over bool, err error) {
	if r.Nil() || r.Len() == 0 {
		return nil, false, r.Err()
	}
	m := r.Map()
	n := m.Len() / 2
	over = n > maxMetadata
	if n > 0 && !over {
		md = make(Metadata, n)
	}
	for range n {
		k, v := m.Text(), m.Text()
		over = over || len(k) > maxMetadataKey || len(v) > maxMetadataValue
		if !over {
			md[string(k)] = string(v)
		}
	}
	if over {
		md = nil
	}
	return md, over, m.Err()
}

// timeoutOf is how long ctx has left in ms, rounded up, and 0 if it has no deadline.
func timeoutOf(ctx context.Context) int64 {
	d, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	left := time.Until(d)
	ms := int64((left + time.Millisecond - 1) / time.Millisecond)
	return min(max(ms, 1), maxTimeout)
}

// malformed ends the session as malformed, protocol as out of place (transport.Receiver).
func malformed(what string, err error) error {
	return status.New(status.InvalidArgument, "rpc.malformed", "malformed %s frame", what).Because(err)
}

func protocol(format string, args ...any) error {
	return status.New(status.FailedPrecondition, "rpc.protocol", format, args...)
}
