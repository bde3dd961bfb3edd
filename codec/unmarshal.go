package codec

import (
	"encoding"
	"math"
	"reflect"
)

// Unmarshal checks that b is exactly one value and decodes it into what v
// points to. It is the inverse of [Marshal]: field names match exactly, keys
// without a field are passed over, fields without a key keep what they hold, nil
// sets zero. Nothing in v aliases b.
//
// Types with a decoding of their own for msgpack/v5 (CustomDecoder, Unmarshaler) keep it.
//
// An integer decodes into a float (rounded beyond 2^53), and a float that
// canonical form makes an integer decodes into an integer. A number that the Go
// field cannot hold is refused, never cut. Into an empty interface come nil,
// bool, int64, float64, string, []byte, time.Time (UTC), []any and
// map[string]any.
//
// A value is decoded as large as its Go type is: a list of n bytes may hold n elements, so
// the elements of a slice type that comes from a peer should not be huge structs, or the peer's frames be bounded accordingly.
//
// After an error, an [*Error], v may be filled in part.
func Unmarshal(b Raw, v any) error {
	if _, err := checkOne(b); err != nil {
		return err
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return failf(reasonType, -1, "Unmarshal needs a pointer that is not nil")
	}
	// The value is well-formed, so one cursor without counts goes through it.
	d := decoder{Reader{b: b, n: math.MaxInt}}
	if target, ok := v.(*any); ok {
		*target = d.any()
	} else {
		d.value(rv.Elem(), planOf(rv.Type().Elem()))
	}
	return d.Err()
}

// decoder reads checked bytes. It recurses once per open container, which the
// walker has bounded.
type decoder struct{ Reader }

// open consumes the head of a list or map alone.
func (d *decoder) open(want Kind) int {
	h, ok := d.next()
	if !ok {
		return 0
	}
	if h.kind != want {
		d.failKind(want, h.kind)
		return 0
	}
	d.pos += h.size
	return h.body
}

// any decodes the next value by what it is.
func (d *decoder) any() any {
	switch kind := d.Kind(); kind {
	case Bool:
		return d.Bool()
	case Int:
		return d.Int()
	case Float:
		return d.Float()
	case String:
		return d.String()
	case Bytes:
		return append([]byte{}, d.Bytes()...)
	case Time:
		return d.Time()
	case List:
		list := make([]any, d.open(List))
		for i := range list {
			list[i] = d.any()
		}
		return list
	case Map:
		n := d.open(Map)
		m := make(map[string]any, n)
		for range n {
			key := d.String()
			m[key] = d.any()
		}
		return m
	default:
		d.Nil()
		return nil
	}
}

func (d *decoder) value(v reflect.Value, p *plan) {
	if d.err != nil {
		return
	}
	if p.shape == shapeRaw {
		v.SetBytes(append([]byte{}, d.Raw()...))
		return
	}
	if d.Nil() {
		v.SetZero()
		return
	}
	if p.customIn {
		d.custom(v, p)
		return
	}
	if p.textIn && d.Kind() == String {
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(d.Text()); err != nil {
			d.err = &Error{Reason: reasonType, Offset: d.pos, Message: "UnmarshalText of " + p.typ.String() + " failed", cause: err}
		}
		return
	}
	switch p.shape {
	case shapeBool:
		v.SetBool(d.Bool())
	case shapeInt, shapeUint, shapeFloat:
		d.number(v, p)
	case shapeString:
		v.SetString(d.String())
	case shapeBytes:
		v.SetBytes(append([]byte{}, d.Bytes()...))
	case shapeTime:
		v.Set(reflect.ValueOf(d.Time()))
	case shapePointer:
		if v.IsNil() {
			v.Set(reflect.New(p.typ.Elem()))
		}
		d.value(v.Elem(), p.elem)
	case shapeAny:
		d.intoInterface(v)
	case shapeSlice:
		if p.typ == stringsType && v.CanInterface() {
			d.strings(v.Addr().Interface().(*[]string))
			return
		}
		d.slice(v, p)
	case shapeArray, shapeByteArray:
		d.array(v, p)
	case shapeMap:
		if p.typ == stringMapType && v.CanInterface() {
			d.stringMap(v.Addr().Interface().(*map[string]string))
			return
		}
		d.table(v, p)
	case shapeStruct:
		d.record(v, p)
	default:
		d.err = typeError("decode into", p.typ)
	}
}

