package workload

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/verify/rig"
)

// once counts what was told against what is there.
func once(ctx context.Context, r *rig.Rig, scale int, say func(string, ...any)) error {
	var told, unknown, attempts atomic.Int64
	var first dstm.Object
	err := r.Each(8, "counter", func(c *rig.Client, o dstm.Object, i int) error {
		if i == 0 {
			first = o
		}
		for n := range 15 * scale {
			_, err := o.Update(ctx, func(tx *dstm.Tx) error {
				attempts.Add(1)
				if n%2 == 0 {
					tx.Add(1, nil, nil, "total")
				} else {
					tx.Set(number(tx, "total")+1, "total")
				}
				return nil
			})
			switch {
			case err == nil:
				told.Add(1)
			case status.OutcomeUnknown(err):
				unknown.Add(1)
			case !errors.Is(err, dstm.ErrConflict):
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	total := 0
	if _, err := first.Update(ctx, func(tx *dstm.Tx) error { total = number(tx, "total"); tx.Set(true, "done"); return nil }); err != nil {
		return err
	}
	say("%d commits told, %d unknown, %d attempts, the total is %d", told.Load(), unknown.Load(), attempts.Load(), total)
	if total < int(told.Load()) || total > int(told.Load()+unknown.Load()) {
		return fmt.Errorf("%d were told that they added 1, of %d more that is unknown, and the total is %d", told.Load(), unknown.Load(), total)
	}
	return nil
}

// Contended is the number of clients, and the additions of each, of the figures that RESULTS.md publishes.
const Contended = 100

// Contention has 100 clients add 1 to one counter 100 times each, by Add or by get and set, and says how many attempts it took.
func Contention(ctx context.Context, r *rig.Rig, add bool, say func(string, ...any)) error {
	var attempts, most atomic.Int64
	var first dstm.Object
	err := r.Each(Contended, "counter", func(c *rig.Client, o dstm.Object, i int) error {
		if i == 0 {
			first = o
		}
		for range Contended {
			tries := int64(0)
			_, err := o.Update(ctx, func(tx *dstm.Tx) error {
				tries++
				if add {
					tx.Add(1, nil, nil, "total")
				} else {
					tx.Set(number(tx, "total")+1, "total")
				}
				return nil
			})
			if err != nil {
				return err
			}
			attempts.Add(tries)
			for old := most.Load(); tries > old && !most.CompareAndSwap(old, tries); old = most.Load() {
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	total := 0
	if _, err := first.Update(ctx, func(tx *dstm.Tx) error { total = number(tx, "total"); tx.Set(true, "done"); return nil }); err != nil {
		return err
	}
	way := "get and set"
	if add {
		way = "Add"
	}
	const want = Contended * Contended
	say("%d clients, %d commits by %s: %.2f attempts a commit, %d at most, the total is %d",
		Contended, want, way, float64(attempts.Load())/want, most.Load(), total)
	switch {
	case total != want:
		return fmt.Errorf("the total is %d, not %d", total, want)
	case add && attempts.Load() != want:
		return fmt.Errorf("additions conflicted: %d attempts for %d commits", attempts.Load(), want)
	}
	return nil
}

// offline: one works without a connection while others go on.
func offline(ctx context.Context, r *rig.Rig, scale int, _ func(string, ...any)) error {
	for round := range scale {
		name := fmt.Sprintf("offline/%d", round)
		c, err := r.Client()
		if err != nil {
			return err
		}
		mine, err := c.Object(name)
		if err != nil {
			return err
		}
		theirs, _, err := pair(r, name)
		if err != nil {
			return err
		}
		if err := do(ctx, mine, func(tx *dstm.Tx) { tx.Set("draft", "title"); tx.Set(0, "count") }); err != nil {
			return err
		}
		c.Hold()
		const additions = 10
		results := make(chan error, additions+2)
		run := func(fn func(tx *dstm.Tx)) {
			go func() { results <- do(ctx, mine, fn) }()
		}
		for range additions {
			run(func(tx *dstm.Tx) { tx.Add(1, nil, nil, "count") })
		}
		ran := make(chan int, 10) // attempts of the one that will conflict
		attempts := 0
		run(func(tx *dstm.Tx) {
			attempts++
			ran <- attempts
			title := ""
			tx.Lookup(&title, "title")
			tx.Set(title+", mine", "title")
		})
		// All is seen at once, before anything was sent.
		for shown := false; !shown && ctx.Err() == nil; {
			if err := mine.View(func(tx *dstm.Tx) error {
				title := ""
				tx.Lookup(&title, "title")
				shown = number(tx, "count") == additions && title == "draft, mine"
				return nil
			}); err != nil {
				return err
			}
		}
		if err := do(ctx, theirs, func(tx *dstm.Tx) { tx.Set("final", "title"); tx.Add(100, nil, nil, "count") }); err != nil {
			return err
		}
		c.Let()
		for range additions + 1 {
			if err := <-results; err != nil {
				return err
			}
		}
		if err := mine.View(func(tx *dstm.Tx) error {
			title := ""
			tx.Lookup(&title, "title")
			if n := number(tx, "count"); n != 100+additions || title != "final, mine" {
				return fmt.Errorf("after coming back: count %d, title %q", n, title)
			}
			return nil
		}); err != nil {
			return err
		}
		if len(ran) < 2 {
			return errors.New("a transaction whose reads had changed did not run again")
		}
	}
	return nil
}
