package codec

import (
	"reflect"
	"slices"
)

// Maps from string to string are the maps that requests hold: labels, headers, options. Going
// through one by reflection takes several allocations for each entry, so they have a way of their own; BenchmarkStringMap compares the
// two. It is for this very type: one that is only made of it may have methods.
var stringMapType = reflect.TypeFor[map[string]string]()

// So have lists of strings: tags, names, topics.
var stringsType = reflect.TypeFor[[]string]()

// fewKeys is how many keys are sorted without an allocation.
const fewKeys = 16

// stringMap is table for a map[string]string.
func (e *encoder) stringMap(m map[string]string) *Error {
	if err := e.enter(); err != nil {
		return err
	}
	var few [fewKeys]string
	keys := few[:0]
	if len(m) > len(few) {
		keys = make([]string, 0, len(m))
	}
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	e.b = AppendMap(e.b, len(keys))
	for _, k := range keys {
		if err := e.text(k); err != nil {
			return err
		}
		if err := e.text(m[k]); err != nil {
			return err
		}
	}
	e.depth--
	return nil
}

// stringMap is table for a map[string]string.
func (d *decoder) stringMap(to *map[string]string) {
	n := d.open(Map)
	if d.err != nil {
		return
	}
	if *to == nil {
		*to = make(map[string]string, min(n, 1<<12))
	}
	m := *to
	for range n {
		key, value := d.String(), ""
		if !d.Nil() { // nil sets zero
			value = d.String()
		}
		if d.err != nil {
			return
		}
		m[key] = value
	}
}

// strings is slice for a []string.
func (d *decoder) strings(to *[]string) {
	n := d.open(List)
	if d.err != nil {
		return
	}
	list := make([]string, 0, min(n, 1<<12)) // not what it holds, which may be used elsewhere
	for range n {
		value := ""
		if !d.Nil() { // nil sets zero
			value = d.String()
		}
		if d.err != nil {
			break
		}
		list = append(list, value)
	}
	*to = list
}
