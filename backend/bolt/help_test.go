package bolt

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/internal/leak"
)

// TestMain lets the test binary be the process that is killed or traced.
func TestMain(m *testing.M) {
	if task := os.Getenv("TREFOIL_BOLT_TASK"); task != "" {
		os.Exit(runTask(task))
	}
	os.Exit(leak.Main(m))
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "store") }

func mustOpen(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, nil)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func mustLog(t testing.TB, s *Store, name string) *handle {
	t.Helper()
	l, err := s.Log(name)
	if err != nil {
		t.Fatalf("Log: %v", err)
	}
	return l.(*handle)
}

// batchAt is the batch that the tests append behind after: some entries of several sizes that tell their positions.
func batchAt(after dstm.Position, size int) dstm.Batch {
	var b dstm.Batch
	for i := range size {
		b.Entries = append(b.Entries, dataAt(after+dstm.Position(i)+1))
	}
	return b
}

func dataAt(p dstm.Position) []byte {
	data := fmt.Appendf(nil, "entry %d ", p)
	for len(data) < int(p*37%500) {
		data = append(data, byte(p))
	}
	return data
}

// fill appends until the head is upto.
func fill(t testing.TB, l dstm.Log, upto dstm.Position) {
	t.Helper()
	head, err := l.Head(context.Background())
	for size := 1; err == nil && head < upto; size = size%9 + 1 {
		head, err = l.Append(context.Background(), head, batchAt(head, min(size, int(upto-head))))
	}
	if err != nil {
		t.Fatalf("fill: %v", err)
	}
}
