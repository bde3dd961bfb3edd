package dstm

import (
	"math"
	"math/rand/v2"
	"slices"
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

// What an object missed is found whatever else was pushed and dropped, or it is said that it cannot be.
func TestRingMissed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		ring := storeRing{limit: 2000 + r.IntN(20_000)}
		ring.reset(0)
		versions := map[string]uint64{}
		all := map[string][]uint64{} // positions by object, by version from 1
		for position := uint64(1); position <= 200; position++ {
			e := &engine.Entry{Kind: engine.Commit, Position: position, Size: 100}
			for _, name := range []string{"a", "b", "c"} {
				if r.IntN(3) == 0 {
					versions[name]++
					all[name] = append(all[name], position)
					e.Parts = append(e.Parts, engine.Part{Object: name, Version: versions[name], Raw: make([]byte, 36)})
				}
			}
			ring.push(e)
			for name, positions := range all {
				version := uint64(r.IntN(len(positions) + 1))
				want := positions[version:]
				got, ok := ring.missed(name, version, math.MaxInt)
				reaches := len(want) > 0 && want[0] >= ring.first || len(want) == 0 && positions[len(positions)-1] >= ring.first
				if ok != reaches || ok && !slices.Equal(got, want) {
					t.Fatalf("%s behind %d: %v, %v in place of %v; the ring begins at %d", name, version, got, ok, want, ring.first)
				}
				if _, ok := ring.missed(name, version, 100*len(want)-1); ok && len(want) > 0 {
					t.Fatal("the limit is not kept")
				}
			}
		}
		if len(ring.last) > 3 {
			t.Error("the ring remembers what it dropped")
		}
	}
}
