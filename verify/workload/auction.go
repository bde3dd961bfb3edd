package workload

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/verify/rig"
)

var errLow = errors.New("the bid is too low, or the lot is closed")

// auction: bidders raise the price while it is open; one closes it.
func auction(ctx context.Context, r *rig.Rig, scale int, _ func(string, ...any)) error {
	const bidders = 6
	var mu sync.Mutex
	accepted := map[uint64][2]int{} // version -> bidder, price
	var closedAt uint64
	var final [2]int
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var watchers sync.WaitGroup
	failed := make(chan error, bidders)
	err := r.Each(bidders, "lot", func(c *rig.Client, o dstm.Object, i int) error {
		watchers.Go(func() {
			if err := watchPrice(watching, o); err != nil {
				failed <- fmt.Errorf("client %d: %w", i, err)
			}
		})
		for n := range 12 * scale {
			if i == 0 && n == 8*scale {
				commit, err := o.Update(ctx, func(tx *dstm.Tx) error {
					tx.Set("closed", "state")
					final = [2]int{number(tx, "bidder"), number(tx, "price")}
					tx.Set(final[0], "winner")
					return nil
				})
				if err != nil {
					return fmt.Errorf("closing: %w", err)
				}
				mu.Lock()
				closedAt = commit.Version
				mu.Unlock()
			}
			price, err := look(o, "price")
			if err != nil {
				return err
			}
			bid := price + 1 + r.Number(3)
			commit, err := o.Update(ctx, func(tx *dstm.Tx) error {
				if tx.Guard(dstm.Equal, "closed", "state") || tx.Guard(dstm.GreaterOrEqual, bid, "price") {
					return errLow
				}
				tx.Overwrite(bid, "price")
				tx.Overwrite(i, "bidder")
				return nil
			})
			if err == nil {
				mu.Lock()
				accepted[commit.Version] = [2]int{i, bid}
				mu.Unlock()
			} else if err != errLow && !expected(err) {
				return err
			}
		}
		return nil
	})
	stop()
	watchers.Wait()
	select {
	case err = <-failed:
	default:
	}
	if err != nil {
		return err
	}
	highest := [2]int{}
	for version, bid := range accepted {
		if closedAt > 0 && version > closedAt {
			return fmt.Errorf("version %d is a bid, though the lot was closed by version %d", version, closedAt)
		}
		if bid[1] > highest[1] {
			highest = bid
		}
	}
	if closedAt > 0 && final[1] < highest[1] {
		return fmt.Errorf("bidder %d won with %d, though %d had bid %d", final[0], final[1], highest[0], highest[1])
	}
	return nil
}

// watchPrice fails when a confirmed price falls.
func watchPrice(ctx context.Context, o dstm.Object) error {
	last := 0
	for change, err := range o.Changes(ctx, "price") {
		if errors.Is(err, dstm.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if change.Origin != dstm.Remote || change.New == nil {
			continue // a prediction, or what was taken back
		}
		price := 0
		if err := codec.Unmarshal(change.New, &price); err != nil {
			return err
		}
		if price <= last {
			return fmt.Errorf("the price fell from %d to %d in version %d", last, price, change.Version)
		}
		last = price
	}
	return nil
}
