package codec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
)

// FuzzCheck: Check and Reader survive anything, and what Check accepts is a
// value for everything else too.
func FuzzCheck(f *testing.F) {
	v := readVectors(f)
	for _, c := range v.Values {
		f.Add([]byte(c.Msgpack))
	}
	for _, c := range v.Malformed {
		var raw hexBytes
		if c.Codec == "msgpack" && len(c.Input) < 200 && raw.UnmarshalText([]byte(c.Input)) == nil {
			f.Add([]byte(raw))
		}
	}
	f.Add(big(20, false))
	f.Add(benchFrame)
	f.Fuzz(func(t *testing.T, b []byte) {
		readAll(b)
		n, err := codec.Check(b)
		if err != nil {
			var e *codec.Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(b) || e.Message == "" {
				t.Fatalf("error without a place: %#v", err)
			}
			return
		}
		raw := codec.Raw(b[:n])
		r := codec.NewReader(b, 1)
		if got := r.Raw(); !bytes.Equal(got, raw) {
			t.Fatalf("Reader takes %x, Check %x", got, raw)
		}
		sameWalk(t, codec.NewReader(b, 1), raw.Reader())
		canonical, err := codec.Canonical(nil, raw)
		if err != nil || !codec.IsCanonical(canonical) {
			t.Fatalf("Canonical: %x, %v", canonical, err)
		}
		if again, _ := codec.Canonical(nil, canonical); !bytes.Equal(again, canonical) {
			t.Fatalf("Canonical of %x is %x", canonical, again)
		}
		if codec.IsCanonical(raw) != bytes.Equal(raw, canonical) || !codec.Equal(raw, canonical) {
			t.Fatal("IsCanonical or Equal disagrees with Canonical")
		}
		var decoded any
		if err := codec.Unmarshal(raw, &decoded); err != nil {
			t.Fatalf("Unmarshal: %v", err)
		}
		if again, err := codec.Marshal(decoded); !deep(raw) && (err != nil || !bytes.Equal(again, canonical)) {
			t.Fatalf("Marshal of %#v: %x, %v, want %x", decoded, again, err, canonical)
		}
		_ = codec.Unmarshal(raw, &order{})
		_ = codec.Unmarshal(raw, &Everything{})
	})
}

// sameWalk goes through two Readers of one value to the bottom.
func sameWalk(t *testing.T, x, y codec.Reader) {
	for x.Len() > 0 || y.Len() > 0 {
		if kind := x.Kind(); kind != y.Kind() {
			t.Fatalf("%v and %v", kind, y.Kind())
		} else if kind == codec.List {
			sameWalk(t, x.Array(), y.Array())
		} else if kind == codec.Map {
			sameWalk(t, x.Map(), y.Map())
		} else if a, b := x.Raw(), y.Raw(); !bytes.Equal(a, b) {
			t.Fatalf("%x and %x", a, b)
		}
	}
	if x.Err() != nil || y.Err() != nil {
		t.Fatal(x.Err(), y.Err())
	}
}

// FuzzFromJSON: what it accepts is JSON with encoding/json's meaning, and what
// it refuses is no JSON or breaks a rule of ours.
func FuzzFromJSON(f *testing.F) {
	v := readVectors(f)
	for _, c := range v.Values {
		f.Add([]byte(c.JSON))
	}
	for _, c := range v.Reads {
		f.Add([]byte(c.JSON))
	}
	for _, c := range v.Malformed {
		if c.Codec == "json" && len(c.Input) < 200 {
			f.Add([]byte(c.Input))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		packed, err := codec.FromJSON(nil, text)
		var e *codec.Error
		if errors.As(err, &e) {
			beyond := strings.Contains(e.Message, "float64")
			if e.Reason == "codec.json" && !beyond && json.Valid(text) {
				t.Fatalf("%v, but encoding/json takes it", err)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatalf("not JSON, but taken for %x", packed)
		}
		if n, err := codec.Check(packed); err != nil || n != len(packed) {
			t.Fatalf("malformed: %x, %v", packed, err)
		}
		if bytes.ContainsRune(text, '$') || bytes.Contains(text, []byte(`\u0024`)) || deep(packed) {
			return
		}
		var theirs any
		if err := json.Unmarshal(text, &theirs); err != nil {
			t.Fatal(err)
		}
		want, err := codec.Marshal(theirs)
		if err != nil || !codec.Equal(packed, want) {
			t.Fatalf("%x, encoding/json reads %x, %v", packed, want, err)
		}
	})
}

// FuzzTranscode: msgpack -> JSON -> msgpack gives the same value, and the JSON
// in between is valid and on one line.
func FuzzTranscode(f *testing.F) {
	for _, c := range readVectors(f).Values {
		f.Add([]byte(c.Msgpack))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := codec.Check(b)
		if err != nil {
			return
		}
		raw := codec.Raw(b[:n])
		text, err := codec.ToJSON(nil, raw)
		if err != nil || !json.Valid(text) || bytes.ContainsAny(text, "\r\n") {
			t.Fatalf("ToJSON: %s, %v", text, err)
		}
		if len(text) > 7*len(raw)+30 {
			t.Fatalf("%d bytes of JSON for %d", len(text), len(raw))
		}
		back, err := codec.FromJSON(nil, text)
		if err != nil {
			t.Fatalf("FromJSON(%s): %v", text, err)
		}
		if !codec.Equal(raw, back) {
			t.Fatalf("%x became %s became %x", raw, text, back)
		}
		if again, err := codec.ToJSON(nil, back); err != nil || codec.IsCanonical(raw) && !bytes.Equal(again, text) {
			t.Fatalf("%s became %s", text, again)
		}
	})
}
