package bolt_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
)

// TestOlderCopy: somebody puts an older copy of the file in its place while the server is down. That is noticed when the first client
// comes back that has seen more, also if the log has grown beyond that meanwhile: a new epoch begins, everyone holds what the store
// holds, and what was sent to the lost end is not done again.
func TestOlderCopy(t *testing.T) {
	for _, grown := range []int{0, 3, 60} { // commits by another before the client comes back: it had seen 20 more
		for _, every := range []int{7, 1 << 20} {
			for _, idleFirst := range []bool{true, false} {
				t.Run(fmt.Sprintf("grown by %d, checkpoints every %d, idle first %v", grown, every, idleFirst), func(t *testing.T) {
					testOlderCopy(t, grown, every, idleFirst)
				})
			}
		}
	}
}

func testOlderCopy(t *testing.T, grown, every int, idleFirst bool) {
	s := newSite(t, dstm.StoreOptions{CheckpointEntries: every, KeepBytes: 16 << 20})
	if every < 10 {
		s.opts.Recent = 1 // and so nothing is proven from memory
	}
	path, older := newPath(t), newPath(t)
	s.start(path)
	var early, lost, later dstmtest.Recorder
	ahead, idle := s.guest(), s.guest()
	o, still, other := ahead.open("count"), ahead.open("still"), idle.open("count")
	do := func(r *dstmtest.Recorder, o dstm.Object, who, times int) {
		t.Helper()
		for range times {
			if _, err := r.Update(s.ctx, o, raise(who)); err != nil {
				t.Fatal(err)
			}
		}
	}
	do(&early, o, 0, 10)
	do(&early, other, 1, 10)
	do(&early, still, 0, 1)
	s.same(&early, o, still, other)

	ahead.leave()
	idle.leave()
	s.stop()
	copyFile(t, path, older)
	s.start(path)
	ahead.back()
	do(&lost, o, 0, 19)
	sent := ahead.unanswered(&lost, o, 0)
	unsent := ahead.raise(&later, o, 0)
	s.check(&lost)
	epoch := s.store.Epoch()
	s.stop()

	copyFile(t, older, path)
	s.start(path)
	if s.store.Epoch() != epoch {
		t.Error("there is nothing yet by which it could be noticed")
	}
	stranger := s.guest()
	third := stranger.open("count")
	do(&later, third, 2, grown)
	if idleFirst {
		idle.back()
		s.settle(other)
		if s.store.Epoch() != epoch {
			t.Error("a client that had seen nothing of the lost end began an epoch")
		}
	}
	ahead.back()
	if err := <-sent; !errors.Is(err, dstm.ErrOutcomeUnknown) {
		t.Errorf("what was sent to the lost end: %v", err)
	}
	if err := <-unsent; err != nil {
		t.Errorf("what was never sent: %v", err)
	}
	idle.back()
	if s.store.Epoch() == epoch {
		t.Error("it was not noticed")
	}
	do(&later, o, 0, 3)
	do(&later, other, 1, 3)
	do(&later, third, 2, 3)
	do(&later, still, 0, 1)
	s.same(&later, o, still, other, third)
	if _, each := counted(t, o); fmt.Sprint(each) != fmt.Sprint(map[string]int64{"0": 14, "1": 13, "2": int64(grown) + 3}) {
		t.Errorf("counted %v", each)
	}
	s.check(&later)
	s.check(&early)

	// The new epoch outlives the process, and who held the old one comes back to it.
	epoch = s.store.Epoch()
	idle.leave()
	s.stop()
	s.start(path)
	for _, g := range []*guest{ahead, idle, stranger} {
		g.line.cut()
		g.back()
	}
	s.same(&later, o, still, other, third)
	if s.store.Epoch() != epoch {
		t.Error("coming back began an epoch")
	}
}

// TestOlderCopyBesideTheObject: the lost end was about an object that the client has closed. Nothing that it holds parts from the log, but it has
// seen positions that the log does not reach.
func TestOlderCopyBesideTheObject(t *testing.T) {
	s := newSite(t, dstm.StoreOptions{})
	path, older := newPath(t), newPath(t)
	s.start(path)
	g := s.guest()
	o, beside := g.open("count"), g.open("beside")
	mustUpdate(t, s, o, raise(1))
	g.leave()
	s.stop()
	copyFile(t, path, older)
	s.start(path)
	g.back()
	for range 20 {
		mustUpdate(t, s, beside, raise(1))
	}
	beside.Close()
	g.leave()
	s.stop()
	copyFile(t, older, path)
	s.start(path)
	g.back()
	var r dstmtest.Recorder
	for range 3 {
		if _, err := r.Update(s.ctx, o, raise(1), dstm.MaxAttempts(3)); err != nil {
			t.Error(err)
		}
	}
	s.same(&r, o)
	s.check(&r)
}
