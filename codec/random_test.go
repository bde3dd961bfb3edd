package codec_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
)

// TestRandomValues: for thousands of random trees, in random encodings, the
// canonical form does not depend on the encoding or the order of keys, and no
// way through JSON or Go values changes them.
func TestRandomValues(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 3000 {
		v := randomValue(rnd, 5)
		plain, err := codec.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if !codec.IsCanonical(plain) {
			t.Fatalf("Marshal of %#v is not canonical: %x", v, plain)
		}
		other := loose(rnd, nil, plain)
		canonical, err := codec.Canonical(nil, other)
		if err != nil || !bytes.Equal(canonical, plain) || !codec.Equal(other, loose(rnd, nil, plain)) {
			t.Fatalf("canonical form of %x is %x, %v, want %x", other, canonical, err, plain)
		}
		text, err := codec.ToJSON(nil, other)
		if err != nil {
			t.Fatal(err)
		}
		back, err := codec.FromJSON(nil, text)
		if err != nil || !codec.Equal(back, plain) {
			t.Fatalf("%s became %x, %v, want %x", text, back, err, plain)
		}
	}
}

var randomKeys = []string{"$map", "$int", "$bytes", "$id", "$", "a", "b", "aa", "", "é", "__proto__", "k1", "k2", "k3", "k4", "k5", "k6"}

func randomValue(rnd *rand.Rand, depth int) any {
	kinds := 10
	if depth == 0 {
		kinds = 8
	}
	switch rnd.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return rnd.IntN(2) == 0
	case 2:
		return int64(rnd.Uint64()) >> rnd.IntN(64)
	case 3:
		return math.Float64frombits(rnd.Uint64())
	case 4:
		return float64(rnd.IntN(1000)) / 4
	case 5:
		return randomKeys[rnd.IntN(len(randomKeys))] + string(rune(rnd.IntN(0xd800)))
	case 6:
		return make([]byte, rnd.IntN(40))
	case 7:
		return time.Unix(minSecond+rnd.Int64N(endSecond-minSecond), rnd.Int64N(1e9)*rnd.Int64N(2))
	case 8:
		list := make([]any, rnd.IntN(20))
		for i := range list {
			list[i] = randomValue(rnd, depth-1)
		}
		return list
	}
	m := map[string]any{}
	for range rnd.IntN(4) * rnd.IntN(8) / 2 {
		m[randomKeys[rnd.IntN(len(randomKeys))]] = randomValue(rnd, depth-1)
	}
	if rnd.IntN(3) == 0 {
		return map[string]any{randomKeys[rnd.IntN(5)]: m}
	}
	return m
}

const minSecond, endSecond = -62135596800, 253402300800

// loose appends v in another encoding: keys shuffled, heads longer than needed,
// integers as floats.
func loose(rnd *rand.Rand, b []byte, v codec.Raw) codec.Raw {
	r := codec.NewReader(v, 1)
	switch r.Kind() {
	case codec.Int:
		i := r.Int()
		if f := float64(i); rnd.IntN(2) == 0 && math.Abs(f) <= 1<<53 && int64(f) == i {
			return be(append(b, 0xcb), math.Float64bits(f), 8)
		}
		return be(append(b, 0xd3), uint64(i), 8)
	case codec.String:
		text := r.Text()
		return append(be(append(b, 0xdb), uint64(len(text)), 4), text...)
	case codec.Bytes:
		body := r.Bytes()
		return append(be(append(b, 0xc6), uint64(len(body)), 4), body...)
	case codec.Time:
		at := r.Time()
		b = be(append(b, 0xc7, 12, 0xff), uint64(at.Nanosecond()), 4)
		return be(b, uint64(at.Unix()), 8)
	case codec.List:
		list := r.Array()
		b = be(append(b, 0xdd), uint64(list.Len()), 4)
		for list.Len() > 0 {
			b = loose(rnd, b, list.Raw())
		}
		return b
	case codec.Map:
		table := r.Map()
		var pairs [][2]codec.Raw
		for table.Len() > 0 {
			pairs = append(pairs, [2]codec.Raw{table.Raw(), table.Raw()})
		}
		rnd.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		b = be(append(b, 0xdf), uint64(len(pairs)), 4)
		for _, p := range pairs {
			b = loose(rnd, loose(rnd, b, p[0]), p[1])
		}
		return b
	}
	return append(b, v...)
}

// be appends the low bytes of v, highest first.
func be(b []byte, v uint64, n int) []byte {
	for n--; n >= 0; n-- {
		b = append(b, byte(v>>(8*n)))
	}
	return b
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"\x01", "\x01", true}, {"\x01", "\xd0\x01", true}, {"\x01", "\xa11", false}, {"\x01", "\xca\x3f\x80\x00\x00", true},
		{"\x00", "\xc2", false}, {"\x00", "\xc0", false}, {"\xa0", "\xc4\x00", false}, {"\x90", "\x80", false}, {"", "", true}, {"", "\xc0", false},
		{"\x82\xa1a\x01\xa1b\x02", "\x82\xa1b\x02\xa1a\x01", true}, {"\x82\xa1a\x01\xa1b\x02", "\x82\xa1b\x01\xa1a\x02", false},
		{"\xca\x7f\xc0\x00\x00", "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", true}, {"\x92\x01\x02", "\x92\x02\x01", false},
		{"\xc1", "\xc1", true}, {"\xc1", "\x01", false}, {"\x01", "\x01\x01", false},
	} {
		if codec.Equal(codec.Raw(c.a), codec.Raw(c.b)) != c.want || codec.Equal(codec.Raw(c.b), codec.Raw(c.a)) != c.want {
			t.Errorf("Equal(%x, %x) is not %v", c.a, c.b, c.want)
		}
	}
}

func TestRewritingAllocatesNothing(t *testing.T) {
	in := big(50, false)
	dst, err := codec.Canonical(nil, in)
	if err != nil || codec.IsCanonical(in) {
		t.Fatal(err)
	}
	noAllocs(t, "Canonical", func() { dst, _ = codec.Canonical(dst[:0], in) })
	text, _ := codec.ToJSON(nil, in)
	noAllocs(t, "FromJSON", func() { dst, _ = codec.FromJSON(dst[:0], text) })
	noAllocs(t, "ToJSON", func() { text, _ = codec.ToJSON(text[:0], in) })
	if !codec.Equal(in, dst) {
		t.Error("not the same value")
	}
}
