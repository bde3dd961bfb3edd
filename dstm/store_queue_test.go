package dstm

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/turns"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
)

// Whoever waits for the end of the queue hears of it also if all that was left is the place of someone who has gone: then the
// committer has nothing to do any more.
func TestQueueDrainsOfOneGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q storeQueue
		q.init(world.Real, 1, 1)
		spots := []turns.Spot{{Object: "o", Path: tree.Path{"x"}}}
		here, gone := &storeWaiter{}, &storeWaiter{}
		for i, w := range []*storeWaiter{here, gone} {
			if !q.turns.Earn(time.Now(), storeTurn{update: i}, 2, spots, &storeHeld{job: storeJob{waiter: w}}) {
				t.Fatal("no place")
			}
		}
		go func() {
			for batch, answers := q.take(nil); len(batch)+len(answers) > 0; batch, answers = q.take(batch) {
				q.done()
			}
		}()
		synctest.Wait() // the first has a reservation, the second waits behind it
		gone.gone.Store(true)
		q.leave(storeTurn{update: 1})
		synctest.Wait()
		q.close()
		q.waitDrained()
	})
}
