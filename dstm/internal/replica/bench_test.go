package replica

import (
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// BenchmarkQueue submits many transactions and brings them to their answers; one operation is one transaction.
func BenchmarkQueue(b *testing.B) {
	for _, n := range []int{1, 64, 1000} {
		b.Run(map[int]string{1: "1", 64: "64", 1000: "1000"}[n], func(b *testing.B) {
			d := newDesk(&testing.T{})
			d.connect()
			d.open("a")
			for i := 0; i < b.N; i += n {
				d.server.entries = nil // or the naive server grows without bound
				d.server.records = map[[16]byte]map[uint64]*record{}
				o := d.server.object("a")
				o.history = nil
				for range n {
					d.do("a", add(1, "n"))
				}
				d.sync()
				d.core.Events()
			}
		})
	}
}

// TestWidthCostsNothing: one change, and one own transaction, in a wide map or a long list cost what they do in a small one.
func TestWidthCostsNothing(t *testing.T) {
	cost := func(n int) (foreign, own float64) {
		d := newDesk(t)
		d.foreign("a", func(t *draft) {
			for i := range n {
				t.set(1, "map", fmt.Sprint(i))
				insert(fmt.Sprint(i), last)(t)
			}
		})
		d.connect()
		d.open("a")
		o := d.core.objects["a"]
		e := entry{client: [16]byte{2}}
		foreign = testing.AllocsPerRun(100, func() {
			e.position++
			e.parts = []effect{{object: "a", version: o.version + 1, writes: []txn.Write{
				{Op: txn.OpSet, Path: tree.Path{"map", "7"}, Value: codec.AppendInt(nil, 5)},
				{Op: txn.OpSet, Path: tree.Path{"list", "7"}, Value: codec.AppendInt(nil, 5)},
				{Op: txn.OpMove, Path: tree.Path{"list"}, ID: "7", Place: first},
			}}}
			d.core.apply(o.log, &e)
			d.core.done()
			d.core.Events()
		})
		d.cut() // own ones are not sent
		own = testing.AllocsPerRun(100, func() {
			sequence := d.do("a", func(t *draft) { t.add(1, "map", "7"); move("7", first)(t) })
			d.core.Withdraw(sequence)
			d.core.Events()
		})
		return foreign, own
	}
	fewForeign, fewOwn := cost(10)
	manyForeign, manyOwn := cost(4900)
	// The trees are at most some four times as high.
	if manyForeign > 8*fewForeign || manyOwn > 8*fewOwn {
		t.Fatalf("%v and %v allocations among 10, %v and %v among 4,900", fewForeign, fewOwn, manyForeign, manyOwn)
	}
}
