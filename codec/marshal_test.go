package codec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/trefoilgo/trefoil/codec"
)

type inner struct {
	Deep int `json:"deep"`
}

type Shared struct {
	Common string `json:"common"`
	Hidden string `json:"name"` // Everything.Name is less deep
}

type Everything struct {
	Shared
	*Linked
	Name    string `json:"name"`
	Plain   int    // no tag
	Skipped int    `json:"-"`
	//lint:ignore SA5008 the name of this one is "-", as in encoding/json
	Dash     int               `json:"-,"`
	Empty    []int             `json:"empty,omitempty"`
	Zero     time.Time         `json:"zero,omitzero"`
	When     time.Time         `json:"when"`
	Data     []byte            `json:"data"`
	ID       [16]byte          `json:"id"`
	Small    int8              `json:"small"`
	Unsigned uint32            `json:"unsigned"`
	F32      float32           `json:"f32"`
	F64      float64           `json:"f64"`
	Pointer  *inner            `json:"pointer"`
	Nil      *inner            `json:"nil"`
	List     []inner           `json:"list"`
	Pair     [2]string         `json:"pair"`
	Table    map[string]inner  `json:"table"`
	Any      any               `json:"any"`
	Raw      codec.Raw         `json:"raw"`
	Addr     netip.Addr        `json:"addr"` // encoding.TextMarshaler
	Next     *Everything       `json:"next,omitempty"`
	Labels   map[label]float64 `json:"labels"`
	private  int
}

type Linked struct{ Link string }

type label string

func everything() Everything {
	return Everything{
		Shared: Shared{Common: "c"}, Linked: &Linked{"l"}, Name: "n", Plain: -5, Dash: 1,
		When: time.Date(2026, 11, 21, 9, 30, 0, 7, time.UTC), Data: []byte{0, 255}, ID: [16]byte{1, 15: 2},
		Small: -128, Unsigned: math.MaxUint32, F32: 0.1, F64: 3, Pointer: &inner{1}, List: []inner{{2}, {3}}, Pair: [2]string{"a", "b"},
		Table: map[string]inner{"z": {4}, "a": {5}}, Any: map[string]any{"list": []any{int64(1), 1.5, "s", nil, true, []byte("b")}},
		Raw: codec.Raw("\x92\x01\x02"), Addr: netip.MustParseAddr("10.0.0.1"), Next: &Everything{Name: "inside", Raw: codec.Raw{0xc0}},
		Labels: map[label]float64{"x": 0.5}, private: 1,
	}
}

func TestMarshalRoundTrip(t *testing.T) {
	in := everything()
	b, err := codec.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if !codec.IsCanonical(b) {
		t.Error("not canonical")
	}
	var out Everything
	if err := codec.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if in.private = 0; !reflect.DeepEqual(in, out) {
		t.Errorf("got  %+v\nwant %+v", out, in)
	}
	var names map[string]codec.Raw
	if err := codec.Unmarshal(b, &names); err != nil {
		t.Fatal(err)
	}
	for _, absent := range []string{"Skipped", "private", "empty", "zero", "Shared", "Linked"} {
		if _, found := names[absent]; found {
			t.Errorf("%s is written", absent)
		}
	}
	for name, want := range map[string]string{"name": "\xa1n", "common": "\xa1c", "Link": "\xa1l", "-": "\x01", "Plain": "\xfb", "nil": "\xc0", "f64": "\x03", "raw": "\x92\x01\x02", "addr": "\xa810.0.0.1", "list": "\x92\x81\xa4deep\x02\x81\xa4deep\x03"} {
		if string(names[name]) != want {
			t.Errorf("%s is %q, want %q", name, names[name], want)
		}
	}
	// The keys are those of encoding/json.
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]json.RawMessage
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for name := range want {
		if _, found := names[name]; !found {
			t.Errorf("%s is not written", name)
		}
	}
	if len(names) != len(want) {
		t.Errorf("%d fields, encoding/json has %d", len(names), len(want))
	}
}