func (d *decoder) number(v reflect.Value, p *plan) {
	at := d.pos
	fits := true
	switch p.shape {
	case shapeInt:
		i := d.Int()
		if fits = !v.OverflowInt(i); fits {
			v.SetInt(i)
		}
	case shapeUint:
		i := d.Int()
		if fits = i >= 0 && !v.OverflowUint(uint64(i)); fits {
			v.SetUint(uint64(i))
		}
	default:
		f := d.Float()
		if fits = !v.OverflowFloat(f); fits {
			v.SetFloat(f)
		}
	}
	if !fits && d.err == nil {
		d.err = failf(reasonIntegerRange, at, "number does not fit into Go type "+p.typ.String())
	}
}

func (d *decoder) intoInterface(v reflect.Value) {
	if v.NumMethod() != 0 {
		d.err = typeError("decode into", v.Type())
		return
	}
	if value := d.any(); value != nil {
		v.Set(reflect.ValueOf(value))
	}
}

func (d *decoder) slice(v reflect.Value, p *plan) {
	n := d.open(List)
	if d.err != nil {
		return
	}
	// Elements may be much larger than their encoding: room is made as they come.
	room := n
	if size := int(p.typ.Elem().Size()); size > 0 {
		room = min(n, max(16, 1<<16/size))
	}
	if n == 0 {
		v.Set(reflect.MakeSlice(p.typ, 0, 0))
		return
	}
	v.SetZero() // what it holds may be used elsewhere
	v.Grow(room)
	for i := 0; i < n && d.err == nil; i++ {
		if i == v.Cap() {
			v.Grow(1)
		}
		v.SetLen(i + 1)
		d.value(v.Index(i), p.elem)
	}
}

// array decodes a list, or bytes, of exactly the array's length.
func (d *decoder) array(v reflect.Value, p *plan) {
	at := d.pos
	var n int
	if p.shape == shapeByteArray {
		body := d.Bytes()
		if n = len(body); n == v.Len() && d.err == nil {
			copy(v.Bytes(), body)
			return
		}
	} else {
		n = d.open(List)
	}
	if d.err != nil {
		return
	}
	if n != v.Len() {
		d.err = failf(reasonKind, at, "length does not match Go type "+p.typ.String())
		return
	}
	for i := range n {
		d.value(v.Index(i), p.elem)
	}
}

func (d *decoder) table(v reflect.Value, p *plan) {
	n := d.open(Map)
	if d.err != nil {
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMapWithSize(p.typ, min(n, 1<<12)))
	}
	key, elem := reflect.New(p.typ.Key()).Elem(), reflect.New(p.typ.Elem()).Elem()
	for range n {
		key.SetString(d.String())
		elem.SetZero()
		d.value(elem, p.elem)
		if d.err != nil {
			return
		}
		v.SetMapIndex(key, elem)
	}
}

func (d *decoder) record(v reflect.Value, p *plan) {
	n := d.open(Map)
	next := 0 // in canonical form keys come in the order of the fields
	for i := 0; i < n && d.err == nil; i++ {
		at := p.find(d.Text(), next)
		if at < 0 {
			d.Skip()
			continue
		}
		next = at + 1
		f := &p.fields[at]
		if fv, ok := f.in(v); ok {
			d.value(fv, f.plan)
		} else {
			d.err = typeError("decode into the unexported pointer embedded in", p.typ)
		}
	}
}

// in is the field in the struct v, with the embedded pointers on the way made.
func (f *field) in(v reflect.Value) (reflect.Value, bool) {
	if len(f.index) == 1 {
		return v.Field(f.index[0]), true
	}
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, false
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, true
}
