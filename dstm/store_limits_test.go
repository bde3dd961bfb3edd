package dstm_test

import (
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// limitsOf reads what an opened frame announces.
func limitsOf(body codec.Reader) (limits map[string]int) {
	for range 11 { // up to readable
		body.Skip()
	}
	codec.Unmarshal(body.Raw(), &limits)
	return limits
}

// The limits are announced when an object is opened. What is within them is taken, what is beyond is refused with a type of its own, and the
// session goes on.
func TestLimits(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), &dstm.StoreOptions{MaxObject: 1 << 20}, nil)
	r := n.raw(nil)
	r.send(r.openFrame(7, "o", nil))
	limits := limitsOf(r.frame(2))
	if limits["object"] != 1<<20 || limits["transaction"] != 512<<10 || limits["operations"] != 10_000 {
		t.Errorf("announced: %v", limits)
	}
	keys := func(n, length int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = strings.Repeat("k", length)
		}
		return out
	}
	writes := func(n int) []txn.Write {
		out := make([]txn.Write, n)
		for i := range out {
			out[i] = set(1, "x")
		}
		return out
	}
	bytes := func(n int) []txn.Write { return []txn.Write{set(make([]byte, n), "large")} }
	for _, c := range []struct {
		name           string
		within, beyond []txn.Write
		code           status.Code
		reason         status.Reason
	}{
		{"bytes", bytes(500 << 10), bytes(513 << 10), status.ResourceExhausted, dstm.ErrTooLarge},
		{"operations", writes(10_000), writes(10_001), status.ResourceExhausted, dstm.ErrTooLarge},
		{"depth", []txn.Write{set(1, keys(32, 1)...)}, []txn.Write{set(1, keys(33, 1)...)}, status.InvalidArgument, dstm.ErrInvalid},
		{"a key", []txn.Write{set(1, keys(1, 256)...)}, []txn.Write{set(1, keys(1, 257)...)}, status.InvalidArgument, dstm.ErrInvalid},
		{"a key in a value", []txn.Write{set(map[string]int{keys(1, 256)[0]: 1}, "m")}, []txn.Write{set(map[string]int{keys(1, 257)[0]: 1}, "m")}, status.InvalidArgument, dstm.ErrInvalid},
	} {
		object := "o of " + c.name
		if a := r.commit(r.tx(object, 0, c.within...)); a.err != nil {
			t.Errorf("%s, within: %v", c.name, a.err)
		}
		if a := r.commit(r.tx(object, 1, c.beyond...)); a.err == nil || a.err.Code != c.code || a.err.Reason != c.reason || a.err.Unknown {
			t.Errorf("%s, beyond: %v", c.name, a.err)
		}
		r.settled = r.sequence
	}
	half := func(key string) txn.Write { return set(make([]byte, 500<<10), key) }
	for i, key := range []string{"a", "b"} {
		if a := r.commit(r.tx("o", uint64(i), half(key))); a.err != nil {
			t.Fatal(a.err)
		}
	}
	if a := r.commit(r.tx("o", 2, half("c"))); a.err == nil || a.err.Code != status.ResourceExhausted || a.err.Reason != dstm.ErrTooLarge {
		t.Errorf("an object, beyond: %v", a.err)
	}
	if a := r.commit(r.tx("o", 2, set(1, "n"))); a.err != nil {
		t.Errorf("afterwards: %v", a.err)
	}
	if _, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{MaxObject: 16<<20 + 1}); status.CodeOf(err) != status.InvalidArgument {
		t.Errorf("more than fits a piece: %v", err)
	}
}
