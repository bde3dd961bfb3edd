package txn

import (
	"math"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// Invert finds what undoes writes that were applied to before. The inverse sets what stood there, deletes what was not
// there, adds the opposite, and puts elements back behind the neighbour that they had; reads are what must not have
// changed since, to be judged with the version that the writes made as base. It is false if the writes do not fit before,
// or add the one integer that has no opposite.
func Invert(before *tree.Node, writes []Write) (reads []Read, inverse []Write, ok bool) {
	in := inverter{}
	states := make([]tree.Node, 0, len(writes)+1) // before each write, and after all
	states = append(states, *before)
	for i := range writes {
		next, _, err := Apply(states[i], writes[i:i+1], before.Changed()+1)
		if err != nil {
			return nil, nil, false
		}
		states = append(states, next)
	}
	in.after = &states[len(writes)]
	for i := len(writes) - 1; i >= 0; i-- {
		if !in.undo(&states[i], &writes[i]) {
			return nil, nil, false
		}
	}
	return in.reads, in.writes, true
}

// Concerns lists the paths of what [Invert] has to know of before: what the writes replace, and of lists the elements that they name and those
// before what they take away.
func Concerns(before *tree.Node, writes []Write) []tree.Path {
	paths := make([]tree.Path, 0, 2*len(writes))
	state := *before
	for i := range writes {
		w := &writes[i]
		at, list := w.Target(), w.Path
		switch w.Op {
		case OpInsert, OpMove:
			if w.Place.Anchor != "" {
				paths = append(paths, append(list[:len(list):len(list)], w.Place.Anchor))
			}
		default:
			list = w.Path[:max(len(w.Path)-1, 0)]
		}
		paths = append(paths, at)
		if w.Op != OpInsert && len(at) > 0 {
			if place := state.Find(list).PlaceOf(at[len(at)-1]); place.Anchor != "" {
				paths = append(paths, append(list[:len(list):len(list)], place.Anchor))
			}
		}
		if i == len(writes)-1 {
			break
		}
		next, _, err := Apply(state, writes[i:i+1], before.Changed()+1)
		if err != nil {
			break
		}
		state = next
	}
	return paths
}

type inverter struct {
	after  *tree.Node // of all writes
	reads  []Read
	writes []Write
}

func (in *inverter) undo(before *tree.Node, w *Write) bool {
	switch w.Op {
	case OpAdd:
		opposite, ok := negative(w.Value)
		in.writes = append(in.writes, Write{Op: OpAdd, Path: w.Path, Value: opposite})
		return ok
	case OpDelete:
		in.undoDelete(before, w.Path)
	case OpInsert:
		at := w.Element()
		in.observe(at)
		in.writes = append(in.writes, Write{Op: OpDelete, Path: at})
	case OpMove:
		at := before.Find(w.Path).PlaceOf(w.ID)
		if in.after.Find(w.Element()) != nil { // else a later write took it away, and what undoes that reads
			in.read(ReadValue, w.Element())
		}
		in.writes = append(in.writes, Write{Op: OpMove, Path: w.Path, ID: w.ID, Place: at})
	default:
		in.undoSet(before, w.Path)
	}
	return true
}

// undoSet is also for Min and Max.
func (in *inverter) undoSet(before *tree.Node, path tree.Path) {
	if old := before.Find(path); old != nil {
		in.observe(path)
		in.writes = append(in.writes, Write{Op: OpSet, Path: path, Value: old.Value(), Shape: old.Shape()})
		return
	}
	_, depth := before.Nearest(path)
	created := path[:depth+1] // the first of the maps that had to be created, or the value itself
	in.observe(created)
	in.writes = append(in.writes, Write{Op: OpDelete, Path: created})
}

func (in *inverter) undoDelete(before *tree.Node, path tree.Path) {
	old := before.Find(path)
	if old == nil {
		return
	}
	in.observe(path)
	last := len(path) - 1
	if last > 0 && in.after.Find(path[:last]) != nil {
		in.read(ReadValue, path[:last]) // else the set would make another map
	}
	w := Write{Op: OpSet, Path: path, Value: old.Value(), Shape: old.Shape()}
	if parent := before.Find(path[:last]); parent.IsList() {
		w.Op, w.Path, w.ID, w.Place = OpInsert, path[:last], path[last], parent.PlaceOf(path[last])
	}
	in.writes = append(in.writes, w)
}

// observe reads what all writes left at path: a leaf, its absence, or all of a map or list.
func (in *inverter) observe(path tree.Path) {
	switch n := in.after.Find(path); {
	case n == nil:
		in.read(ReadAbsent, path)
	case n.IsLeaf():
		in.read(ReadValue, path)
	default:
		in.read(ReadSubtree, path)
	}
}

func (in *inverter) read(kind ReadKind, path tree.Path) {
	same := func(r Read) bool { return r.Kind == kind && slices.Equal(r.Path, path) }
	if !slices.ContainsFunc(in.reads, same) {
		in.reads = append(in.reads, Read{Kind: kind, Path: path})
	}
}

// negative is the opposite of a number; false for the one integer that has none.
func negative(n codec.Raw) (codec.Raw, bool) {
	r := codec.NewReader(n, 1)
	if r.Kind() != codec.Int {
		return codec.AppendFloat(nil, -r.Float()), true
	}
	i := r.Int()
	return codec.AppendInt(nil, -i), i != math.MinInt64
}