func TestMarshalValues(t *testing.T) {
	var nilPointer *inner
	var nilMap map[string]int
	for _, c := range []struct {
		in   any
		want string
	}{
		{nil, "\xc0"}, {nilPointer, "\xc0"}, {nilMap, "\xc0"}, {[]byte(nil), "\xc0"}, {[]int(nil), "\xc0"}, {codec.Raw(nil), "\xc0"},
		{[]byte{}, "\xc4\x00"}, {[]int{}, "\x90"}, {map[string]int{}, "\x80"}, {struct{}{}, "\x80"},
		{uint8(200), "\xcc\xc8"}, {uint64(math.MaxInt64), "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"}, {float32(2), "\x02"}, {math.Copysign(0, -1), "\x00"},
		{map[string]any{"b": 1, "a": int8(-1)}, "\x82\xa1a\xff\xa1b\x01"}, {codec.Raw("\x82\xa1b\x01\xa1a\xd0\x01"), "\x82\xa1a\x01\xa1b\x01"},
		{[3]byte{1, 2, 3}, "\xc4\x03\x01\x02\x03"}, {&[3]byte{1, 2, 3}, "\xc4\x03\x01\x02\x03"}, {label("x"), "\xa1x"},
		{time.Unix(1, 0), "\xd6\xff\x00\x00\x00\x01"}, {[]any{[]string{"a"}, &inner{1}}, "\x92\x91\xa1a\x81\xa4deep\x01"},
	} {
		got, err := codec.Marshal(c.in)
		if err != nil || string(got) != c.want {
			t.Errorf("%#v: %x, %v, want %x", c.in, got, err, c.want)
		}
	}
}

type badText struct{}

var errBadText = errors.New("bad text")

func (badText) MarshalText() ([]byte, error)     { return nil, errBadText }
func (*badText) UnmarshalText(text []byte) error { return errBadText }

type ring *ring

func TestMarshalRefuses(t *testing.T) {
	cycle := map[string]any{}
	cycle["self"] = cycle
	var loop ring
	loop = &loop
	list := any(nil)
	for range codec.MaxDepth - 7 {
		list = []any{list}
	}
	for _, c := range []struct {
		in     any
		reason string
	}{
		{uint64(1 << 63), "codec.integer_range"}, {map[int]int{1: 1}, "codec.type"}, {make(chan int), "codec.type"}, {func() {}, "codec.type"},
		{complex(1, 1), "codec.type"}, {struct{ C chan int }{}, "codec.type"}, {"\xff", "codec.utf8"}, {map[string]int{"\xff": 1}, "codec.utf8"},
		{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "codec.time"}, {time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC), "codec.time"},
		{cycle, "codec.depth"}, {loop, "codec.depth"}, {list, "codec.depth"}, {[]any{codec.Raw(bytes.Repeat([]byte{0x91}, 56))}, "codec.depth"},
		{codec.Raw{}, "codec.truncated"}, {codec.Raw{1, 2}, "codec.trailing"}, {[]codec.Raw{{0xc1}}, "codec.invalid_code"}, {badText{}, "codec.type"},
	} {
		b, err := codec.AppendValue([]byte("x"), c.in)
		wantReason(t, err, c.reason)
		if string(b) != "x" {
			t.Errorf("b is %q after an error", b)
		}
	}
	if _, err := codec.Marshal(badText{}); !errors.Is(err, errBadText) {
		t.Errorf("%v does not wrap its cause", err)
	}
	// One level less goes, and then fits into a frame.
	if b, err := codec.Marshal(list.([]any)[0]); err != nil {
		t.Error(err)
	} else if _, err := codec.Check(append(bytes.Repeat([]byte{0x91}, 8), b...)); err != nil {
		t.Error(err)
	}
}

func into[T any](b string) (T, error) {
	var v T
	err := codec.Unmarshal(codec.Raw(b), &v)
	return v, err
}

