package codec

import (
	"bytes"
	"reflect"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
)

// Types that bring their own encoding for msgpack/v5 (CustomEncoder, Marshaler, and
// their opposites) keep it: the library runs them, and what they wrote is checked and made
// canonical like everything else, so that a type of a user's or of another library fits in as it is.

var (
	customOut = []reflect.Type{reflect.TypeFor[msgpack.CustomEncoder](), reflect.TypeFor[msgpack.Marshaler]()}
	customIn  = []reflect.Type{reflect.TypeFor[msgpack.CustomDecoder](), reflect.TypeFor[msgpack.Unmarshaler]()}
)

func implementsOne(t reflect.Type, of []reflect.Type) bool {
	for _, i := range of {
		if t.Implements(i) {
			return true
		}
	}
	return false
}

// custom is what a library encoder or decoder needs, for one value.
type custom struct {
	out bytes.Buffer
	enc *msgpack.Encoder
}

var customs = sync.Pool{New: func() any {
	c := &custom{}
	c.enc = msgpack.NewEncoder(&c.out)
	return c
}}

// custom encodes a value whose type brings its own encoding.
func (e *encoder) custom(v reflect.Value, p *plan) *Error {
	if p.customPtr {
		v = v.Addr()
	}
	if v.Kind() == reflect.Pointer && v.IsNil() {
		e.b = AppendNil(e.b)
		return nil
	}
	c := customs.Get().(*custom)
	defer customs.Put(c)
	c.out.Reset()
	c.enc.Reset(&c.out) // also forgets options that the type has set
	c.enc.SetCustomStructTag("json")
	c.enc.SetSortMapKeys(true)
	c.enc.UseCompactInts(true)
	if err := c.enc.Encode(v.Interface()); err != nil {
		return &Error{Reason: reasonType, Offset: -1, Message: "the msgpack encoding of " + p.typ.String() + " failed", cause: err}
	}
	return e.raw(c.out.Bytes())
}

// custom decodes the next value, which was checked, into a type that brings its own decoding.
func (d *decoder) custom(v reflect.Value, p *plan) {
	at := d.pos
	raw := d.Raw()
	if d.err != nil {
		return
	}
	dec := msgpack.NewDecoder(bytes.NewReader(raw))
	dec.SetCustomStructTag("json")
	if err := dec.Decode(v.Addr().Interface()); err != nil {
		d.err = &Error{Reason: reasonType, Offset: at, Message: "the msgpack decoding of " + p.typ.String() + " failed", cause: err}
	}
}
