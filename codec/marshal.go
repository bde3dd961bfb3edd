package codec

import (
	"encoding"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// valueDepth is how deep a user's value may be nested, so that it fits into
// every frame without passing MaxDepth.
const valueDepth = MaxDepth - 8

// Marshal encodes a Go value in canonical form. It decides as encoding/json
// does, by `json` tags with omitempty and omitzero, except for this: []byte and
// byte arrays are bytes, a time.Time is a time, a [Raw] is the value it holds,
// floats keep NaN and infinities, and json.Marshaler is not asked (
// encoding.TextMarshaler is, and makes a string). A type with an encoding of its own for
// msgpack/v5 (CustomEncoder, Marshaler) keeps it, also where only its pointer has the
// methods. Nil pointers, slices, maps and interfaces are nil.
//
// What has no place among the values is refused with an [*Error]: integers
// above 2^63-1, map keys that are no strings, text that is not UTF-8, years
// outside 1 to 9999, channels, functions, complex numbers, and nesting deeper
// than MaxDepth-8 (a frame needs the rest), a cycle for example.
func Marshal(v any) (Raw, error) {
	b, err := AppendValue(nil, v)
	if err != nil {
		return nil, err
	}
	return Raw(b), nil
}

// AppendValue appends what [Marshal] would return. After an error b is returned
// as it was.
func AppendValue(b []byte, v any) ([]byte, error) {
	e := encoder{b: b}
	if err := e.any(v); err != nil {
		return b, err
	}
	return e.b, nil
}

type encoder struct {
	b     []byte
	depth int
	hops  int // pointers and interfaces followed on the way here
}

// any encodes common types without reflection.
func (e *encoder) any(v any) *Error {
	switch v := v.(type) {
	case nil:
		e.b = AppendNil(e.b)
	case bool:
		e.b = AppendBool(e.b, v)
	case int:
		e.b = AppendInt(e.b, int64(v))
	case int64:
		e.b = AppendInt(e.b, v)
	case float64:
		e.b = AppendFloat(e.b, v)
	case string:
		return e.text(v)
	case []byte:
		if v == nil {
			e.b = AppendNil(e.b)
			return nil
		}
		e.b = AppendBytes(e.b, v)
	case time.Time:
		return e.time(v)
	case Raw:
		return e.raw(v)
	default:
		rv := reflect.ValueOf(v)
		return e.value(rv, planOf(rv.Type()))
	}
	return nil
}

func (e *encoder) text(s string) *Error {
	if !utf8.ValidString(s) {
		return fail(reasonUTF8, -1)
	}
	e.b = AppendString(e.b, s)
	return nil
}

func (e *encoder) time(t time.Time) *Error {
	if s := t.Unix(); s < minSecond || s >= endSecond {
		return fail(reasonTime, -1)
	}
	e.b = AppendTime(e.b, t)
	return nil
}

// raw writes a value that came encoded.
func (e *encoder) raw(v Raw) *Error {
	if v == nil {
		e.b = AppendNil(e.b)
		return nil
	}
	n, _, err := walk(v, valueDepth-e.depth)
	if err == nil && n != len(v) {
		err = fail(reasonTrailing, n)
	}
	if err != nil {
		return err
	}
	e.b, _ = Canonical(e.b, v)
	return nil
}

func (e *encoder) enter() *Error {
	if e.depth == valueDepth {
		return fail(reasonDepth, -1)
	}
	e.depth++
	return nil
}

func (e *encoder) value(v reflect.Value, p *plan) *Error {
	if p.customOut || p.customPtr {
		return e.custom(v, p)
	}
	if p.textOut || p.textPtr && v.CanAddr() {
		return e.marshaler(v, p)
	}
	switch p.shape {
	case shapeBool:
		e.b = AppendBool(e.b, v.Bool())
	case shapeInt:
		e.b = AppendInt(e.b, v.Int())
	case shapeUint:
		if v.Uint() > math.MaxInt64 {
			return fail(reasonIntegerRange, -1)
		}
		e.b = AppendInt(e.b, int64(v.Uint()))
	case shapeFloat:
		e.b = AppendFloat(e.b, v.Float())
	case shapeString:
		return e.text(v.String())
	case shapeTime:
		return e.time(v.Interface().(time.Time))
	case shapeRaw:
		return e.raw(Raw(v.Bytes()))
	case shapeByteArray:
		e.byteArray(v)
	case shapePointer:
		return e.follow(v, p.elem)
	case shapeAny:
		return e.follow(v, nil)
	case shapeArray:
		return e.list(v, p)
	case shapeStruct:
		return e.record(v, p)
	case shapeBytes, shapeSlice, shapeMap:
		switch {
		case v.IsNil():
			e.b = AppendNil(e.b)
		case p.shape == shapeBytes:
			e.b = AppendBytes(e.b, v.Bytes())
		case p.shape == shapeSlice:
			return e.list(v, p)
		case p.typ == stringMapType && v.CanInterface():
			return e.stringMap(v.Interface().(map[string]string))
		default:
			return e.table(v, p)
		}
	default:
		return typeError("encode", v.Type())
	}
	return nil
}

func typeError(verb string, t reflect.Type) *Error {
	return failf(reasonType, -1, "cannot "+verb+" Go type "+t.String())
}

func (e *encoder) marshaler(v reflect.Value, p *plan) *Error {
	if p.textPtr {
		v = v.Addr()
	}
	text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return &Error{Reason: reasonType, Offset: -1, Message: "MarshalText of " + p.typ.String() + " failed", cause: err}
	}
	return e.text(string(text))
}

