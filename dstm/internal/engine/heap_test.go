package engine

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// TestMillionNodes holds a million leaves of 16-byte keys and 64-bit values, as a server does, in at most 250 MB.
func TestMillionNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	const maps, each, most = 100, 10_000, 250 << 20
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	s, memory := New(Options{}), Memory{}
	s, _, _ = Begin(s, 1, "e")
	for i := range maps {
		value := codec.AppendMap(nil, each)
		for j := range each {
			value = codec.AppendString(value, fmt.Sprintf("%04d-%011d", i, j))
			value = codec.AppendInt(value, 1<<62+int64(j))
		}
		w := txn.Write{Op: txn.OpSet, Path: path(fmt.Sprintf("map-%012d", i)), Value: value}
		tx := &txn.Transaction{Sequence: uint64(i + 1), Settled: uint64(i), Position: s.Position, Parts: []txn.Part{{Object: "o", Epoch: "e", Writes: []txn.Write{w}}}}
		var d Decision
		s, memory, d = Decide(s, memory, &Request{Client: ID{1}, Time: 1, Tx: tx})
		expect(t, d, fmt.Sprint("committed ", i+1))
	}
	used := heap() - before
	t.Logf("%d bytes, %d a node", used, used/(maps*each))
	if used > most {
		t.Errorf("a million nodes take %d bytes, more than %d", used, most)
	}
	if o := s.Object("o"); o.Root.Len() != maps {
		t.Error("it is not all there")
	}
	runtime.KeepAlive(memory)
}
