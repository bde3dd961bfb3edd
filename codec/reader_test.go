package codec_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
)

func TestReader(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 30, 0, 5, time.FixedZone("", 3600))
	var b []byte
	b = codec.AppendNil(b)
	b = codec.AppendBool(b, true)
	b = codec.AppendInt(b, -300)
	b = codec.AppendFloat(b, 1.5)
	b = codec.AppendFloat(b, 7)
	b = codec.AppendString(b, "text")
	b = codec.AppendBytes(b, []byte{1, 2})
	b = codec.AppendTime(b, at)
	b = codec.AppendArray(b, 2)
	b = codec.AppendInt(b, 1)
	b = codec.AppendString(b, "x")
	b = codec.AppendMap(b, 1)
	b = codec.AppendString(b, "k")
	b = codec.AppendBytes(b, nil)
	b = codec.AppendBool(b, false)
	b = append(b, 0xcb, 0x40, 0, 0, 0, 0, 0, 0, 0) // 2.0, as others write it

	kinds := []codec.Kind{codec.Nil, codec.Bool, codec.Int, codec.Float, codec.Int, codec.String, codec.Bytes, codec.Time, codec.List, codec.Map, codec.Bool, codec.Int}
	r := codec.NewReader(b, len(kinds))
	for i, want := range kinds {
		if r.Kind() != want || r.Len() != len(kinds)-i {
			t.Fatalf("value %d: %v of %d, want %v", i, r.Kind(), r.Len(), want)
		}
		r.Skip()
	}
	if r.Kind() != codec.None || r.Err() != nil || len(r.Rest()) != 0 {
		t.Fatal("not at the end", r.Err())
	}

	r = codec.NewReader(b, len(kinds))
	if !r.Nil() || r.Nil() || !r.Bool() || r.Int() != -300 || r.Float() != 1.5 || r.Float() != 7 || r.String() != "text" || !bytes.Equal(r.Bytes(), []byte{1, 2}) {
		t.Fatal("misread", r.Err())
	}
	if got := r.Time(); !got.Equal(at) || got.Location() != time.UTC {
		t.Fatal(got)
	}
	list := r.Array()
	if list.Len() != 2 || list.Int() != 1 || string(list.Text()) != "x" || list.Len() != 0 {
		t.Fatal("list misread", list.Err())
	}
	list.Skip()
	wantReason(t, list.Err(), "codec.missing")
	table := r.Map()
	if table.Len() != 2 || table.String() != "k" || string(table.Raw()) != "\xc4\x00" || table.Err() != nil {
		t.Fatal("map misread", table.Err())
	}
	if string(r.Rest()) != "\xc2\xcb\x40\x00\x00\x00\x00\x00\x00\x00" || r.Bool() || r.Int() != 2 || r.Err() != nil {
		t.Fatal("the end misread", r.Err())
	}
}

func TestRawReader(t *testing.T) {
	frame := codec.Raw(benchFrame)
	for name, r := range map[string]codec.Reader{"Raw": frame.Reader(), "NewReader": codec.NewReader(append(benchFrame[:len(benchFrame):len(benchFrame)], 0xc1), 1)} {
		list := r.Array()
		for range 7 {
			list.Skip()
		}
		if got := list.Raw(); string(got) != string(benchPayload) || list.Len() != 0 || r.Len() != 0 || list.Err() != nil || r.Err() != nil {
			t.Errorf("%s: %x, %v", name, got, list.Err())
		}
	}
	absent := codec.Raw(nil).Reader()
	if absent.Len() != 0 || absent.Kind() != codec.None || absent.Err() != nil {
		t.Error("an absent value is there")
	}
}

