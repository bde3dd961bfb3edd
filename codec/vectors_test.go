package codec_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
)

// vectors is docs/vectors/values.json; docs/vectors/README.md describes it.
type vectors struct {
	Values []struct {
		Name, JSON         string
		Msgpack, Canonical hexBytes
	}
	Reads []struct {
		Name, JSON string
		Canonical  hexBytes
	}
	Malformed []struct {
		Name, Codec, Input, Reason string
		InputHex                   hexBytes
	}
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	text, err := os.ReadFile("../docs/vectors/values.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if len(v.Values) < 50 || len(v.Reads) == 0 || len(v.Malformed) < 50 {
		t.Fatal("vectors are missing")
	}
	return v
}

func TestVectorsValues(t *testing.T) {
	for _, c := range readVectors(t).Values {
		t.Run(c.Name, func(t *testing.T) {
			if n, err := codec.Check(c.Msgpack); err != nil || n != len(c.Msgpack) {
				t.Fatalf("Check: %d, %v", n, err)
			}
			canonical, err := codec.Canonical(nil, codec.Raw(c.Msgpack))
			if err != nil || !bytes.Equal(canonical, c.Canonical) {
				t.Fatalf("Canonical: %x, %v, want %x", canonical, err, c.Canonical)
			}
			if got, want := codec.IsCanonical(codec.Raw(c.Msgpack)), bytes.Equal(c.Msgpack, c.Canonical); got != want {
				t.Errorf("IsCanonical: %v", got)
			}
			if !codec.Equal(codec.Raw(c.Msgpack), codec.Raw(c.Canonical)) {
				t.Error("not Equal to its canonical form")
			}
			text, err := codec.ToJSON(nil, codec.Raw(canonical))
			if err != nil || string(text) != c.JSON {
				t.Errorf("ToJSON: %s, %v, want %s", text, err, c.JSON)
			}
			// The text of the value as it came names the same value.
			text, err = codec.ToJSON([]byte("x"), codec.Raw(c.Msgpack))
			if err != nil || text[0] != 'x' {
				t.Fatalf("ToJSON: %s, %v", text, err)
			}
			for _, text := range []string{c.JSON, string(text[1:])} {
				back, err := codec.FromJSON([]byte("x"), []byte(text))
				if err != nil || !codec.Equal(back[1:], codec.Raw(c.Canonical)) {
					t.Errorf("FromJSON(%s): %x, %v, want %x", text, back[1:], err, c.Canonical)
				}
			}
			var decoded any
			if err := codec.Unmarshal(codec.Raw(c.Msgpack), &decoded); err != nil {
				t.Fatal(err)
			}
			if deep(c.Canonical) {
				return
			}
			if again, err := codec.Marshal(decoded); err != nil || !bytes.Equal(again, c.Canonical) {
				t.Errorf("Marshal of %#v: %x, %v, want %x", decoded, again, err, c.Canonical)
			}
		})
	}
}

// deep reports whether a value is nested deeper than Marshal goes.
func deep(b []byte) bool {
	_, err := codec.Limits{MaxDepth: codec.MaxDepth - 8}.Check(b)
	return err != nil
}

func TestVectorsReads(t *testing.T) {
	for _, c := range readVectors(t).Reads {
		t.Run(c.Name, func(t *testing.T) {
			v, err := codec.FromJSON(nil, []byte(c.JSON))
			if err != nil {
				t.Fatal(err)
			}
			canonical, err := codec.Canonical(nil, v)
			if err != nil || !bytes.Equal(canonical, c.Canonical) {
				t.Errorf("%x, %v, want %x", canonical, err, c.Canonical)
			}
		})
	}
}

func TestVectorsMalformed(t *testing.T) {
	for _, c := range readVectors(t).Malformed {
		t.Run(c.Codec+" "+c.Name, func(t *testing.T) {
			input := []byte(c.Input)
			if c.InputHex != nil {
				input = c.InputHex
			}
			dst := []byte("x")
			switch c.Codec {
			case "json":
				out, err := codec.FromJSON(dst, input)
				wantReason(t, err, c.Reason)
				if string(out) != "x" {
					t.Errorf("dst is %q after an error", out)
				}
			case "msgpack":
				input, err := hex.DecodeString(c.Input)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := codec.Check(input); c.Reason != "codec.trailing" {
					wantReason(t, err, c.Reason)
				} else if err != nil {
					t.Error("Check minds what follows:", err)
				}
				for name, f := range map[string]func([]byte, codec.Raw) ([]byte, error){"Canonical": codec.Canonical, "ToJSON": codec.ToJSON} {
					out, err := f(dst, input)
					wantReason(t, err, c.Reason)
					if string(out) != "x" {
						t.Errorf("%s: dst is %q after an error", name, out)
					}
				}
				var v any
				wantReason(t, codec.Unmarshal(input, &v), c.Reason)
				if v != nil || codec.IsCanonical(input) {
					t.Error("taken for a value")
				}
			default:
				t.Fatal("unknown codec")
			}
		})
	}
}

func wantReason(t testing.TB, err error, want string) {
	t.Helper()
	var e *codec.Error
	if !errors.As(err, &e) || e.Reason != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
