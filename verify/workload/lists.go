package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/verify/rig"
)

func moves(ctx context.Context, r *rig.Rig, scale int, _ func(string, ...any)) error {
	const elements = 12
	var once sync.Once
	var opened error
	open := make(chan struct{})
	var made []string
	check := func(tx *dstm.Tx) error {
		ids := tx.Keys("list")
		if tx.Err() == nil && !slices.Equal(slices.Sorted(slices.Values(ids)), made) {
			return fmt.Errorf("the list holds %q where %q were inserted", ids, made)
		}
		return nil
	}
	return r.Each(6, "list", func(c *rig.Client, o dstm.Object, i int) error {
		once.Do(func() {
			_, opened = o.Update(ctx, func(tx *dstm.Tx) error {
				made = nil
				for n := range elements {
					made = append(made, tx.Insert(dstm.Last(), n, "list"))
				}
				slices.Sort(made)
				return nil
			})
			close(open)
		})
		<-open
		if opened != nil {
			return opened
		}
		if err := o.Wait(ctx, 1); err != nil {
			return err
		}
		for n := range 15 * scale {
			id, anchor := made[r.Number(elements)], made[r.Number(elements)]
			_, err := o.Update(ctx, func(tx *dstm.Tx) error {
				switch {
				case n%4 == 0:
					tx.Move(id, dstm.First(), "list")
				case n%4 == 1:
					tx.Move(id, dstm.Last(), "list")
				case id == anchor: // swap the two ends: this reads the order
					ids := tx.Keys("list")
					tx.Move(ids[0], dstm.Last(), "list")
					tx.Move(ids[len(ids)-1], dstm.First(), "list")
				case n%4 == 2:
					tx.Move(id, dstm.After(anchor), "list")
				default:
					tx.Move(id, dstm.Before(anchor), "list")
				}
				return nil
			})
			if err != nil && !expected(err) {
				return err
			}
			if err := o.View(check); err != nil {
				return err
			}
		}
		return o.View(check)
	})
}

// queue: producers fill two queues, consumers take from the first, or else the second, or sleep.
func queue(ctx context.Context, r *rig.Rig, scale int, say func(string, ...any)) error {
	const producers, consumers = 3, 3
	each := 10 * scale
	var mu sync.Mutex
	taken := map[string]int{}    // by item
	last := map[[3]int]int{}     // the last number of a producer in a queue that one consumer took
	var left, slept atomic.Int64 // items that nobody has taken
	left.Store(int64(producers * each))
	type item struct{ Producer, Number int }
	ended, end := context.WithCancel(ctx)
	defer end()
	take := func(queue string, got *item, from *string) func(tx *dstm.Tx) error {
		return func(tx *dstm.Tx) error {
			ids := tx.Keys(queue)
			if len(ids) == 0 {
				tx.Retry()
			}
			*from = queue
			tx.Lookup(got, queue, ids[0])
			tx.Delete(queue, ids[0])
			return nil
		}
	}
	return r.Each(producers+consumers, "queues", func(c *rig.Client, o dstm.Object, i int) error {
		if i < producers {
			for n := range each {
				queue := []string{"first", "second"}[r.Number(2)]
				_, err := o.Update(ctx, func(tx *dstm.Tx) error {
					tx.Insert(dstm.Last(), item{i, n}, queue)
					return nil
				})
				if err != nil { // an item whose fate is unknown cannot be waited for
					end()
					return fmt.Errorf("producing: %w", err)
				}
			}
			return nil
		}
		for left.Load() > 0 {
			var got item
			var from string
			runs := 0
			_, err := o.Update(ended, func(tx *dstm.Tx) error {
				runs++
				return tx.OrElse(take("first", &got, &from), take("second", &got, &from))
			})
			if errors.Is(err, context.Canceled) && left.Load() == 0 {
				return nil
			}
			if err != nil {
				end()
				return fmt.Errorf("consuming: %w", err)
			}
			if runs > 1 {
				slept.Add(1)
			}
			mu.Lock()
			key := fmt.Sprint(got)
			taken[key]++
			place := [3]int{i, got.Producer, len(from)}
			order := last[place] <= got.Number
			last[place] = got.Number
			twice := taken[key] > 1
			mu.Unlock()
			switch {
			case twice:
				end()
				return fmt.Errorf("%v was taken twice", got)
			case !order:
				end()
				return fmt.Errorf("%v was taken from the %s queue behind a later one of its producer", got, from)
			}
			if left.Add(-1) == 0 {
				end()
			}
		}
		return nil
	})
}
