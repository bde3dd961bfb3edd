package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
)

// TestOlderCopyOfAnEarlierEpoch: the file that is put in place is even of an earlier epoch. A client of the later one is in another history,
// one that stayed in the earlier one goes on where it was.
func TestOlderCopyOfAnEarlierEpoch(t *testing.T) {
	for _, grown := range []int{0, 40} {
		t.Run(fmt.Sprint("grown by ", grown), func(t *testing.T) { testEarlierEpoch(t, grown) })
	}
}

func testEarlierEpoch(t *testing.T, grown int) {
	s := newSite(t, dstm.StoreOptions{})
	older, later := newPath(t), newPath(t)
	s.start(older)
	var common, lost, again dstmtest.Recorder
	g, stayed := s.guest(), s.guest()
	o, other := g.open("count"), stayed.open("count")
	for range 5 {
		for who, o := range []dstm.Object{o, other} {
			if _, err := common.Update(s.ctx, o, raise(who)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.same(&common, o, other)
	var backup bytes.Buffer
	if _, err := s.file.Backup(s.ctx, &backup); err != nil {
		t.Fatal(err)
	}
	g.leave()
	stayed.leave()
	first := s.store.Epoch()
	s.stop()

	if err := bolt.Restore(later, &backup); err != nil {
		t.Fatal(err)
	}
	s.start(later)
	g.back()
	for range 20 {
		if _, err := lost.Update(s.ctx, o, raise(0)); err != nil {
			t.Fatal(err)
		}
	}
	sent := g.unanswered(&lost, o, 0)
	unsent := g.raise(&again, o, 0)
	s.check(&lost)
	s.stop()

	s.start(older)
	third := s.guest().open("count")
	for range grown {
		if _, err := again.Update(s.ctx, third, raise(2)); err != nil {
			t.Fatal(err)
		}
	}
	g.back()
	stayed.back()
	if err := <-sent; !errors.Is(err, dstm.ErrOutcomeUnknown) {
		t.Errorf("what was sent to the lost epoch: %v", err)
	}
	if err := <-unsent; err != nil {
		t.Errorf("what was never sent: %v", err)
	}
	for who, o := range []dstm.Object{o, other, third} {
		if _, err := again.Update(s.ctx, o, raise(who)); err != nil {
			t.Fatal(err)
		}
	}
	s.same(&again, o, other, third)
	if s.store.Epoch() != first {
		t.Error("a client of another epoch began one")
	}
	if _, each := counted(t, o); fmt.Sprint(each) != fmt.Sprint(map[string]int64{"0": 7, "1": 6, "2": int64(grown) + 1}) {
		t.Errorf("counted %v", each)
	}
	s.check(&common)
	s.check(&again)
}
