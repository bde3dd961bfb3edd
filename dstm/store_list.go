package dstm

import (
	"context"
	"iter"
	"strings"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// ObjectInfo says what [Store.List] knows of an object.
type ObjectInfo struct {
	Name    string
	Version uint64
	// Position is that of the entry which made Version.
	Position Position
	// Size is how many bytes the value takes in encoded form.
	Size int
}

// List yields the objects whose names begin with prefix and that are not empty, ascending by the bytes of their names, each as
// it is at some moment during the listing. It holds one stored object in memory at a time, however many there are, and makes none
// resident. It ends with an error as the last thing that it yields: that of ctx, of the log, or data_loss with
// reason dstm.damaged.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[ObjectInfo, error] {
	return func(yield func(ObjectInfo, error) bool) {
		for o, err := range s.stored(ctx, prefix) {
			if err != nil {
				yield(ObjectInfo{}, status.From(err))
				return
			}
			info := ObjectInfo{Name: o.info.Name, Version: o.info.Version, Position: Position(o.info.Position), Size: o.info.Size}
			if info.Size > emptySize && !yield(info, nil) {
				return
			}
		}
	}
}

// emptySize is the size of an empty map.
const emptySize = 1

// Delete empties an object: a commit that leaves an empty map. Versions go on from there, so that whoever holds an
// older state of it never takes what is written there later for that. An object that is empty already stays as it is. List
// does not show it any more, and a few bytes of it stay in the log for ever.
//
// Errors: ErrInvalid for a bad name, ErrInvariant if a rule's invariant forbids the empty object, ErrClosed, and those of ctx and the
// log; when ctx ends, the error says whether the outcome is unknown.
func (s *Store) Delete(ctx context.Context, name string) error {
	if !txn.ValidName(name) {
		return status.New(status.InvalidArgument, ErrInvalid, "%.40q is no valid name of an object", name)
	}
	_, o, err := s.look(ctx, name)
	if err != nil {
		return status.From(err)
	}
	if o.Root.Len() == 0 {
		return nil
	}
	return s.replace(ctx, name, codec.AppendMap(nil, 0), nil)
}

// look is the state with an object resident, and the object.
func (s *Store) look(ctx context.Context, name string) (*engine.State, *engine.Object, error) {
	s.mu.Lock()
	s.pin(name)
	s.mu.Unlock()
	err := s.bring(ctx, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.unpin(name)
	if err != nil {
		return nil, nil, err
	}
	state := s.state.Load()
	o, ok := state.Resident(name)
	if !ok { // the state was loaded anew in between
		return nil, nil, status.New(status.Unavailable, ErrBusy, "the object cannot be loaded now")
	}
	return state, o, nil
}

// replace commits a transaction that makes value all that is in an object, whatever was.
func (s *Store) replace(ctx context.Context, name string, value, shape codec.Raw) error {
	for {
		epoch := s.Epoch()
		tx := &txn.Transaction{Parts: []txn.Part{{Object: name, Epoch: epoch, Writes: []txn.Write{{Op: txn.OpSet, Value: value, Shape: shape}}}}}
		s.world.Until(func() bool { return len(s.own.slots) < cap(s.own.slots) || ctx.Err() != nil })
		select {
		case s.own.slots <- struct{}{}:
		case <-ctx.Done():
			return status.From(context.Cause(ctx))
		}
		w, err := s.enqueue(tx, 256+len(value)+len(shape), tx)
		if err != nil {
			<-s.own.slots
			return err
		}
		s.world.Until(func() bool { return len(w.outcome) > 0 || ctx.Err() != nil })
		select {
		case out := <-w.outcome:
			switch refusal := out.decision.Refusal; {
			case out.err != nil:
				return out.err
			case refusal == nil:
				return nil
			case refusal.Reason != ErrConflict || s.Epoch() == epoch: // it has read nothing but the epoch
				return refusalError(refusal)
			}
		case <-ctx.Done():
			return status.From(context.Cause(ctx)).MaybeDone()
		}
	}
}

// storedObject is an object as it is in memory, or as it is stored.
type storedObject struct {
	info  engine.ObjectInfo
	held  *engine.Object // nil if it is not in memory
	piece []byte
}

// read is the object itself.
func (o *storedObject) read() (engine.Object, error) {
	if o.held != nil {
		return *o.held, nil
	}
	return engine.ReadObject(o.info.Name, o.piece)
}

// stored yields all objects whose names begin with prefix, in the order of their names.
func (s *Store) stored(ctx context.Context, prefix string) iter.Seq2[storedObject, error] {
	return func(yield func(storedObject, error) bool) {
		if err := s.failed.Load(); err != nil {
			yield(storedObject{}, err)
			return
		}
		// What is not in memory now is stored by now.
		held, stop := iter.Pull2(s.state.Load().Each(prefix))
		defer stop()
		name, o, more := held()
		// upto yields what is in memory before the name.
		upto := func(limit string, all bool) bool {
			for ; more && strings.HasPrefix(name, prefix) && (all || name < limit); name, o, more = held() {
				if !yield(heldObject(name, o), nil) {
					return false
				}
			}
			return true
		}
		for piece, err := range s.log.List(ctx, objectKey(prefix), "") {
			var stored storedObject
			if err == nil {
				stored.piece = piece.Value
				stored.info, err = engine.ReadObjectInfo(piece.Value)
			}
			if err != nil {
				yield(storedObject{}, err)
				return
			}
			if !upto(stored.info.Name, false) {
				return
			}
			if more && name == stored.info.Name {
				if o.Position >= stored.info.Position {
					stored = heldObject(name, o)
				}
				name, o, more = held()
			}
			if !yield(stored, nil) {
				return
			}
		}
		upto("", true)
	}
}

func heldObject(name string, o *engine.Object) storedObject {
	info := engine.ObjectInfo{Name: name, Version: o.Version, Position: o.Position, Hash: o.Hash, Size: o.Root.Size()}
	return storedObject{info: info, held: o}
}
