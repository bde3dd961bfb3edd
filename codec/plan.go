package codec

import (
	"cmp"
	"encoding"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// shape is how values of a Go type are written and read.
type shape uint8

const (
	shapeNone shape = iota // has no place among the values
	shapeBool
	shapeInt
	shapeUint
	shapeFloat
	shapeString
	shapeBytes
	shapeByteArray
	shapeTime
	shapeRaw
	shapePointer
	shapeAny
	shapeSlice
	shapeArray
	shapeMap
	shapeStruct
)

// plan is what is known about a Go type. Plans are made once a type and then
// never change.
type plan struct {
	typ     reflect.Type
	shape   shape
	elem    *plan   // of pointer, slice, array, map
	fields  []field // of a struct, by name
	plain   bool    // of a struct: each field is its own, and always written
	textOut bool    // encoding.TextMarshaler, by value
	textPtr bool    // encoding.TextMarshaler, by pointer only
	textIn  bool    // encoding.TextUnmarshaler, by pointer
	// The type brings its own encoding for msgpack/v5: by value, by pointer only, and decoding.
	customOut, customPtr, customIn bool
}

// field is a struct's field as the wire sees it.
type field struct {
	name      string
	key       []byte // the name, encoded
	index     []int
	plan      *plan
	omitEmpty bool
	omitZero  bool
	tagged    bool
}

var (
	plans sync.Map // reflect.Type -> *plan

	timeType   = reflect.TypeFor[time.Time]()
	rawType    = reflect.TypeFor[Raw]()
	textOut    = reflect.TypeFor[encoding.TextMarshaler]()
	textIn     = reflect.TypeFor[encoding.TextUnmarshaler]()
	zeroerType = reflect.TypeFor[interface{ IsZero() bool }]()
)

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	// Types may contain themselves: a plan is entered before it is filled, and
	// published with all it points to.
	fresh := make(map[reflect.Type]*plan)
	p := makePlan(t, fresh)
	for t, made := range fresh {
		plans.LoadOrStore(t, made)
	}
	return p
}

func makePlan(t reflect.Type, fresh map[reflect.Type]*plan) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	if p, ok := fresh[t]; ok {
		return p
	}
	p := &plan{typ: t}
	fresh[t] = p
	switch t {
	case timeType:
		p.shape = shapeTime
		return p
	case rawType:
		p.shape = shapeRaw
		return p
	}
	if t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
		p.customOut = implementsOne(t, customOut)
		p.customPtr = !p.customOut && implementsOne(reflect.PointerTo(t), customOut)
		p.customIn = implementsOne(reflect.PointerTo(t), customIn)
		p.textOut = t.Implements(textOut)
		p.textPtr = !p.textOut && reflect.PointerTo(t).Implements(textOut)
		p.textIn = reflect.PointerTo(t).Implements(textIn)
	}
	p.shape = shapeOf(t)
	switch p.shape {
	case shapePointer, shapeSlice, shapeArray, shapeMap:
		p.elem = makePlan(t.Elem(), fresh)
	case shapeStruct:
		p.fields = fieldsOf(t)
		p.plain = true
		for i := range p.fields {
			f := &p.fields[i]
			f.key = AppendString(nil, f.name)
			p.plain = p.plain && len(f.index) == 1 && !f.omitEmpty && !f.omitZero
			f.plan = makePlan(t.FieldByIndex(f.index).Type, fresh)
		}
	}
	return p
}

func shapeOf(t reflect.Type) shape {
	switch t.Kind() {
	case reflect.Bool:
		return shapeBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return shapeInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return shapeUint
	case reflect.Float32, reflect.Float64:
		return shapeFloat
	case reflect.String:
		return shapeString
	case reflect.Pointer:
		return shapePointer
	case reflect.Interface:
		return shapeAny
	case reflect.Slice:
		if isByte(t.Elem()) {
			return shapeBytes
		}
		return shapeSlice
	case reflect.Array:
		if isByte(t.Elem()) {
			return shapeByteArray
		}
		return shapeArray
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return shapeMap
		}
	case reflect.Struct:
		return shapeStruct
	}
	return shapeNone
}

// isByte reports whether a list of t is bytes: not if t is a byte that writes itself in another way.
func isByte(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Kind() == reflect.Uint8 && !p.Implements(textOut) && !implementsOne(p, customOut)
}

// fieldsOf lists the fields of a struct by encoding/json's rules: embedded
// structs without a name give theirs; of several fields with one name the least
// deep counts, then the one with a tag, and none if that leaves several.
func fieldsOf(t reflect.Type) []field {
	type embedded struct {
		typ   reflect.Type
		index []int
	}
	var all []field
	seen := map[reflect.Type]bool{}
	for level := []embedded{{typ: t}}; len(level) > 0; {
		var deeper []embedded
		for _, e := range level {
			if seen[e.typ] {
				continue
			}
			seen[e.typ] = true
			for i := range e.typ.NumField() {
				sf := e.typ.Field(i)
				tag := sf.Tag.Get("json")
				index := append(slices.Clone(e.index), i)
				name, options, _ := strings.Cut(tag, ",")
				inner := sf.Type
				if inner.Kind() == reflect.Pointer {
					inner = inner.Elem()
				}
				isStruct := inner.Kind() == reflect.Struct
				switch {
				case tag == "-", !sf.IsExported() && !(sf.Anonymous && isStruct):
				case sf.Anonymous && name == "" && isStruct && inner != timeType:
					deeper = append(deeper, embedded{inner, index})
				case sf.IsExported():
					f := field{name: name, index: index, tagged: name != ""}
					if name == "" {
						f.name = sf.Name
					}
					for option := range strings.SplitSeq(options, ",") {
						f.omitEmpty = f.omitEmpty || option == "omitempty"
						f.omitZero = f.omitZero || option == "omitzero"
					}
					all = append(all, f)
				}
			}
		}
		level = deeper
	}
	return dominant(all)
}

// dominant sorts fields by name and drops those that others of their name hide.
func dominant(all []field) []field {
	rank := func(f field) int {
		if f.tagged {
			return 2 * len(f.index)
		}
		return 2*len(f.index) + 1
	}
	slices.SortStableFunc(all, func(x, y field) int {
		return cmp.Or(strings.Compare(x.name, y.name), cmp.Compare(rank(x), rank(y)))
	})
	kept := all[:0]
	for i := 0; i < len(all); {
		next := i + 1
		for next < len(all) && all[next].name == all[i].name {
			next++
		}
		if next == i+1 || rank(all[i]) < rank(all[i+1]) {
			kept = append(kept, all[i])
		}
		i = next
	}
	return kept
}

// find is where in fields the one with the name on the wire is, -1 if there is none. It looks first where the
// caller expects it.
func (p *plan) find(name []byte, expected int) int {
	if expected < len(p.fields) && p.fields[expected].name == string(name) {
		return expected
	}
	low, high := 0, len(p.fields)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if p.fields[middle].name < string(name) { // does not copy name
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low < len(p.fields) && p.fields[low].name == string(name) {
		return low
	}
	return -1
}
