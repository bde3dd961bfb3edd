package replica

import "testing"

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
