package dstm_test

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// seedOf is the seed of a random test: that of SEED, or a new one; it is printed.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SEED=%d", seed)
	return seed
}
