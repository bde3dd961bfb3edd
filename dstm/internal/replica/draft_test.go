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
	early bool // it read in a strict object what is not answered yet: it has to wait
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
	goalHigh
	goalLow
	goalInsert
	goalMove
	goalRemove
	goalGuard
	goalLook // writes nothing
	goalBlind
	goalSet
	goalTransfer // those from here on read what a restricted reader may not
	goalDelete
	goalKeys
	goalSubtree
	goalBoth
	goalKinds
)

// seen is what restricted readers may read.
var seen = []tree.Path{{"total"}, {"high"}, {"low"}, {"list"}, {"map", "k1"}, {"guarded"}}

func (d *draft) goal(rng *rand.Rand, g *goal) {
	switch g.kind {
	case goalAdd:
		d.add(g.sum, "total")
	case goalHigh:
		d.write(txn.Write{Op: txn.OpMax, Path: tree.Path{"high"}, Value: codec.AppendInt(nil, g.sum*g.sum)})
	case goalLow:
		d.write(txn.Write{Op: txn.OpMin, Path: tree.Path{"low"}, Value: codec.AppendInt(nil, -g.sum*g.sum)})
	case goalInsert:
		d.write(txn.Write{Op: txn.OpInsert, Path: tree.Path{"list"}, ID: g.id, Place: d.place(rng), Value: codec.AppendInt(nil, g.sum)})
	case goalMove:
		if g.id = d.element(rng); g.id != "" {
			at := d.place(rng)
			if at.Anchor == g.id {
				at = tree.Place{Where: tree.First}
			}
			d.write(txn.Write{Op: txn.OpMove, Path: tree.Path{"list"}, ID: g.id, Place: at})
		}
		d.read(txn.ReadKeys, tree.Path{"list"})
	case goalRemove:
		if g.id = d.element(rng); g.id != "" {
			d.observe(tree.Path{"list", g.id})
			d.write(txn.Write{Op: txn.OpDelete, Path: tree.Path{"list", g.id}})
		}
	case goalGuard:
		path := tree.Path{"total"}
		limit := codec.AppendInt(nil, 20)
		truth := txn.CompareGuard(d.Root.Find(path), txn.Less, limit)
		d.part.Reads = append(d.part.Reads, txn.Read{Kind: txn.ReadGuard, Path: path, Guard: txn.Less, Value: limit, Truth: truth})
		if truth { // no more than 20 and what the last one added
			d.add(g.sum, "total")
		} else {
			g.sum = 0
			d.set(1, "guarded")
		}
	case goalLook:
		d.observe(tree.Path{"total"})
		d.observe(tree.Path{"list"})
	case goalBlind: // a restricted reader sees nothing of it
		d.set(g.sum, "hidden", fmt.Sprint("k", g.sum), "x")
		d.write(txn.Write{Op: txn.OpSet, Path: tree.Path{"hidden", "map"}, Value: codec.AppendMap(nil, 0)})
	case goalBoth: // see run
		d.observe(tree.Path{"keys"})
		d.set(g.sum, "keys")
	case goalTransfer:
		left, right := d.number("bank", "left"), d.number("bank", "right")
		d.set(left-g.sum, "bank", "left")
		d.set(right+g.sum, "bank", "right")
	case goalSet:
		path := tree.Path{"map", fmt.Sprint("k", g.sum%3), "x"}
		if d.Readable != nil {
			path[1] = "k1"
		}
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

// element is some element of the list, "" if there is none.
func (d *draft) element(rng *rand.Rand) string {
	list := d.Root.Find(tree.Path{"list"})
	if list == nil || list.Len() == 0 {
		return ""
	}
	n := rng.IntN(list.Len())
	for id := range list.Children() {
		if n--; n < 0 {
			return id
		}
	}
	return ""
}

func (d *draft) place(rng *rand.Rand) tree.Place {
	at := tree.Place{Where: 1 + rng.IntN(4)}
	if at.Where > tree.Last {
		if at.Anchor = d.element(rng); at.Anchor == "" {
			at.Where = tree.Last
		}
	}
	return at
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
	node, target := d.Root, w.Target()
	for i := range target {
		if node = node.Kids.Get(target[i]); node == nil || i == len(target)-1 {
			break
		}
		if node.Written > d.Version {
			d.depend(target[:i+1])
		}
	}
	d.part.Writes = append(d.part.Writes, w)
}

func (d *draft) observe(path tree.Path) {
	switch node := d.Root.Find(path); {
	case node == nil:
		d.read(txn.ReadAbsent, path)
	case node.IsLeaf():
		d.read(txn.ReadValue, path)
	default:
		d.read(txn.ReadSubtree, path)
	}
}

func (d *draft) read(kind txn.ReadKind, path tree.Path) {
	if kind == txn.ReadKeys && d.Root.Find(path) == nil {
		kind = txn.ReadAbsent
	}
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
			d.early = d.early || d.Strict
			if i, ok := slices.BinarySearch(d.after, p.Sequence); !ok {
				d.after = slices.Insert(d.after, i, p.Sequence)
			}
		}
	}
	return found
}
