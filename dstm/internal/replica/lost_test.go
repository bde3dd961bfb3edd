package replica

import (
	"slices"
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// TestLostCommitIsTakenBack: an own commit that was told before its change came, and which the log lost when it was put back to an older copy, is taken back
// when another transaction makes the version that it was told to have made; and that is told.
func TestLostCommitIsTakenBack(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	own := d.do("a", set(1, "own"))
	for d.core.Next() != nil { // it is sent, and answered by a server that nobody else has seen
		d.core.Sent()
	}
	if err := d.core.committed(d.core.logged("log"), own, 1, []uint64{1}); err != nil {
		t.Fatal(err)
	}
	d.core.done()
	d.sees("a", 1, "own")
	told := d.state("a").Root
	d.core.Events()
	d.foreign("a", set(2, "other"))
	d.receive()
	var origins []Origin
	for _, e := range d.core.Events() {
		if e.Kind != Changed {
			continue
		}
		if e.Before != told {
			t.Error("a change does not begin where the one before it ended")
		}
		own := slices.ContainsFunc(e.Paths, func(p tree.Path) bool { return p.String() == "own" })
		if gone := number(e.Before, "own") != number(e.After, "own"); gone && !own {
			t.Errorf("the paths %v do not say that the own write has gone", e.Paths)
		}
		told = e.After
		origins = append(origins, e.Origin)
	}
	if number(told, "own") != 0 || number(told, "other") != 2 || told != d.state("a").Root {
		t.Errorf("told %x", told.Value())
	}
	if !slices.Equal(origins, []Origin{Rollback, Remote}) {
		t.Errorf("told as %v", origins)
	}
}
