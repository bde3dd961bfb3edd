package bolt

import (
	"path/filepath"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/logtest"
)

// TestContract holds the log to the contract of the interface.
func TestContract(t *testing.T) {
	stores := map[*log]string{}
	path := func(t *testing.T, file string) dstm.Log {
		s := mustOpen(t, file)
		h := mustLog(t, s, "main")
		stores[h.log] = file
		return h
	}
	logtest.Backend{
		Open: func(t *testing.T) dstm.Log { return path(t, filepath.Join(t.TempDir(), "store")) },
		Reopen: func(t *testing.T, log dstm.Log) dstm.Log {
			l := log.(*handle).log
			if err := l.store.Close(); err != nil {
				t.Fatal(err)
			}
			return path(t, stores[l])
		},
		Share: func(t *testing.T, log dstm.Log) dstm.Log { return mustLog(t, log.(*handle).store, "main") },
	}.Run(t)
}
