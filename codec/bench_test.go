package codec_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/trefoilgo/trefoil/codec"
)

// A call of rpc as it stands on the wire: eight elements, payload raw.
var (
	benchID      = []byte("0123456789abcdef")
	benchPayload = codec.AppendString(nil, "world")
	benchFrame   = appendEnvelope(nil)
)

func appendEnvelope(b []byte) []byte {
	b = codec.AppendArray(b, 8)
	b = codec.AppendInt(b, 1)
	b = codec.AppendInt(b, 3)
	b = codec.AppendInt(b, 123456)
	b = codec.AppendString(b, "chat.send")
	b = codec.AppendBytes(b, benchID)
	b = codec.AppendInt(b, 30000)
	b = codec.AppendNil(b)
	return append(b, benchPayload...)
}

func BenchmarkEnvelopeEncode(b *testing.B) {
	b.Run("append", func(b *testing.B) {
		var out []byte
		for b.Loop() {
			out = appendEnvelope(out[:0])
		}
	})
	b.Run("v5", func(b *testing.B) {
		var out bytes.Buffer
		for b.Loop() {
			out.Reset()
			e := msgpack.GetEncoder()
			e.Reset(&out)
			_ = e.EncodeArrayLen(8)
			_ = e.EncodeInt(1)
			_ = e.EncodeInt(3)
			_ = e.EncodeInt(123456)
			_ = e.EncodeString("chat.send")
			_ = e.EncodeBytes(benchID)
			_ = e.EncodeInt(30000)
			_ = e.EncodeNil()
			out.Write(benchPayload)
			msgpack.PutEncoder(e)
		}
		if !bytes.Equal(out.Bytes(), benchFrame) {
			b.Fatal("other bytes")
		}
	})
}

func BenchmarkEnvelopeDecode(b *testing.B) {
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if _, err := codec.Check(benchFrame); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reader", func(b *testing.B) {
		for b.Loop() {
			readEnvelope(b)
		}
	})
	b.Run("check+reader", func(b *testing.B) {
		for b.Loop() {
			if _, err := codec.Check(benchFrame); err != nil {
				b.Fatal(err)
			}
			readEnvelope(b)
		}
	})
	b.Run("v5", func(b *testing.B) {
		in := bytes.NewReader(nil)
		for b.Loop() {
			in.Reset(benchFrame)
			d := msgpack.GetDecoder()
			d.Reset(in)
			n, _ := d.DecodeArrayLen()
			pattern, _ := d.DecodeInt64()
			kind, _ := d.DecodeInt64()
			call, _ := d.DecodeInt64()
			name, _ := d.DecodeString()
			id, _ := d.DecodeBytes()
			timeout, _ := d.DecodeInt64()
			_ = d.DecodeNil()
			payload, err := d.DecodeRaw()
			msgpack.PutDecoder(d)
			if err != nil || n != 8 || pattern+kind+call+timeout != 153460 || len(name)+len(id) != 25 || len(payload) != 6 {
				b.Fatal("misread")
			}
		}
	})
}

func readEnvelope(b *testing.B) {
	r := codec.Raw(benchFrame).Reader()
	f := r.Array()
	pattern, kind, call := f.Int(), f.Int(), f.Int()
	name, id, timeout := f.Text(), f.Bytes(), f.Int()
	f.Skip()
	payload := f.Raw()
	if f.Err() != nil || pattern+kind+call+timeout != 153460 || len(name)+len(id) != 25 || len(payload) != 6 {
		b.Fatal("misread")
	}
}

// order is a user's request of ordinary size.
type order struct {
	ID      string            `json:"id"`
	Lot     int64             `json:"lot"`
	Price   float64           `json:"price"`
	Express bool              `json:"express"`
	Lines   []orderLine       `json:"lines"`
	Notes   map[string]string `json:"notes,omitempty"`
}

type orderLine struct {
	SKU   string `json:"sku"`
	Count int    `json:"count"`
}

var benchOrder = order{"o-4711", 42, 19.5, true, []orderLine{{"apple", 3}, {"pear", 12}, {"plum", 1000}}, map[string]string{"from": "A", "to": "B"}}

func BenchmarkMarshal(b *testing.B) {
	b.Run("trefoil", func(b *testing.B) {
		b.ReportAllocs()
		var out []byte
		for b.Loop() {
			out, _ = codec.AppendValue(out[:0], &benchOrder)
		}
	})
	b.Run("v5", func(b *testing.B) {
		b.ReportAllocs()
		var out bytes.Buffer
		e := msgpack.NewEncoder(&out)
		e.SetCustomStructTag("json")
		e.UseCompactInts(true)
		for b.Loop() {
			out.Reset()
			_ = e.Encode(&benchOrder)
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = json.Marshal(&benchOrder)
		}
	})
}

func BenchmarkUnmarshal(b *testing.B) {
	packed, err := codec.Marshal(benchOrder)
	if err != nil {
		b.Fatal(err)
	}
	text, err := json.Marshal(benchOrder)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("trefoil", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var o order
			if err := codec.Unmarshal(packed, &o); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("v5", func(b *testing.B) {
		b.ReportAllocs()
		in := bytes.NewReader(nil)
		d := msgpack.NewDecoder(in)
		d.SetCustomStructTag("json")
		for b.Loop() {
			var o order
			in.Reset(packed)
			d.ResetReader(in)
			if err := d.Decode(&o); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var o order
			if err := json.Unmarshal(text, &o); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkTranscode(b *testing.B) {
	packed, err := codec.Marshal(benchOrder)
	if err != nil {
		b.Fatal(err)
	}
	text, err := codec.ToJSON(nil, packed)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("ToJSON", func(b *testing.B) {
		b.ReportAllocs()
		var out []byte
		for b.Loop() {
			out, _ = codec.ToJSON(out[:0], packed)
		}
	})
	b.Run("FromJSON", func(b *testing.B) {
		b.ReportAllocs()
		var out []byte
		for b.Loop() {
			if out, err = codec.FromJSON(out[:0], text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json tokens", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d := json.NewDecoder(bytes.NewReader(text))
			d.UseNumber()
			for {
				if _, err := d.Token(); err != nil {
					break
				}
			}
		}
	})
	b.Run("encoding/json any", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v any
			if err := json.Unmarshal(text, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := codec.Check(packed); err != nil {
				b.Fatal(err)
			}
		}
	})
}
