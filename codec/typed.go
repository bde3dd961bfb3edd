package codec

import "unicode/utf8"

// The functions of this file do what [AppendValue] and [Unmarshal] do, for a value whose type is known where the program is compiled. Those
// take an interface, so that what they are given escapes to the heap, on each side of each call of rpc twice; these do
// without for bytes and text, which need no reflection either. BenchmarkTyped measures it.

// AppendOf appends *v as [AppendValue] would; bytes and text without an allocation.
func AppendOf[T any](b []byte, v *T) ([]byte, error) {
	switch p := any(v).(type) {
	case *[]byte:
		if *p == nil {
			return AppendNil(b), nil
		}
		return AppendBytes(b, *p), nil
	case *string:
		if utf8.ValidString(*p) {
			return AppendString(b, *p), nil
		}
	}
	return AppendValue(b, *v)
}

// UnmarshalOf decodes b into *v as [Unmarshal] would.
func UnmarshalOf[T any](b Raw, v *T) error {
	switch p := any(v).(type) {
	case *[]byte:
		if body, ok := only(b, Bytes); ok {
			own := make([]byte, len(body)) // not cleared, since all of it is copied to
			copy(own, body)
			*p = own
			return nil
		}
	case *string:
		if body, ok := only(b, String); ok && utf8.Valid(body) {
			*p = string(body)
			return nil
		}
	}
	own := new(T) // so that v does not escape above
	*own = *v
	err := Unmarshal(b, own)
	*v = *own
	return err
}

// only is what follows the head if b is one value of the given kind and nothing else. Text is not checked.
func only(b []byte, want Kind) ([]byte, bool) {
	h, reason := readHead(b)
	if reason != "" || h.kind != want || len(b) != h.size+h.body {
		return nil, false
	}
	return b[h.size:len(b):len(b)], true
}
