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
