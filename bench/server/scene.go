package server

import (
	"context"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/bench/scene"
	"github.com/trefoilgo/trefoil/dstm"
)

// fill makes the object of a scene, an item a transaction.
func fill(objects *dstm.Store) child.Command {
	return func(argument string) (string, error) {
		s, err := scene.Parse(argument)
		if err != nil {
			return "", err
		}
		ctx := context.Background()
		o, err := objects.Open(ctx, s.Object)
		if err != nil {
			return "", err
		}
		defer o.Close()
		for id, item := range s.Doc {
			if _, err := o.Update(ctx, func(tx *dstm.Tx) error {
				tx.Set(item, s.Root, id)
				return nil
			}); err != nil {
				return "", err
			}
		}
		return "", nil
	}
}
