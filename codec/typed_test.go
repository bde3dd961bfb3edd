package codec

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"
)

// sameTyped sees to it that v is encoded as AppendValue does, and that inputs, which need not be well-formed, are decoded as Unmarshal does.
func sameTyped[T any](t *testing.T, v T, inputs []Raw) {
	t.Helper()
	prefix := []byte("before")
	got, err := AppendOf(prefix, &v)
	want, wantErr := AppendValue(prefix, v)
	if !bytes.Equal(got, want) || !sameReason(err, wantErr) {
		t.Errorf("%T %v: %x, %v in place of %x, %v", v, v, got, err, want, wantErr)
	}
	for _, b := range append(inputs, got[len(prefix):]) {
		in := bytes.Clone(b)
		out, wanted := v, v
		err, wantErr := UnmarshalOf(in, &out), Unmarshal(b, &wanted)
		for i := range in {
			in[i] ^= 0xff // nothing of it may be in out
		}
		// By their encoding, that a NaN is what it is.
		x, _ := AppendValue(nil, out)
		y, _ := AppendValue(nil, wanted)
		if !bytes.Equal(x, y) || !sameReason(err, wantErr) {
			t.Errorf("%x as %T: %v, %v in place of %v, %v", b, v, out, err, wanted, wantErr)
		}
	}
}

func sameReason(a, b error) bool {
	return (a == nil) == (b == nil) && (a == nil || a.(*Error).Reason == b.(*Error).Reason)
}

func TestTyped(t *testing.T) {
	type record struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}
	var inputs []Raw
	for _, v := range []any{
		nil, true, 7, -1e300, "", "text", strings.Repeat("x", 300), []byte{}, []byte("bytes"), make([]byte, 70_000),
		time.Unix(1, 1), []any{"a", 1}, map[string]any{"name": "n", "data": []byte("d"), "other": 1},
	} {
		b, err := Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, b, b[:len(b)-1], append(bytes.Clone(b), codeNil))
	}
	inputs = append(inputs, Raw{}, Raw{codeNever}, Raw{codeBin32, 0, 0, 0, 1, 'x'}, Raw{codeStr16, 0, 1, 'x'}, // heads that could be shorter
		Raw{codeFixStr | 1, 0xff}, Raw{codeStr8, 2, 0xc3, 0x28}, Raw{codeBin32, 0xff, 0xff, 0xff, 0xff}) // no UTF-8; more than there is
	for _, v := range [][]byte{nil, {}, []byte("x"), make([]byte, 5000)} {
		sameTyped(t, v, inputs)
		sameTyped(t, Raw(nil), inputs)
	}
	for _, v := range []string{"", "x", strings.Repeat("ä", 500), "\xff"} {
		sameTyped(t, v, inputs)
	}
	sameTyped(t, 5, inputs)
	sameTyped(t, math.NaN(), inputs)
	sameTyped[any](t, nil, inputs)
	sameTyped[any](t, []byte("x"), inputs)
	sameTyped(t, record{"n", []byte("d")}, inputs)
	sameTyped(t, &record{"n", nil}, inputs)
	sameTyped(t, make(chan int), inputs)
}

// An empty list of bytes is not nil, as Unmarshal's is not.
func TestTypedEmpty(t *testing.T) {
	v := []byte("old")
	if err := UnmarshalOf(AppendBytes(nil, nil), &v); err != nil || v == nil || len(v) != 0 {
		t.Errorf("%v, %v", v, err)
	}
}

// BenchmarkTyped decodes and encodes what most calls carry, by its type and by an interface.
func BenchmarkTyped(b *testing.B) {
	in := Raw(AppendBytes(nil, make([]byte, 64)))
	b.Run("typed", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			var v []byte
			if err := UnmarshalOf(in, &v); err != nil {
				b.Fatal(err)
			}
			buf, _ = AppendOf(buf[:0], &v)
		}
	})
	b.Run("interface", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			var v []byte
			if err := Unmarshal(in, &v); err != nil {
				b.Fatal(err)
			}
			buf, _ = AppendValue(buf[:0], v)
		}
	})
}
