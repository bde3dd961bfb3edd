package codec_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
)

func TestCheckTakesTheFirstValue(t *testing.T) {
	b := append(bytes.Clone(benchFrame), benchFrame...)
	b = append(b, 0xc1)
	for range 2 {
		n, err := codec.Check(b)
		if err != nil || n != len(benchFrame) {
			t.Fatalf("%d, %v", n, err)
		}
		b = b[n:]
	}
	if _, err := codec.Check(b); err == nil {
		t.Fatal("0xc1 is taken")
	}
}

func TestCheckEveryPrefixIsCutOff(t *testing.T) {
	packed, err := codec.Marshal(benchOrder)
	if err != nil {
		t.Fatal(err)
	}
	for i := range packed {
		if n, err := codec.Check(packed[:i]); err == nil {
			t.Fatalf("%d of %d bytes taken for a value of %d", i, len(packed), n)
		}
	}
}

func TestLimits(t *testing.T) {
	nested := func(depth int) []byte { return append(bytes.Repeat([]byte{0x91}, depth), 0xc0) }
	for _, c := range []struct{ limit, reach int }{{0, 64}, {-1, 64}, {65, 64}, {64, 64}, {1, 1}, {5, 5}, {6, 6}} {
		if _, err := (codec.Limits{MaxDepth: c.limit}).Check(nested(c.reach)); err != nil {
			t.Errorf("limit %d, depth %d: %v", c.limit, c.reach, err)
		}
		_, err := codec.Limits{MaxDepth: c.limit}.Check(nested(c.reach + 1))
		wantReason(t, err, "codec.depth")
	}
}

func TestErrorOffsets(t *testing.T) {
	for _, c := range []struct {
		input  string
		offset int
	}{
		{"\x92\x01\xc1", 2},
		{"\x82\xa1a\x01\xa1a\x02", 4},
		{"\x83\xa1b\x01\xa1c\x01\xa1b\x02", 7},
		{"\x92\x01\xdd\xff\xff\xff\xff", 2},
	} {
		_, err := codec.Check([]byte(c.input))
		if e, ok := err.(*codec.Error); !ok || e.Offset != c.offset {
			t.Errorf("%x: %v, want offset %d", c.input, err, c.offset)
		}
	}
}

// big is a map of n keys in an order that is neither ascending nor free of
// long common prefixes; twice gives it a key a second time, far away.
func big(n int, twice bool) []byte {
	b := codec.AppendMap(nil, n)
	for i := range n {
		k := (i * 7919) % n
		if twice && i == n-1 {
			k = 0
		}
		b = codec.AppendString(b, fmt.Sprintf("common prefix %08d", k))
		b = codec.AppendInt(b, int64(i))
	}
	return b
}

func TestDuplicateKeysInLargeMaps(t *testing.T) {
	for _, n := range []int{2, 8, 9, 100, 10_007} {
		if _, err := codec.Check(big(n, false)); err != nil {
			t.Errorf("%d keys: %v", n, err)
		}
		_, err := codec.Check(big(n, true))
		wantReason(t, err, "codec.duplicate_key")
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	packed, err := codec.Marshal(benchOrder)
	if err != nil {
		t.Fatal(err)
	}
	deep := append(bytes.Repeat([]byte("\x91\x81\xa1a"), 32), 0x01)
	for name, b := range map[string][]byte{
		"frame": benchFrame, "order": packed, "unsorted": big(50, false), "deep": deep,
		"text": codec.AppendString(nil, strings.Repeat("é", 1000)),
	} {
		check := func() {
			if _, err := codec.Check(b); err != nil {
				t.Fatal(name, err)
			}
		}
		noAllocs(t, name, check)
	}
}

// noAllocs fails if f allocates. Under the race detector pools lose what they
// hold on purpose, and there f only runs.
func noAllocs(t *testing.T, name string, f func()) {
	t.Helper()
	f() // fills the pool
	if n := testing.AllocsPerRun(100, f); n >= 1 && !raceEnabled {
		t.Errorf("%s: %v allocations", name, n)
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestHostileInputCostsNothing(t *testing.T) {
	lists := bytes.Repeat([]byte{0x91}, 8<<20)
	texts := bytes.Repeat([]byte{'['}, 8<<20)
	wrappers := bytes.Repeat([]byte(`{"$map":`), 1<<20)
	announced := func(code byte, n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{code}, n) }
	var v any
	var list []order
	var table map[string]order
	for name, f := range map[string]func() error{
		"8 MiB of 0x91":           func() error { _, err := codec.Check(lists); return err },
		"8 MiB of 0x91, decode":   func() error { return codec.Unmarshal(lists, &v) },
		"8 MiB of 0x91, rewrite":  func() error { _, err := codec.Canonical(nil, lists); return err },
		"8 MiB of 0x91, JSON":     func() error { _, err := codec.ToJSON(nil, lists); return err },
		"8 MiB of [":              func() error { _, err := codec.FromJSON(nil, texts); return err },
		"1 Mi wrappers":           func() error { _, err := codec.FromJSON(nil, wrappers); return err },
		"2^31 elements":           func() error { return codec.Unmarshal(announced(0xdd, 1<<31), &list) },
		"2^31-1 elements":         func() error { return codec.Unmarshal(announced(0xdd, 1<<31-1), &v) },
		"2^32-1 pairs":            func() error { return codec.Unmarshal(announced(0xdf, 1<<32-1), &table) },
		"2^31-1 pairs":            func() error { return codec.Unmarshal(announced(0xdf, 1<<31-1), &v) },
		"2^32-1 bytes":            func() error { return codec.Unmarshal(announced(0xc6, 1<<32-1), &v) },
		"text of 2^31-1 bytes":    func() error { return codec.Unmarshal(announced(0xdb, 1<<31-1), &v) },
		"extension of 2^32-1":     func() error { return codec.Unmarshal(append(announced(0xc9, 1<<32-1), 0xff), &v) },
		"2^31-1 elements, reader": func() error { r := codec.NewReader(announced(0xdd, 1<<31-1), 1); r.Array(); return r.Err() },
	} {
		if n := allocated(func() {
			if f() == nil {
				t.Errorf("%s: no error", name)
			}
		}); n > 64<<10 {
			t.Errorf("%s: %d bytes allocated", name, n)
		}
	}
}

// A map of as many keys as a message can hold costs the walker less than twice
// the message.
func TestKeyScratchIsBounded(t *testing.T) {
	b := big(100_000, false)
	if n := allocated(func() { _, _ = codec.Check(b) }); n > uint64(2*len(b)) {
		t.Errorf("%d bytes allocated for a message of %d", n, len(b))
	}
}

func TestErrorText(t *testing.T) {
	_, err := codec.Check([]byte("\x91\xc1"))
	if got, want := err.Error(), "codec: 0xc1 begins no value at byte 1 (codec.invalid_code)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	_, err = codec.Marshal(func() {})
	if got, want := err.Error(), "codec: cannot encode Go type func() (codec.type)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
