package codec_test

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/trefoilgo/trefoil/codec"
)

// money brings an encoding for msgpack/v5: a list of amount and currency.
type money struct {
	amount   int64
	currency string
}

func (m money) EncodeMsgpack(enc *msgpack.Encoder) error {
	return enc.EncodeMulti(m.amount, m.currency)
}

func (m *money) DecodeMsgpack(dec *msgpack.Decoder) error {
	return dec.DecodeMulti(&m.amount, &m.currency)
}

// pair is money in one value, as a type must be that stands inside others.
type pair struct{ a, b float64 }

func (p *pair) EncodeMsgpack(enc *msgpack.Encoder) error {
	return enc.Encode([]float64{p.a, p.b})
}

func (p *pair) DecodeMsgpack(dec *msgpack.Decoder) error {
	var list []float64
	if err := dec.Decode(&list); err != nil {
		return err
	}
	if len(list) != 2 {
		return errors.New("not a pair")
	}
	p.a, p.b = list[0], list[1]
	return nil
}

// sealed brings its bytes.
type sealed struct{ secret byte }

func (s sealed) MarshalMsgpack() ([]byte, error) { return []byte{s.secret}, nil }
func (s *sealed) UnmarshalMsgpack(b []byte) error {
	s.secret = b[0]
	return nil
}

func TestTypesKeepTheirOwnMsgpackEncoding(t *testing.T) {
	type holder struct {
		Pair   *pair           `json:"pair"`
		Nil    *pair           `json:"nil"`
		Sealed sealed          `json:"sealed"`
		Pairs  map[string]pair `json:"pairs"`
		Direct pair            `json:"direct"`
	}
	in := &holder{Pair: &pair{1, 2.5}, Sealed: sealed{7}, Direct: pair{3, 4}}
	raw, err := codec.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if !codec.IsCanonical(raw) {
		t.Errorf("%x is not canonical", raw)
	}
	var out holder
	if err := codec.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(in, &out) {
		t.Errorf("got %+v, want %+v", out, in)
	}
}

func TestCustomEncodingIsCheckedLikeAnyOther(t *testing.T) {
	if raw, err := codec.Marshal(money{5, "EUR"}); err == nil { // two values, not one
		t.Errorf("got %x", raw)
	}
	if raw, err := codec.Marshal(sealed{0xc1}); err == nil { // no msgpack at all
		t.Errorf("got %x", raw)
	}
	var p pair
	raw, _ := codec.Marshal([]float64{1, 2, math.Pi})
	if err := codec.Unmarshal(raw, &p); err == nil {
		t.Error("a decoder's refusal was lost")
	}
}

func TestCustomEncodingWithoutAnAddress(t *testing.T) {
	want := codec.Raw{0x92, 1, 2} // a list: not what the struct's own fields would give
	byField, _ := codec.Marshal(&struct{ P pair }{pair{1, 2}})
	for name, v := range map[string]any{
		"value":     pair{1, 2},
		"pointer":   &pair{1, 2},
		"map":       map[string]pair{"P": {1, 2}},
		"interface": map[string]any{"P": pair{1, 2}},
		"field":     struct{ P pair }{pair{1, 2}},
		"array":     [1]pair{{1, 2}},
	} {
		raw, err := codec.Marshal(v)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch name {
		case "value", "pointer":
		case "array":
			raw = raw[1:]
		default:
			if !codec.Equal(raw, byField) {
				t.Errorf("%s: %x, want %x", name, raw, byField)
			}
			continue
		}
		if !codec.Equal(raw, want) {
			t.Errorf("%s: %x, want %x", name, raw, want)
		}
	}
	in := map[string]pair{"x": {1, 2.5}}
	raw, _ := codec.Marshal(in)
	var out map[string]pair
	if err := codec.Unmarshal(raw, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("%v, %v", out, err)
	}
}

func TestNilAndCustomTypes(t *testing.T) {
	type holder struct {
		P *pair
		D pair
		L []*pair
		G tags
	}
	raw, err := codec.Marshal(holder{L: []*pair{nil}})
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := codec.Unmarshal(raw, &m); err != nil || m["P"] != nil || m["G"] != nil || !reflect.DeepEqual(m["L"], []any{nil}) {
		t.Errorf("%v, %v", m, err)
	}
	out := holder{P: &pair{1, 1}, D: pair{1, 1}, L: []*pair{{1, 1}}, G: tags{}}
	raw, _ = codec.Marshal(map[string]any{"P": nil, "D": nil, "L": []any{nil}, "G": nil})
	if err := codec.Unmarshal(raw, &out); err != nil || out.P != nil || out.D != (pair{}) || out.L[0] != nil || out.G != nil {
		t.Errorf("%+v, %v", out, err)
	}
}

// tags is a map with an encoding of its own, by value.
type tags map[string]bool

func (g tags) EncodeMsgpack(enc *msgpack.Encoder) error { return enc.EncodeInt(int64(len(g))) }

