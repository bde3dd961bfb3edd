package workload

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/verify/rig"
)

const (
	bankAccounts = 5
	bankMoney    = 100 // in each account at the beginning
)

func account(i int) string { return fmt.Sprintf("account-%d", i) }

// total is the sum of all accounts, an error if it is not what it was.
func total(tx *dstm.Tx) error {
	sum := 0
	for i := range bankAccounts {
		n := number(tx, "bank", account(i))
		if n < 0 {
			return fmt.Errorf("%s holds %d", account(i), n)
		}
		sum += n
	}
	if tx.Err() == nil && sum != bankAccounts*bankMoney {
		return fmt.Errorf("the accounts hold %d together at version %d", sum, tx.Version())
	}
	return nil
}

func bank(ctx context.Context, r *rig.Rig, scale int, _ func(string, ...any)) error {
	var once sync.Once
	var opened error
	open := make(chan struct{})
	return r.Each(6, "bank", func(c *rig.Client, o dstm.Object, i int) error {
		once.Do(func() {
			_, opened = o.Update(ctx, func(tx *dstm.Tx) error {
				for i := range bankAccounts {
					tx.Set(bankMoney, "bank", account(i))
				}
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
			from, to, amount := r.Number(bankAccounts), r.Number(bankAccounts), 1+r.Number(30)
			var err error
			switch {
			case n%5 == 4:
				_, err = o.Update(ctx, total, dstm.Strict())
			case from == to:
				err = o.View(total)
			case n%3 == 0 && n%2 == 0: // by additions, of which the bound of one decides
				_, err = o.Update(ctx, func(tx *dstm.Tx) error {
					tx.Add(-amount, 0, nil, "bank", account(from))
					tx.Add(amount, nil, nil, "bank", account(to))
					return nil
				})
				if errors.Is(err, dstm.ErrBounds) {
					err = nil
				}
			case n%3 == 0: // by additions and a guard, which conflict with nothing
				_, err = o.Update(ctx, func(tx *dstm.Tx) error {
					if tx.Guard(dstm.GreaterOrEqual, amount, "bank", account(from)) {
						tx.Add(-amount, 0, nil, "bank", account(from))
						tx.Add(amount, nil, nil, "bank", account(to))
					}
					return nil
				})
			default:
				_, err = o.Update(ctx, func(tx *dstm.Tx) error {
					if err := total(tx); err != nil {
						return err
					}
					if a, b := number(tx, "bank", account(from)), number(tx, "bank", account(to)); a >= amount {
						tx.Set(a-amount, "bank", account(from))
						tx.Set(b+amount, "bank", account(to))
					}
					return nil
				})
			}
			if err != nil && !expected(err) {
				return err
			}
		}
		return o.View(total)
	})
}

// several is the bank with each account in an object of its own.
func several(ctx context.Context, r *rig.Rig, scale int, _ func(string, ...any)) error {
	var once sync.Once
	var opened error
	open := make(chan struct{})
	return r.Each(5, account(0), func(c *rig.Client, first dstm.Object, i int) error {
		objects := []dstm.Object{first}
		for i := range bankAccounts - 1 {
			o, err := c.Object(account(i + 1))
			if err != nil {
				return err
			}
			objects = append(objects, o)
		}
		once.Do(func() {
			_, opened = dstm.UpdateAll(ctx, objects, func(tx *dstm.Tx) error {
				for _, o := range objects {
					tx.In(o).Set(bankMoney, "money")
				}
				return nil
			})
			close(open)
		})
		<-open
		if opened != nil {
			return opened
		}
		for _, o := range objects {
			if err := o.Wait(ctx, 1); err != nil {
				return err
			}
		}
		sum := func(tx *dstm.Tx) error {
			sum := 0
			for _, o := range objects {
				sum += number(tx.In(o), "money")
			}
			if tx.Err() == nil && sum != len(objects)*bankMoney {
				return fmt.Errorf("the objects hold %d together", sum)
			}
			return nil
		}
		for range 12 * scale {
			from, to, amount := r.Number(len(objects)), r.Number(len(objects)), 1+r.Number(30)
			if from == to {
				if err := dstm.ViewAll(ctx, objects, sum); err != nil {
					return err
				}
				continue
			}
			_, err := dstm.UpdateAll(ctx, []dstm.Object{objects[from], objects[to]}, func(tx *dstm.Tx) error {
				a, b := tx.In(objects[from]), tx.In(objects[to])
				if have := number(a, "money"); have >= amount {
					a.Set(have-amount, "money")
					b.Add(amount, nil, nil, "money")
				}
				return nil
			})
			if err != nil && !expected(err) {
				return err
			}
		}
		return dstm.ViewAll(ctx, objects, sum)
	})
}
