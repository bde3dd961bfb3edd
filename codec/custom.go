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

// maxCustom keeps one huge value from holding its memory for good.
const maxCustom = 64 << 10

// custom is what a library encoder needs, for one value.
type custom struct {
	out bytes.Buffer
	enc *msgpack.Encoder
}

var customs = sync.Pool{New: func() any {
	c := &custom{}
	c.enc = msgpack.NewEncoder(&c.out)
	return c
}}

// release gives c back. It is not called after a panic: a type that panics while it encodes may have left anything behind.
func (c *custom) release() {
	if c.out.Cap() <= maxCustom {
		customs.Put(c)
	}
}

// custom encodes a value whose type brings its own encoding.
func (e *encoder) custom(v reflect.Value, p *plan) *Error {
	switch v.Kind() {
	case reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		if v.IsNil() {
			e.b = AppendNil(e.b)
			return nil
		}
	}
	if p.customPtr {
		v = addressed(v).Addr()
	}
	c := customs.Get().(*custom)
	c.out.Reset()
	c.enc.Reset(&c.out) // also forgets options that the type has set
	c.enc.SetCustomStructTag("json")
	c.enc.SetSortMapKeys(true)
	c.enc.UseCompactInts(true)
	err := c.enc.Encode(v.Interface())
	switch {
	case err != nil:
		c.release()
		return &Error{Reason: reasonType, Offset: -1, Message: "the msgpack encoding of " + p.typ.String() + " failed", cause: err}
	case c.out.Len() == 0:
		c.release()
		return failf(reasonType, -1, "the msgpack encoding of "+p.typ.String()+" wrote nothing")
	}
	wrong := e.raw(c.out.Bytes())
	c.release()
	return wrong
}

// addressed is v, or a copy if v has no address: a value in a map or an interface whose methods want a pointer
// must not be encoded in another way than the same value in a field.
func addressed(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	held := reflect.New(v.Type()).Elem()
	held.Set(v)
	return held
}

// custom decodes the next value, which was checked and is not nil, into a type that brings its own decoding.
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
