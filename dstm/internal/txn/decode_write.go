package txn

import (
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// ReadWrites reads a list of writes; operations counts them and what came before.
func ReadWrites(r *codec.Reader, operations *int) ([]Write, error) {
	a := r.Array()
	if r.Err() != nil {
		return nil, invalid("a part has no list of writes")
	}
	if *operations += a.Len(); *operations > MaxOperations {
		return nil, ErrTooLarge
	}
	writes := make([]Write, 0, a.Len())
	for a.Len() > 0 {
		w, err := readWrite(&a)
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	return writes, nil
}

func readWrite(r *codec.Reader) (Write, error) {
	a := r.Array()
	w := Write{Op: Op(a.Int())}
	var err error
	if w.Path, err = ReadPath(&a); err != nil {
		return w, err
	}
	switch w.Op {
	case OpSet:
		err = w.readShaped(&a, len(w.Path))
	case OpDelete:
		if len(w.Path) == 0 {
			return w, invalid("the root cannot be deleted")
		}
	case OpAdd:
		err = w.readAdd(&a)
	case OpMin, OpMax:
		w.Value, err = readNumber(&a)
	case OpInsert:
		if err = w.readElement(&a); err == nil {
			err = w.readShaped(&a, len(w.Path)+1)
		}
	case OpMove:
		err = w.readElement(&a)
	default:
		return w, invalid("unknown kind of write")
	}
	if err == nil && a.Err() != nil {
		err = invalid("a write lacks an element")
	}
	return w, err
}

// readShaped reads a value and, if there is one, its shape.
func (w *Write) readShaped(a *codec.Reader, depth int) (err error) {
	value := a.Raw()
	if a.Err() != nil {
		return invalid("a write lacks its value")
	}
	var shape codec.Raw
	if a.Len() > 0 {
		shape = a.Raw()
	}
	w.Value, w.Shape, err = CheckShaped(value, shape, depth)
	return err
}

// readElement reads which element is put where.
func (w *Write) readElement(a *codec.Reader) error {
	w.ID = a.String()
	w.Place.Where = int(a.Int())
	none := a.Nil()
	if !none {
		w.Place.Anchor = a.String()
	}
	switch {
	case a.Err() != nil || none != (w.Place.Anchor == "") || !tree.ValidKey(w.ID) || !w.Place.Valid():
		return invalid("an element has no valid id or place")
	case w.Place.Anchor == w.ID:
		return invalid("an element cannot be put beside itself")
	case len(w.Path) == 0:
		return invalid("the root is no list")
	case len(w.Path) >= tree.MaxDepth:
		return invalid("an element lies too deep")
	}
	return nil
}

func (w *Write) readAdd(a *codec.Reader) (err error) {
	if w.Value, err = readNumber(a); err != nil {
		return err
	}
	for _, bound := range []*codec.Raw{&w.Least, &w.Most} {
		if a.Len() == 0 || a.Nil() {
			continue
		}
		if *bound, err = readNumber(a); err != nil {
			return err
		}
	}
	return nil
}

func readNumber(a *codec.Reader) (codec.Raw, error) {
	v, err := readValue(a, 0)
	if err == nil && !tree.IsNumber(v) {
		err = invalid("add, min and max take numbers")
	}
	return v, err
}