// follow encodes what a pointer or an interface leads to.
func (e *encoder) follow(v reflect.Value, p *plan) *Error {
	if v.IsNil() {
		e.b = AppendNil(e.b)
		return nil
	}
	// A pointer that leads to itself opens no container on the way.
	if e.hops++; e.hops > 4*MaxDepth {
		return fail(reasonDepth, -1)
	}
	defer func() { e.hops-- }()
	if p == nil {
		return e.any(v.Elem().Interface())
	}
	return e.value(v.Elem(), p)
}

func (e *encoder) byteArray(v reflect.Value) {
	n := v.Len()
	e.b = appendBytesHeader(e.b, n)
	if v.CanAddr() {
		e.b = append(e.b, v.Bytes()...)
		return
	}
	for i := range n {
		e.b = append(e.b, byte(v.Index(i).Uint()))
	}
}

func (e *encoder) list(v reflect.Value, p *plan) *Error {
	if err := e.enter(); err != nil {
		return err
	}
	n := v.Len()
	e.b = AppendArray(e.b, n)
	for i := range n {
		if err := e.value(v.Index(i), p.elem); err != nil {
			return err
		}
	}
	e.depth--
	return nil
}

func (e *encoder) table(v reflect.Value, p *plan) *Error {
	if err := e.enter(); err != nil {
		return err
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
	e.b = AppendMap(e.b, len(keys))
	for _, k := range keys {
		if err := e.text(k.String()); err != nil {
			return err
		}
		if err := e.value(v.MapIndex(k), p.elem); err != nil {
			return err
		}
	}
	e.depth--
	return nil
}

func (e *encoder) record(v reflect.Value, p *plan) *Error {
	if err := e.enter(); err != nil {
		return err
	}
	n := len(p.fields)
	if !p.plain {
		n = 0
		for i := range p.fields {
			if _, present := p.fields[i].of(v); present {
				n++
			}
		}
	}
	e.b = AppendMap(e.b, n)
	for i := range p.fields {
		f := &p.fields[i]
		fv, present := v, true
		if p.plain {
			fv = v.Field(f.index[0])
		} else if fv, present = f.of(v); !present {
			continue
		}
		e.b = append(e.b, f.key...)
		if err := e.value(fv, f.plan); err != nil {
			return err
		}
	}
	e.depth--
	return nil
}

// of is the field's value in the struct v, and whether it is to be written.
func (f *field) of(v reflect.Value) (reflect.Value, bool) {
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	if f.omitEmpty && isEmpty(v) || f.omitZero && isZero(v) {
		return v, false
	}
	return v, true
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

func isZero(v reflect.Value) bool {
	if v.Type().Implements(zeroerType) && (v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface || !v.IsNil()) {
		return v.Interface().(interface{ IsZero() bool }).IsZero()
	}
	return v.IsZero()
}
