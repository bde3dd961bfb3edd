package replica

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// draft makes a transaction on a state, as package dstm's Tx does.
type draft struct {
	State
	part  txn.Part
	after []uint64
}

// last is the last of the transactions that the state shows.
func (s State) last() uint64 {
	if len(s.Pending) == 0 {
		return 0
	}
	return s.Pending[len(s.Pending)-1].Sequence
}

const (
	goalAdd = iota
	goalTransfer
	goalSet
	goalDelete
	goalKeys
	goalSubtree
	goalBoth
	goalKinds
)

func (d *draft) goal(rng *rand.Rand, g *goal) {
	switch g.kind {
	case goalAdd:
		d.add(g.sum, "total")
	case goalBoth: // see run
		d.observe(tree.Path{"keys"})
		d.set(g.sum, "keys")
	case goalTransfer:
		left, right := d.number("bank", "left"), d.number("bank", "right")
		d.set(left-g.sum, "bank", "left")
		d.set(right+g.sum, "bank", "right")
	case goalSet:
		path := tree.Path{"map", fmt.Sprint("k", g.sum%3), "x"}
		d.observe(path)
		d.set(g.sum, path...)
	case goalDelete:
		path := tree.Path{"map", fmt.Sprint("k", g.sum%3)}
		d.observe(path)
		d.write(txn.Write{Op: txn.OpDelete, Path: path})
	case goalKeys:
		if n := d.Root.Find(tree.Path{"map"}); n != nil && n.IsMap() {
			d.read(txn.ReadKeys, tree.Path{"map"})
		} else {
			d.observe(tree.Path{"map"})
		}
		d.set(g.sum, "keys")
	case goalSubtree:
		d.observe(tree.Path{"map"})
		d.write(txn.Write{Op: txn.OpSet, Path: tree.Path{"map"}, Value: codec.AppendMap(nil, 0)})
		d.set(int64(rng.IntN(5)), "map", "k1", "x")
	}
}

func (d *draft) number(path ...string) int64 {
	d.observe(path)
	return number(d.Root, path...)
}

func (d *draft) set(v int64, path ...string) {
	d.write(txn.Write{Op: txn.OpSet, Path: path, Value: codec.AppendInt(nil, v)})
}

func (d *draft) add(v int64, path ...string) {
	d.write(txn.Write{Op: txn.OpAdd, Path: path, Value: codec.AppendInt(nil, v)})
}

func (d *draft) write(w txn.Write) {
	node := d.Root
	for i := range w.Path {
		if node = node.Kids.Get(w.Path[i]); node == nil || i == len(w.Path)-1 {
			break
		}
		if node.Written > d.Version {
			d.depend(w.Path[:i+1])
		}
	}
	d.part.Writes = append(d.part.Writes, w)
}

func (d *draft) observe(path tree.Path) {
	switch node := d.Root.Find(path); {
	case node == nil:
		d.read(txn.ReadAbsent, path)
	case node.IsMap():
		d.read(txn.ReadSubtree, path)
	default:
		d.read(txn.ReadValue, path)
	}
}

func (d *draft) read(kind txn.ReadKind, path tree.Path) {
	r := txn.Read{Kind: kind, Path: path}
	if d.depend(path) {
		if kind == txn.ReadKeys {
			r.Kind = txn.ReadKeysHash
			r.Hash, _ = d.Root.Find(path).KeysHash()
		} else {
			r.Kind = txn.ReadHash
			r.Hash, _ = d.Root.Find(path).Hash()
		}
	}
	d.part.Reads = append(d.part.Reads, r)
}

func (d *draft) depend(path tree.Path) bool {
	found := false
	for _, p := range d.Pending {
		if slices.ContainsFunc(p.Paths, path.Touches) {
			found = true
			if i, ok := slices.BinarySearch(d.after, p.Sequence); !ok {
				d.after = slices.Insert(d.after, i, p.Sequence)
			}
		}
	}
	return found
}
