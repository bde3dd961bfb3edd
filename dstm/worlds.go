package dstm

import "github.com/trefoilgo/trefoil/dstm/internal/world"

func init() {
	world.Wrote = func(tx any) bool { return tx.(*Tx).writes() }
}