// silent writes nothing at all, and greedy changes the encoder's options.
type (
	silent struct{}
	greedy struct{ V map[string]int }
)

func (silent) EncodeMsgpack(*msgpack.Encoder) error { return nil }
func (g greedy) EncodeMsgpack(enc *msgpack.Encoder) error {
	enc.UseArrayEncodedStructs(true)
	enc.UseInternedStrings(true)
	enc.SetOmitEmpty(true)
	enc.SetCustomStructTag("other")
	return enc.Encode(struct{ A int }{len(g.V)})
}

// plain is a struct that the library encodes.
type plain struct{ v []string }

func (p plain) EncodeMsgpack(enc *msgpack.Encoder) error {
	return enc.Encode(struct {
		V []string `json:"v"`
		W int      `json:"w"`
	}{p.v, 0})
}

func TestCustomEncodersShareNothing(t *testing.T) {
	want, err := codec.Marshal(map[string]any{"v": []string{"longer", "longer"}, "w": 0})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // whatever the pool gives
		if raw, err := codec.Marshal(silent{}); err == nil {
			t.Fatalf("nothing became %x", raw)
		}
		if raw, err := codec.Marshal(greedy{}); err != nil || !codec.Equal(raw, codec.Raw{0x91, 0}) {
			t.Fatalf("%x, %v", raw, err)
		}
		if raw, err := codec.Marshal(plain{[]string{"longer", "longer"}}); err != nil || !codec.Equal(raw, want) {
			t.Fatalf("%x, %v, want %x", raw, err, want)
		}
		if _, err := codec.Marshal([]any{plain{[]string{string(make([]byte, 1<<20))}}, plain{}}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCustomPanics: a type that panics spoils its own value alone.
func TestCustomPanics(t *testing.T) {
	for range 4 {
		func() {
			defer func() { _ = recover() }()
			_, _ = codec.Marshal(panics{})
			t.Error("no panic")
		}()
		if raw, err := codec.Marshal(pair{1, 2}); err != nil || !codec.Equal(raw, codec.Raw{0x92, 1, 2}) {
			t.Fatalf("%x, %v", raw, err)
		}
	}
}

type panics struct{}

func (panics) EncodeMsgpack(enc *msgpack.Encoder) error {
	_ = enc.EncodeArrayLen(7)
	panic("as it must")
}

// level is a byte that writes itself as text, so a list of them is no bytes.
type level uint8

func (l level) MarshalText() ([]byte, error) { return []byte{'a' + byte(l)}, nil }
func (l *level) UnmarshalText(b []byte) error {
	if len(b) != 1 {
		return errors.New("not a level")
	}
	*l = level(b[0] - 'a')
	return nil
}

func TestBytesWithTextAreAList(t *testing.T) {
	type levels struct {
		S []level
		A [2]level
	}
	in := levels{[]level{0, 2}, [2]level{1, 3}}
	raw, err := codec.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := codec.Marshal(map[string]any{"S": []string{"a", "c"}, "A": []string{"b", "d"}})
	if !codec.Equal(raw, want) {
		t.Errorf("%x, want %x", raw, want)
	}
	var out levels
	if err := codec.Unmarshal(raw, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("%+v, %v", out, err)
	}
}

// customs holds types of every kind that decode themselves.
type customs struct {
	P *pair           `json:"p"`
	D pair            `json:"d"`
	M map[string]pair `json:"m"`
	S []sealed        `json:"s"`
	L []level         `json:"l"`
	Y []money         `json:"y"`
}

// FuzzCustom: types with a decoding of their own survive whatever is well-formed, and what they took
// they give back.
func FuzzCustom(f *testing.F) {
	for _, v := range []any{
		customs{P: &pair{1, 2}, M: map[string]pair{"x": {3, 4.5}}, S: []sealed{{7}}, L: []level{1}},
		map[string]any{"p": []any{1, "x"}, "d": map[string]any{}}, map[string]any{"y": []any{[]any{1, "EUR"}, 5}},
		map[string]any{"s": []any{nil, "text", []byte("x")}, "l": []any{"a", 5}}, map[string]any{"d": []any{1, 2, 3}},
	} {
		raw, err := codec.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(raw))
	}
	f.Add([]byte{0x81, 0xa1, 'd', 0xdd, 0, 0, 0, 2, 1, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		var in, out customs
		if codec.Unmarshal(b, &in) != nil {
			return
		}
		in.Y, in.S = nil, nil // these write what is no single value, or none
		raw, err := codec.Marshal(in)
		if err != nil {
			return // a level beyond UTF-8
		}
		if err := codec.Unmarshal(raw, &out); err != nil {
			t.Fatalf("%x: %v", raw, err)
		}
		if again, err := codec.Marshal(out); err != nil || !codec.Equal(raw, again) {
			t.Fatalf("%x became %x, %v", raw, again, err)
		}
	})
}
