package txn

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// body is a commit frame with a part of these reads and writes.
func body(reads, writes []byte) []byte {
	t := Transaction{Sequence: 1}
	b := t.AppendBody(nil)
	b = b[:len(b)-2] // without parts and attempt
	b = codec.AppendArray(codec.AppendArray(b, 1), 5)
	b = codec.AppendInt(codec.AppendString(codec.AppendString(b, "o"), "e"), 0)
	b = append(append(b, reads...), writes...)
	return codec.AppendInt(b, 1)
}

func many(n int, one []byte) []byte {
	return append(codec.AppendArray(nil, n), bytes.Repeat(one, n)...)
}

// TestHostile: what is far too much is refused for what it is, and costs next to nothing.
func TestHostile(t *testing.T) {
	none := codec.AppendArray(nil, 0)
	read := raw([]any{1, []string{"a"}})
	for name, c := range map[string]struct {
		frame []byte
		want  error
	}{
		"a million reads":             {body(many(1_000_000, read), none), ErrTooLarge},
		"as many reads as fit":        {body(many(100_000, read), none), ErrTooLarge},
		"as many writes as fit":       {body(none, many(100_000, raw([]any{2, []string{"a"}}))), ErrTooLarge},
		"a value of a million nodes":  {body(none, append(codec.AppendArray(nil, 1), raw([]any{1, []string{"a"}, make([]int, 1_000_000)})...)), ErrTooLarge},
		"a path of many keys":         {body(append(codec.AppendArray(nil, 1), raw([]any{1, strings.Split(strings.Repeat("k", 100_000), "")})...), none), ErrInvalid},
		"a shape with more ids":       {body(none, append(codec.AppendArray(nil, 1), raw([]any{1, []string{"a"}, []int{1}, []any{[]any{[]any{}, make([]string, 100_000)}}})...)), ErrInvalid},
		"a shape with a path of many": {body(none, append(codec.AppendArray(nil, 1), raw([]any{1, []string{"a"}, []int{1}, []any{[]any{make([]string, 100_000), []any{"x"}}}})...)), ErrInvalid},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := decode(c.frame)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if cost := after.TotalAlloc - before.TotalAlloc; cost > 8<<20 {
			t.Errorf("%s: refusing it costs %d bytes", name, cost)
		}
	}
}

// TestHostileValues are refused where they are read, whatever write or read carries them.
func TestHostileValues(t *testing.T) {
	nan, infinite := []byte{0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0}, []byte{0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0}
	for _, bad := range [][]byte{nan, infinite, append([]byte{0x92, 1}, nan...), append([]byte{0x81, 0xa1, 'k'}, infinite...)} {
		for name, w := range map[string]Write{
			"set":    {Op: OpSet, Path: tree.Path{"a"}, Value: bad},
			"add":    {Op: OpAdd, Path: tree.Path{"a"}, Value: bad},
			"bound":  {Op: OpAdd, Path: tree.Path{"a"}, Value: raw(1), Least: bad},
			"min":    {Op: OpMin, Path: tree.Path{"a"}, Value: bad},
			"max":    {Op: OpMax, Path: tree.Path{"a"}, Value: bad},
			"insert": {Op: OpInsert, Path: tree.Path{"a"}, ID: "x", Place: tree.Place{Where: tree.Last}, Value: bad},
		} {
			frame := body(codec.AppendArray(nil, 0), AppendWrites(nil, []Write{w}))
			if _, err := decode(frame); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s of %x: %v", name, bad, err)
			}
		}
		guard := Read{Kind: ReadGuard, Path: tree.Path{"a"}, Guard: Less, Value: bad, Truth: true}
		frame := body(guard.append(codec.AppendArray(nil, 1)), codec.AppendArray(nil, 0))
		if _, err := decode(frame); !errors.Is(err, ErrInvalid) {
			t.Errorf("guard with %x: %v", bad, err)
		}
	}
}
