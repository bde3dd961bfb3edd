package workload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/verify/cycles"
	"github.com/trefoilgo/trefoil/verify/linear"
	"github.com/trefoilgo/trefoil/verify/rig"
)

// registers lets clients read, write, add and guard four registers, and has porcupine judge windows of it.
func registers(ctx context.Context, r *rig.Rig, scale int, say func(string, ...any)) error {
	for window := range scale {
		var mu sync.Mutex
		var history []linear.Transaction
		began := time.Now()
		err := r.Each(6, fmt.Sprintf("registers/%d", window), func(c *rig.Client, o dstm.Object, i int) error {
			for range 30 {
				t := linear.Transaction{Client: i, Call: int64(time.Since(began))}
				kind, a, b, n := r.Number(6), r.Number(linear.Registers), r.Number(linear.Registers), 1+r.Number(9)
				_, err := o.Update(ctx, func(tx *dstm.Tx) error {
					t.Steps = registerSteps(tx, kind, a, b, n)
					return nil
				}, dstm.Strict())
				t.Done = int64(time.Since(began))
				if status.OutcomeUnknown(err) {
					t.Done = 0
				} else if errors.Is(err, dstm.ErrConflict) {
					continue
				} else if err != nil {
					return err
				}
				mu.Lock()
				history = append(history, t)
				mu.Unlock()
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := linear.Check(history, time.Minute); err != nil {
			return fmt.Errorf("window %d: %w", window, err)
		}
	}
	say("%d windows of 6 clients and 180 transactions", scale)
	return nil
}

// registerSteps does one kind of transaction and says what it saw and did.
func registerSteps(tx *dstm.Tx, kind, a, b, n int) []linear.Step {
	name := func(i int) string { return string(rune('a' + i)) }
	read := func(i int) linear.Step {
		return linear.Step{Kind: linear.Read, Register: i, Value: number(tx, name(i))}
	}
	switch kind {
	case 0: // all at once, and nothing written
		return []linear.Step{read(0), read(1), read(2), read(3)}
	case 1: // copy one to the other
		seen := read(a)
		tx.Overwrite(seen.Value+n, name(b))
		return []linear.Step{seen, {Kind: linear.Write, Register: b, Value: seen.Value + n}}
	case 2: // swap
		x, y := read(a), read(b)
		tx.Set(y.Value, name(a))
		tx.Set(x.Value, name(b))
		return []linear.Step{x, y, {Kind: linear.Write, Register: a, Value: y.Value}, {Kind: linear.Write, Register: b, Value: x.Value}}
	case 3:
		tx.Add(n, nil, nil, name(a))
		return []linear.Step{{Kind: linear.Add, Register: a, Value: n}}
	case 4: // guard one, write the other blindly
		guard := linear.Step{Kind: linear.Below, Register: a, Value: n}
		number := tx.Guard(dstm.GreaterOrEqual, n, name(a))
		if number {
			guard.Kind = linear.AtLeast
		}
		tx.Overwrite(n, name(b))
		return []linear.Step{guard, {Kind: linear.Write, Register: b, Value: n}}
	}
	tx.Overwrite(n, name(a))
	return []linear.Step{{Kind: linear.Write, Register: a, Value: n}}
}

// appends lets clients append to lists and read them, and looks for cycles of dependencies.
func appends(ctx context.Context, r *rig.Rig, scale int, say func(string, ...any)) error {
	const lists = 5
	var mu sync.Mutex
	var history []cycles.Transaction
	next := map[string]int{}
	began := time.Now()
	var first dstm.Object
	err := r.Each(8, "lists", func(c *rig.Client, o dstm.Object, i int) error {
		if i == 0 {
			first = o
		}
		for n := range 25 * scale {
			// What it is to do is chosen before, and what it saw is what counts.
			plan := make([]cycles.Op, 1+r.Number(4))
			mu.Lock()
			for j := range plan {
				key := fmt.Sprint("list-", r.Number(lists))
				if plan[j] = cycles.Read(key); r.Number(2) == 0 {
					next[key]++
					plan[j] = cycles.Append(key, next[key])
				}
			}
			mu.Unlock()
			t := cycles.Transaction{Begin: int64(time.Since(began))}
			_, err := o.Update(ctx, func(tx *dstm.Tx) error {
				t.Ops = nil
				for _, op := range plan {
					t.Ops = append(t.Ops, perform(tx, op, n%2 == 0))
				}
				return nil
			}, dstm.Strict())
			t.End = int64(time.Since(began))
			switch {
			case status.OutcomeUnknown(err):
				t.Outcome = cycles.Unknown
			case errors.Is(err, dstm.ErrConflict):
				t.Outcome = cycles.Aborted
			case err != nil:
				return err
			}
			mu.Lock()
			history = append(history, t)
			mu.Unlock()
		}
		return nil
	})
	if err != nil {
		return err
	}
	anomalies := cycles.Check(history)
	final := map[string][]int{}
	if _, err := first.Update(ctx, func(tx *dstm.Tx) error {
		for i := range lists {
			op := perform(tx, cycles.Read(fmt.Sprint("list-", i)), false)
			final[op.Key] = op.List
		}
		tx.Set(true, "done")
		return nil
	}); err != nil {
		return err
	}
	anomalies = append(anomalies, cycles.Complete(history, final)...)
	say("%d transactions, %d anomalies", len(history), len(anomalies))
	if len(anomalies) > 0 {
		var b strings.Builder
		for _, a := range anomalies[:min(len(anomalies), 5)] {
			fmt.Fprintf(&b, "\n%v", a)
			for _, t := range a.Transactions {
				fmt.Fprintf(&b, "\n    %d: %+v", t, history[t])
			}
		}
		return fmt.Errorf("%d anomalies%s", len(anomalies), b.String())
	}
	return nil
}

// perform does one operation, an append as an element of a list or, with insert false, the same; a read as all elements.
func perform(tx *dstm.Tx, op cycles.Op, insert bool) cycles.Op {
	if op.Append {
		if insert { // blind
			tx.Insert(dstm.Last(), op.Value, op.Key)
			return op
		}
		// Behind what is seen to be the last.
		if ids := tx.Keys(op.Key); len(ids) > 0 {
			tx.Insert(dstm.After(ids[len(ids)-1]), op.Value, op.Key)
		} else {
			tx.Insert(dstm.First(), op.Value, op.Key)
		}
		return op
	}
	op.List = nil
	tx.Lookup(&op.List, op.Key)
	return op
}