func want[T any](t *testing.T, b string, want T) {
	t.Helper()
	if got, err := into[T](b); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%x: %#v, %v, want %#v", b, got, err, want)
	}
}

func refuses[T any](t *testing.T, b, reason string) {
	t.Helper()
	_, err := into[T](b)
	wantReason(t, err, reason)
}

func TestUnmarshalNumbers(t *testing.T) {
	want(t, "\xcb\x40\x00\x00\x00\x00\x00\x00\x00", int64(2))
	want(t, "\xcb\x40\x00\x00\x00\x00\x00\x00\x00", uint8(2))
	want(t, "\xca\x40\x00\x00\x00", int32(2))
	want(t, "\x02", 2.0)
	want(t, "\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", float32(0.1))
	want(t, "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", float32(math.Inf(1)))
	want(t, "\xcb\x40\x00\x00\x00\x00\x00\x00\x00", any(int64(2)))
	want(t, "\xca\x3f\x00\x00\x00", any(0.5))
	refuses[int8](t, "\xcc\x80", "codec.integer_range")
	refuses[uint8](t, "\xcd\x01\x00", "codec.integer_range")
	refuses[uint](t, "\xff", "codec.integer_range")
	refuses[float32](t, "\xcb\x7f\xe0\x00\x00\x00\x00\x00\x00", "codec.integer_range")
	refuses[int](t, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "codec.kind")
	refuses[int](t, "\xcb\x7f\xe0\x00\x00\x00\x00\x00\x00", "codec.kind")
}

func TestUnmarshalKinds(t *testing.T) {
	refuses[int](t, "\xa1x", "codec.kind")
	refuses[string](t, "\x01", "codec.kind")
	refuses[string](t, "\xc4\x01x", "codec.kind")
	refuses[[]byte](t, "\xa1x", "codec.kind")
	refuses[bool](t, "\x01", "codec.kind")
	refuses[time.Time](t, "\x01", "codec.kind")
	refuses[[]int](t, "\x80", "codec.kind")
	refuses[[]int](t, "\x92\x01\xa1x", "codec.kind")
	refuses[map[string]int](t, "\x90", "codec.kind")
	refuses[map[string]int](t, "\x81\xa1a\xa1x", "codec.kind")
	refuses[inner](t, "\x81\xa4deep\xa1x", "codec.kind")
	refuses[inner](t, "\x01", "codec.kind")
	refuses[[2]int](t, "\x91\x01", "codec.kind")
	refuses[[2]byte](t, "\xc4\x01\x01", "codec.kind")
	refuses[chan int](t, "\x01", "codec.type")
	refuses[map[int]int](t, "\x80", "codec.type")
	refuses[error](t, "\x01", "codec.type")
	refuses[badText](t, "\xa1x", "codec.type")
	refuses[netip.Addr](t, "\xa1x", "codec.type")
	refuses[struct{ *unexported }](t, "\x81\xa1A\x01", "codec.type")
	wantReason(t, codec.Unmarshal([]byte{1}, nil), "codec.type")
	wantReason(t, codec.Unmarshal([]byte{1}, 1), "codec.type")
	wantReason(t, codec.Unmarshal([]byte{1}, (*int)(nil)), "codec.type")
}

type unexported struct{ A int }

