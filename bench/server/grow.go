package server

import (
	"context"
	"fmt"
	"strconv"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/dstm"
)

// Grown are the nodes of an object that grow has filled: maps of up to GrownWidth numbers each, in one map.
var Grown = dstm.NewVar[int64]("{page}", "{n}")

// GrownWidth is how many numbers stand in one map of a grown object.
const GrownWidth = 1000

// grow makes "NAME N": an object with N numbers, each 1, written in transactions of at most GrownWidth.
func grow(objects *dstm.Store) child.Command {
	return func(argument string) (string, error) {
		var name string
		var n int
		if _, err := fmt.Sscan(argument, &name, &n); err != nil {
			return "", err
		}
		ctx := context.Background()
		o, err := objects.Open(ctx, name)
		if err != nil {
			return "", err
		}
		defer o.Close()
		for page := 0; page*GrownWidth < n; page++ {
			numbers := map[string]int64{}
			for i := range min(GrownWidth, n-page*GrownWidth) {
				numbers[strconv.Itoa(i)] = 1
			}
			if _, err := o.Update(ctx, func(tx *dstm.Tx) error {
				tx.Set(numbers, strconv.Itoa(page))
				return nil
			}); err != nil {
				return "", err
			}
		}
		return "", nil
	}
}
