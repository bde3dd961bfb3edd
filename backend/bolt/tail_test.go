package bolt

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
)

// Whoever reads gets the same whether the entries are those of the last batch, which is in memory, or only in the file.
func TestTail(t *testing.T) {
	log := mustLog(t, mustOpen(t, filepath.Join(t.TempDir(), "file")), "main")
	var all [][]byte
	for _, size := range []int{10, tailLimit, 10} {
		inMemory := 5*size <= tailLimit
		var batch dstm.Batch
		for i := range 5 {
			batch.Entries = append(batch.Entries, bytes.Repeat([]byte{byte(i), byte(len(all))}, size/2))
		}
		after := dstm.Position(len(all))
		all = append(all, batch.Entries...)
		if _, err := log.Append(t.Context(), after, batch); err != nil {
			t.Fatal(err)
		}
		for next := dstm.Position(0); next <= dstm.Position(len(all)); next++ {
			want := 0
			if inMemory && next >= after {
				want = len(all) - int(next)
			}
			if got := len(log.recent(next)); got != want {
				t.Errorf("%d entries behind %d of %d are in memory, not %d", got, next, len(all), want)
			}
			if next == dstm.Position(len(all)) {
				break // a reader would wait
			}
			at := next
			for e, err := range log.Read(t.Context(), next) {
				if at++; err != nil || e.Position != at || !bytes.Equal(e.Data, all[at-1]) {
					t.Fatalf("behind %d: %v, entry %d of %d bytes", at-1, err, e.Position, len(e.Data))
				}
				if int(at) == len(all) {
					break
				}
			}
		}
	}
	if fmt.Sprint(log.recent(1<<60)) != "[]" {
		t.Error("something is behind the end")
	}
}
