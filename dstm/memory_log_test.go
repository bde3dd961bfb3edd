package dstm_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/logtest"
)

// TestMemoryLog holds the memory log to the contract. It persists as long as a handle on it is shared.
func TestMemoryLog(t *testing.T) {
	another := func(_ *testing.T, log dstm.Log) dstm.Log { return log.(*dstm.MemoryLog).Share() }
	logtest.Backend{
		Open:  func(*testing.T) dstm.Log { return dstm.NewMemoryLog() },
		Share: another,
		Reopen: func(t *testing.T, log dstm.Log) dstm.Log {
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			return another(t, log)
		},
	}.Run(t)
}

func ExampleNewMemoryLog() {
	ctx := context.Background()
	log := dstm.NewMemoryLog()
	defer log.Close()
	head, _ := log.Append(ctx, 0, dstm.Batch{Entries: [][]byte{[]byte("hello"), []byte("code camp")}})
	for entry := range log.Read(ctx, 0) {
		fmt.Printf("%d %s\n", entry.Position, entry.Data)
		if entry.Position == head {
			break // otherwise Read would wait for more
		}
	}
	// Output:
	// 1 hello
	// 2 code camp
}
