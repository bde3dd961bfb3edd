package bolt_test

import (
	"strconv"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
)

var (
	tally = dstm.NewVar[int64]("by", "{who}")
	total = dstm.NewVar[int64]("total").At()
)

// raise adds one to what somebody has counted, by reading it, and one to the sum of all.
func raise(who int) func(tx *dstm.Tx) error {
	return func(tx *dstm.Tx) error {
		mine := tally.At(strconv.Itoa(who))
		mine.Set(tx, mine.Get(tx)+1)
		dstm.Add(tx, total, 1)
		return nil
	}
}

// counted is what raise has led to: the sum, and what each has counted.
func counted(t *testing.T, o dstm.Object) (sum int64, each map[string]int64) {
	t.Helper()
	each = map[string]int64{}
	all := int64(0)
	err := o.View(func(tx *dstm.Tx) error {
		for who, n := range tally.All(tx) {
			each[who] = n
			all += n
		}
		sum = total.Get(tx)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if all != sum {
		t.Errorf("the sum is %d, the parts are %v", sum, each)
	}
	return sum, each
}

// unanswered has raise commit although its answer does not arrive, and the client leave.
func (g *guest) unanswered(r *dstmtest.Recorder, o dstm.Object, who int) <-chan error {
	s := g.site
	s.t.Helper()
	g.line.hold()
	mine := s.object(o.Name())
	defer mine.Close()
	next := mine.Head().Version + 1
	done := g.raise(r, o, who)
	if err := mine.Wait(s.ctx, next); err != nil {
		s.t.Fatal(err)
	}
	g.leave()
	return done
}

// raise begins a raise, which ends in the background, and returns when the client shows it.
func (g *guest) raise(r *dstmtest.Recorder, o dstm.Object, who int) <-chan error {
	s := g.site
	s.t.Helper()
	before, _ := counted(s.t, o)
	done := make(chan error, 1)
	go func() {
		_, err := r.Update(s.ctx, o, raise(who))
		done <- err
	}()
	s.until(func() bool { now, _ := counted(s.t, o); return now > before })
	return done
}
