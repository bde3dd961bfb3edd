package dstm

import (
	"crypto/rand"
	"encoding/base64"
	"io"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Insert puts value as a new element into the list at path and returns its id, a key that stays the element's wherever it moves, "" if
// the transaction has failed. The list, and missing maps on the way, are created if absent. Nothing joins the read set, but
// the list must still be the same at commit, and so must be there what at names as a neighbour; inserts at one place do not conflict.
// Where something else than a list stands, a slice written by Set for instance, or no such neighbour, the transaction fails with ErrInvalid.
func (tx *Tx) Insert(at Place, value any, path ...string) (id string) {
	if !tx.writable(path) || !tx.placed(at) {
		return ""
	}
	raw, ok := tx.encode(value, len(path)+1)
	if !ok {
		return ""
	}
	id, err := newElementID(tx.random)
	if err != nil {
		tx.fail(status.New(status.Internal, ErrInvalid, "no id for an element").Because(err))
		return ""
	}
	tx.write(txn.Write{Op: txn.OpInsert, Path: path, ID: id, Place: at.place, Value: raw})
	if tx.err != nil {
		return ""
	}
	return id
}

// Move puts the element id of the list at path elsewhere. Nothing joins the read set, but that the list is the same, and that the element
// and its new neighbour are there; of two who move one element the last wins. An element that is not there fails the
// transaction with ErrInvalid.
func (tx *Tx) Move(id string, at Place, path ...string) {
	if !tx.writable(path) || !tx.placed(at) || !tx.writable(Path{id}) {
		return
	}
	tx.write(txn.Write{Op: txn.OpMove, Path: path, ID: id, Place: at.place})
}

func (tx *Tx) placed(at Place) bool {
	if at.place.Where == 0 || at.place.Anchor == "" && (at.place.Where == tree.After || at.place.Where == tree.Before) {
		tx.fail(status.New(status.InvalidArgument, ErrInvalid, "a place in a list is First, Last, or After or Before an element"))
		return false
	}
	return true
}

// newElementID draws the id of an element: 96 random bits (docs/decisions/0009-element-ids.md).
func newElementID(random io.Reader) (string, error) {
	if random == nil {
		random = rand.Reader
	}
	var b [12]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
