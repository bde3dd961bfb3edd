package workload

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/verify/rig"
)

// skew: two are on call; each may leave if the other is there. In every round both try at once.
func skew(ctx context.Context, r *rig.Rig, scale int, _ func(string, ...any)) error {
	names := []string{"anna", "otto"}
	for round := range 5 * scale {
		name := fmt.Sprintf("call/%d", round)
		var ready sync.WaitGroup
		ready.Add(len(names))
		var objects [2]dstm.Object
		err := r.Each(len(names), name, func(c *rig.Client, o dstm.Object, i int) error {
			objects[i] = o
			if i == 0 {
				if _, err := o.Update(ctx, func(tx *dstm.Tx) error {
					tx.Overwrite(map[string]bool{names[0]: true, names[1]: true}, "on")
					return nil
				}); err != nil {
					return err
				}
			} else if err := o.Wait(ctx, 1); err != nil {
				return err
			}
			ready.Done()
			ready.Wait()
			_, err := o.Update(ctx, func(tx *dstm.Tx) error {
				other := false
				if tx.Lookup(&other, "on", names[1-i]); other {
					tx.Overwrite(false, "on", names[i])
				}
				return nil
			})
			if err != nil && !expected(err) {
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := catchUp(ctx, objects[0], objects[1]); err != nil {
			return err
		}
		if err := objects[0].View(func(tx *dstm.Tx) error {
			on := map[string]bool{}
			if tx.Lookup(&on, "on"); !on["anna"] && !on["otto"] {
				return fmt.Errorf("in %s nobody is on call", name)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// between runs a transaction of one, and what others do while it runs for the first time; it returns how often it ran.
func between(ctx context.Context, o dstm.Object, others func() error, fn func(tx *dstm.Tx) error) (attempts int, err error) {
	_, err = o.Update(ctx, func(tx *dstm.Tx) error {
		attempts++
		if err := fn(tx); err != nil || attempts > 1 {
			return err
		}
		return others()
	})
	return attempts, err
}

// do is an Update that must commit, and its news.
func do(ctx context.Context, o dstm.Object, fn func(tx *dstm.Tx)) error {
	_, err := o.Update(ctx, func(tx *dstm.Tx) error { fn(tx); return nil })
	return err
}

func aba(ctx context.Context, r *rig.Rig, scale int, _ func(string, ...any)) error {
	for round := range scale {
		name := fmt.Sprintf("strict/%d", round)
		client, err := r.Client()
		if err != nil {
			return err
		}
		mine, err := client.Object(name)
		if err != nil {
			return err
		}
		theirs, _, err := pair(r, name)
		if err != nil {
			return err
		}
		for i, c := range []struct {
			name          string
			prepare, both func(tx *dstm.Tx)
			back          func(tx *dstm.Tx)
			read          func(tx *dstm.Tx)
		}{
			{"absent, present, absent", func(tx *dstm.Tx) { tx.Delete("flag") },
				func(tx *dstm.Tx) { tx.Set(1, "flag") }, func(tx *dstm.Tx) { tx.Delete("flag") },
				func(tx *dstm.Tx) { tx.Exists("flag") }},
			{"1, 2, 1", func(tx *dstm.Tx) { tx.Set(1, "n") },
				func(tx *dstm.Tx) { tx.Set(2, "n") }, func(tx *dstm.Tx) { tx.Set(1, "n") },
				func(tx *dstm.Tx) { number(tx, "n") }},
			{"a key, none, the key", func(tx *dstm.Tx) { tx.Set(map[string]int{"k": 1}, "map") },
				func(tx *dstm.Tx) { tx.Delete("map", "k") }, func(tx *dstm.Tx) { tx.Set(1, "map", "k") },
				func(tx *dstm.Tx) { tx.Keys("map") }},
		} {
			if err := do(ctx, theirs, c.prepare); err != nil {
				return err
			}
			if err := catchUp(ctx, mine, theirs); err != nil {
				return err
			}
			attempts, err := between(ctx, mine, func() error {
				if late := (round+i)%2 == 0; late { // it hears of it when it has decided: the server must tell
					client.Hold()
					defer time.AfterFunc(5*time.Millisecond, client.Let)
				}
				if err := do(ctx, theirs, c.both); err != nil {
					return err
				}
				return do(ctx, theirs, c.back)
			}, func(tx *dstm.Tx) error {
				c.read(tx)
				tx.Add(1, nil, nil, "decided")
				return nil
			})
			if err != nil {
				return err
			}
			if attempts < 2 {
				return fmt.Errorf("%s: a strict object did not see that it had changed meanwhile", c.name)
			}
		}
	}
	return nil
}

// pair opens an object on two new clients.
func pair(r *rig.Rig, name string) (a, b dstm.Object, err error) {
	var out [2]dstm.Object
	for i := range out {
		c, err := r.Client()
		if err != nil {
			return nil, nil, err
		}
		if out[i], err = c.Object(name); err != nil {
			return nil, nil, err
		}
	}
	return out[0], out[1], nil
}

func recreate(ctx context.Context, r *rig.Rig, scale int, _ func(string, ...any)) error {
	for round := range scale {
		mine, theirs, err := pair(r, fmt.Sprintf("recreate/%d", round))
		if err != nil {
			return err
		}
		create := func(tx *dstm.Tx) { tx.Set(map[string]any{"title": "t", "pages": map[string]any{}}, "doc") }
		for _, write := range []func(tx *dstm.Tx){
			func(tx *dstm.Tx) { tx.Overwrite(1, "doc", "pages", "one") },
			func(tx *dstm.Tx) { tx.Add(1, nil, nil, "doc", "count") },
			func(tx *dstm.Tx) { tx.Insert(dstm.Last(), "x", "doc", "list") },
		} {
			if err := do(ctx, theirs, create); err != nil {
				return err
			}
			if err := catchUp(ctx, mine, theirs); err != nil {
				return err
			}
			attempts, err := between(ctx, mine, func() error {
				if err := do(ctx, theirs, func(tx *dstm.Tx) { tx.Delete("doc") }); err != nil {
					return err
				}
				return do(ctx, theirs, create)
			}, func(tx *dstm.Tx) error { write(tx); return nil })
			if err != nil {
				return err
			}
			if attempts < 2 {
				return errors.New("somebody wrote into a map that had been replaced, and did not notice")
			}
		}
	}
	return nil
}

func phantom(ctx context.Context, r *rig.Rig, scale int, _ func(string, ...any)) error {
	const seats = 7
	for round := range max(1, scale/2) {
		var taken atomic.Int64
		var last dstm.Object
		err := r.Each(10, fmt.Sprintf("table/%d", round), func(c *rig.Client, o dstm.Object, i int) error {
			sat := false
			_, err := o.Update(ctx, func(tx *dstm.Tx) error {
				sat = false
				free := len(tx.Keys("seats")) < seats
				if i%2 == 0 {
					free = !tx.GuardLength(dstm.GreaterOrEqual, seats, "seats")
				}
				if free {
					tx.Overwrite(i, "seats", fmt.Sprint("guest-", i))
					sat = true
				}
				return nil
			})
			switch {
			case err != nil && !expected(err):
				return err
			case err == nil && sat:
				taken.Add(1)
			}
			if i == 0 {
				last = o
			}
			return nil
		})
		if err != nil {
			return err
		}
		// A transaction of its own is behind everything.
		var keys []string
		if _, err := last.Update(ctx, func(tx *dstm.Tx) error { keys = tx.Keys("seats"); tx.Set(true, "closed"); return nil }); err != nil {
			return err
		}
		if len(keys) > seats || int(taken.Load()) > len(keys) {
			return fmt.Errorf("%d sit on %d seats, and %d were told that they do", len(keys), seats, taken.Load())
		}
	}
	return nil
}
