package txn

import (
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

func readRead(r *codec.Reader) (Read, error) {
	a := r.Array()
	read := Read{Kind: ReadKind(a.Int())}
	var err error
	if read.Path, err = ReadPath(&a); err != nil {
		return read, err
	}
	switch read.Kind {
	case ReadValue, ReadAbsent, ReadKeys, ReadSubtree:
	case ReadHash, ReadKeysHash:
		if !a.Nil() {
			read.Hash = append([]byte(nil), a.Bytes()...)
			if len(read.Hash) != tree.HashSize {
				return read, invalid("a hash has not 16 bytes")
			}
		}
	case ReadGuard:
		err = read.readGuard(&a)
	default:
		return read, invalid("unknown kind of read")
	}
	if err == nil && a.Err() != nil {
		err = invalid("a read lacks an element")
	}
	return read, err
}

func (r *Read) readGuard(a *codec.Reader) error {
	r.Guard = Comparison(a.Int())
	if a.Err() != nil || r.Guard < Less || r.Guard > LengthGreater {
		return invalid("unknown comparison of a guard")
	}
	if err := r.readCompared(a); err != nil {
		return err
	}
	r.Truth = true
	if a.Len() > 0 && !a.Nil() {
		r.Truth = a.Bool()
	}
	return nil
}

// readCompared reads what the guard compares with.
func (r *Read) readCompared(a *codec.Reader) (err error) {
	if r.Guard == Exists {
		if a.Len() > 0 && !a.Nil() {
			return invalid("a guard for existence takes no value")
		}
		return nil
	}
	switch kind := a.Kind(); {
	case kind == codec.Map || kind == codec.List:
		return invalid("a guard compares with no map or array")
	case r.Guard >= LengthLess && kind != codec.Int:
		return invalid("a length is compared with an integer")
	}
	r.Value, err = readValue(a, 0)
	return err
}