func TestReaderFailureSticks(t *testing.T) {
	for name, ask := range map[string]func(*codec.Reader){
		"Int": func(r *codec.Reader) { r.Int() }, "Float": func(r *codec.Reader) { r.Float() },
		"Bool": func(r *codec.Reader) { r.Bool() }, "Bytes": func(r *codec.Reader) { r.Bytes() },
		"Time": func(r *codec.Reader) { r.Time() },
		"Array": func(r *codec.Reader) {
			sub := r.Array()
			sub.Int()
			wantReason(t, sub.Err(), "codec.kind")
		},
		"Map": func(r *codec.Reader) { r.Map() },
	} {
		r := codec.NewReader([]byte("\xa1x\x01"), 2)
		ask(&r)
		wantReason(t, r.Err(), "codec.kind")
		if r.Int() != 0 || r.String() != "" || r.Raw() != nil || r.Rest() != nil || r.Nil() || r.Len() != 0 || r.Kind() != codec.None || r.Bool() || r.Float() != 0 || !r.Time().IsZero() {
			t.Errorf("%s: something came after the failure", name)
		}
		wantReason(t, r.Err(), "codec.kind")
	}
	r := codec.NewReader([]byte{0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0}, 1)
	r.Int()
	wantReason(t, r.Err(), "codec.kind") // 1.5 is no integer
	r = codec.NewReader([]byte{1}, 1)
	_ = r.String()
	wantReason(t, r.Err(), "codec.kind")
}

func TestReaderAliasesWithoutSpill(t *testing.T) {
	b := []byte("\xa1a\xc4\x01b\x91\x05\x07")
	r := codec.NewReader(b, 4)
	_ = append(r.Text(), 'X')
	_ = append(r.Bytes(), 'X')
	_ = append(r.Raw(), 'X')
	_ = append(r.Rest(), 'X')
	if string(b) != "\xa1a\xc4\x01b\x91\x05\x07" || r.Err() != nil {
		t.Fatalf("an append reached the input: %x", b)
	}
}

// A Reader of unchecked bytes neither panics nor goes beyond them.
func TestReaderOnUncheckedBytes(t *testing.T) {
	for _, c := range readVectors(t).Malformed {
		if c.Codec == "msgpack" {
			var raw hexBytes
			if err := raw.UnmarshalText([]byte(c.Input)); err != nil {
				t.Fatal(err)
			}
			readAll(raw)
		}
	}
}

func readAll(b []byte) {
	for _, ask := range []func(*codec.Reader){
		func(r *codec.Reader) { r.Int() }, func(r *codec.Reader) { r.Float() }, func(r *codec.Reader) { r.Bool() },
		func(r *codec.Reader) { _ = r.String() }, func(r *codec.Reader) { r.Bytes() }, func(r *codec.Reader) { r.Time() },
		func(r *codec.Reader) { r.Raw() }, func(r *codec.Reader) { r.Nil() }, func(r *codec.Reader) { r.Kind() },
		func(r *codec.Reader) {
			sub := r.Array()
			for sub.Len() > 0 {
				sub.Skip()
			}
		},
		func(r *codec.Reader) {
			sub := r.Map()
			for sub.Len() > 0 {
				sub.Skip()
			}
		},
	} {
		r := codec.NewReader(b, 3)
		ask(&r)
		ask(&r)
	}
}

func TestAppendInt(t *testing.T) {
	for shift := range 64 {
		for _, d := range []int64{-2, -1, 0, 1} {
			for _, v := range []int64{1<<shift + d, -(1 << shift) + d} {
				b := codec.AppendInt(nil, v)
				r := codec.NewReader(b, 1)
				if got := r.Int(); got != v || r.Err() != nil || !codec.IsCanonical(b) {
					t.Errorf("%d is read as %d, %v", v, got, r.Err())
				}
			}
		}
	}
}

func TestAppendFloat(t *testing.T) {
	for _, v := range []float64{0, math.Copysign(0, -1), 1 << 53, -1 << 53, 1<<53 + 2, 1 << 63, 0.5, math.NaN(), math.Inf(1), math.MaxFloat64, math.SmallestNonzeroFloat64} {
		b := codec.AppendFloat(nil, v)
		r := codec.NewReader(b, 1)
		if got := r.Float(); got != v && !(got != got && v != v) || !codec.IsCanonical(b) {
			t.Errorf("%v is read as %v", v, got)
		}
		if exact := math.Abs(v) <= 1<<53 && v == math.Trunc(v); exact != (b[0] != 0xcb) {
			t.Errorf("%v is written as %x", v, b)
		}
	}
}

func TestKindString(t *testing.T) {
	for k, want := range map[codec.Kind]string{codec.None: "none", codec.Map: "map", 200: "invalid"} {
		if k.String() != want {
			t.Errorf("%d is %q", k, k.String())
		}
	}
}
