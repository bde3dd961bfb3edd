package dstm

import "github.com/trefoilgo/trefoil/dstm/internal/txn"

// storeLimits are what the store announces when an object is opened.
type storeLimits struct {
	object      int // bytes that the value of an object may take
	transaction int // bytes of a transaction's parts
	operations  int // reads and writes of a transaction
}

func (s *Store) limits() storeLimits {
	return storeLimits{object: s.opts.MaxObject, transaction: txn.MaxBytes, operations: txn.MaxOperations}
}
