package transport

import (
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
)

// AppendError appends err as the error array of docs/PROTOCOL.md, section 4.
// Details that have no place in the value model are left out rather than failing the answer.
func AppendError(b []byte, err *status.Error) []byte {
	b = codec.AppendArray(b, 5)
	b = codec.AppendInt(b, int64(err.Code))
	b = codec.AppendString(b, string(err.Reason))
	b = codec.AppendString(b, err.Message)
	details := codec.Raw(nil)
	if len(err.Details) > 0 {
		if raw, e := codec.Marshal(err.Details); e == nil {
			details = raw
		}
	}
	if details == nil {
		b = codec.AppendNil(b)
	} else {
		b = append(b, details...)
	}
	return codec.AppendBool(b, err.Unknown)
}

// ReadError reads the error array at r and moves behind it. A malformed one sets
// r's error and yields code internal, reason "transport.bad_error"; a code out of range is read as unknown.
func ReadError(r *codec.Reader) *status.Error {
	a := r.Array()
	e := &status.Error{Code: status.Code(0)}
	code := a.Int()
	e.Reason = status.Reason(a.String())
	e.Message = a.String()
	if code >= 1 && code <= 16 {
		e.Code = status.Code(code)
	} else {
		e.Code = status.Unknown
	}
	if a.Len() > 0 && !a.Nil() {
		if a.Kind() != codec.Map || codec.Unmarshal(a.Raw(), &e.Details) != nil {
			a.Map() // fails as any other wrong type, or for want of a value
		}
	}
	if a.Len() > 0 && !a.Nil() {
		e.Unknown = a.Bool()
	}
	if a.Err() != nil {
		*r = a // whoever goes on reading finds it
		return status.New(status.Internal, "transport.bad_error", "the peer sent a malformed error")
	}
	return e
}