func TestUnmarshalInto(t *testing.T) {
	// What is absent stays, what is nil becomes zero, what is unknown is passed over.
	v := Everything{Name: "stays", Plain: 1, Pointer: &inner{1}}
	if err := codec.Unmarshal(codec.Raw("\x83\xa5Plain\xc0\xa7pointer\xc0\xa7unknown\x91\x80"), &v); err != nil {
		t.Fatal(err)
	}
	if v.Name != "stays" || v.Plain != 0 || v.Pointer != nil {
		t.Errorf("%+v", v)
	}
	// A map is added to, a slice replaced.
	m := map[string]int{"a": 1, "b": 2}
	if err := codec.Unmarshal(codec.Raw("\x81\xa1b\x03"), &m); err != nil || m["a"] != 1 || m["b"] != 3 {
		t.Error(m, err)
	}
	s := []int{1, 2, 3}
	if err := codec.Unmarshal(codec.Raw("\x91\x09"), &s); err != nil || len(s) != 1 || s[0] != 9 {
		t.Error(s, err)
	}
	want(t, "\x93\x01\x02\x03", [3]int{1, 2, 3})
	want(t, "\xc0", codec.Raw{0xc0})
	want(t, "\xc0", any(nil))
	want(t, "\xc4\x00", any([]byte{}))
	want(t, "\x90", any([]any{}))
	want(t, "\xd6\xff\x00\x00\x00\x01", any(time.Unix(1, 0).UTC()))
	want(t, "\xd6\xff\x00\x00\x00\x01", time.Unix(1, 0).UTC())
}

// Elements of a map do not inherit what the one before held.
func TestUnmarshalMapElements(t *testing.T) {
	type pair struct{ A, B int }
	want(t, "\x82\xa1x\x82\xa1A\x01\xa1B\x02\xa1y\x81\xa1A\x03", map[string]pair{"x": {1, 2}, "y": {A: 3}})
}

type left struct {
	Both   int
	Tagged int
}

type right struct {
	Both  int
	Other int `json:"Tagged"`
}

// Of fields with one name, equally deep, the tagged one counts; if none or
// several have a tag, none does.
func TestAmbiguousFields(t *testing.T) {
	type both struct {
		left
		right
	}
	v := both{left{1, 2}, right{3, 4}}
	b, err := codec.Marshal(v)
	if err != nil || string(b) != "\x81\xa6Tagged\x04" {
		t.Errorf("%q, %v", b, err)
	}
	if text, err := json.Marshal(v); err != nil || string(text) != `{"Tagged":4}` {
		t.Errorf("encoding/json writes %s, %v", text, err)
	}
}

func TestUnmarshalCopies(t *testing.T) {
	in := codec.Raw("\x83\xa4data\xc4\x01x\xa4name\xa1n\xa3raw\xa1r")
	var v Everything
	if err := codec.Unmarshal(in, &v); err != nil {
		t.Fatal(err)
	}
	clear(in)
	if v.Name != "n" || string(v.Data) != "x" || string(v.Raw) != "\xa1r" {
		t.Errorf("%+v aliases the input", v)
	}
}

// A long list of large elements is not paid for before its elements come.
func TestUnmarshalGrowsWithTheInput(t *testing.T) {
	b := codec.AppendArray(nil, 60_000)
	b = append(b, 0xa1, 'x')
	b = append(b, bytes.Repeat([]byte{0xc0}, 60_000-1)...)
	if n := allocated(func() { refuses[[][1024]int](t, string(b), "codec.kind") }); n > 4<<20 {
		t.Errorf("%d bytes allocated", n)
	}
}

// msgpack/v5, the library most Go programs speak msgpack with, reads what we
// write, and we read what it writes.
func TestInterop(t *testing.T) {
	ours, err := codec.Marshal(&benchOrder)
	if err != nil {
		t.Fatal(err)
	}
	var got order
	d := msgpack.NewDecoder(bytes.NewReader(ours))
	d.SetCustomStructTag("json")
	if err := d.Decode(&got); err != nil || !reflect.DeepEqual(got, benchOrder) {
		t.Errorf("%+v, %v", got, err)
	}
	var theirs bytes.Buffer
	e := msgpack.NewEncoder(&theirs)
	e.SetCustomStructTag("json")
	if err := e.Encode(&benchOrder); err != nil {
		t.Fatal(err)
	}
	if !codec.Equal(ours, theirs.Bytes()) {
		t.Errorf("%x is not %x", theirs.Bytes(), ours)
	}
	got = order{}
	if err := codec.Unmarshal(theirs.Bytes(), &got); err != nil || !reflect.DeepEqual(got, benchOrder) {
		t.Errorf("%+v, %v", got, err)
	}
}
