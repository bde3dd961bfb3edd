package dstm

import (
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
)

// However many subsets of an entry's objects clients have open, few frames of it are kept.
func TestRingKeepsFewFrames(t *testing.T) {
	e := &engine.Entry{Kind: engine.Commit, Position: 1, Size: 100}
	for _, name := range []string{"a", "b", "c", "d"} {
		e.Parts = append(e.Parts, engine.Part{Object: name, Version: 1, Raw: []byte{0x93, 0xa1, name[0], 1, 0x90}})
	}
	ring := storeRing{limit: 1 << 20}
	ring.reset(0)
	recent := ring.push(e)
	whole := recent.change("main", 15)
	for mask := uint32(1); mask < 15; mask++ {
		if recent.change("main", mask) == nil {
			t.Fatal("no frame")
		}
	}
	if len(recent.frames) != maxFrames || recent.change("main", 15) != whole {
		t.Errorf("%d frames are kept", len(recent.frames))
	}
}
