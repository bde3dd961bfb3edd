package replica

import (
	"bytes"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// entry is one change frame: what a transaction did to the objects that are open here.
type entry struct {
	position uint64
	hash     [8]byte
	client   [16]byte
	sequence uint64
	parts    []effect
}

// effect is what it did to one object.
type effect struct {
	object  string
	version uint64
	writes  []txn.Write
}

func (c *Core) readChange(log string, r *codec.Reader) error {
	e := entry{position: counter(r)}
	hash := r.Bytes()
	r.Skip() // the time is for display
	client := r.Bytes()
	e.sequence = counter(r)
	parts := r.Array()
	if r.Err() != nil {
		return r.Err()
	}
	if len(hash) != len(e.hash) || len(client) != len(e.client) || e.position > maxCounter || parts.Len() > txn.MaxParts {
		return malformed("a change has no valid position, hash, client or parts")
	}
	copy(e.hash[:], hash)
	copy(e.client[:], client)
	operations := 0
	for parts.Len() > 0 {
		p := parts.Array()
		part := effect{object: p.String(), version: counter(&p)}
		if p.Err() != nil || part.version > maxCounter {
			return malformed("a change's part has no object or version")
		}
		var err error
		if part.writes, err = txn.ReadWrites(&p, &operations); err != nil {
			return malformed(err.Error())
		}
		e.parts = append(e.parts, part)
	}
	if parts.Err() != nil {
		return parts.Err()
	}
	if j := c.logged(log); j != nil {
		c.apply(j, &e)
	}
	return nil
}

// apply takes one entry of the log.
func (c *Core) apply(j *journal, e *entry) {
	j.position = max(j.position, e.position)
	mine := c.known && e.client == c.client
	for i := range e.parts {
		part := &e.parts[i]
		o := c.objects[part.object]
		if o == nil || o.state != open || o.log != j || o.partial != nil {
			continue // not open, or about an earlier opening
		}
		if part.version != o.version+1 {
			c.resync(o)
			continue
		}
		root, _, err := txn.Apply(*o.root, part.writes, part.version)
		if err != nil {
			c.resync(o) // what is held cannot be what the server has
			continue
		}
		origin := Remote
		if mine {
			origin = Mine
			j.saw(e.sequence, part, o.root, &root)
		} else if moved := movedPaths(part.writes); moved != nil {
			c.emit(Event{Kind: Moved, Log: j.name, Position: e.position, Object: o.name, Paths: moved})
		}
		o.kept = !o.stale && !o.Strict && o.keeps(mine, e.sequence, part.writes)
		c.change(o, origin, writtenPaths([]tree.Path{}, part.writes))
		o.root, o.version, o.position, o.hash = &root, part.version, e.position, e.hash
		if c.tracking {
			o.trail.add(part, e)
		}
		c.confirm(o, mine, e.sequence)
	}
}

// movedPaths are the elements that writes move, nil if none.
func movedPaths(writes []txn.Write) (out []tree.Path) {
	for i := range writes {
		if writes[i].Op == txn.OpMove {
			out = append(out, writes[i].Element())
		}
	}
	return out
}

// saw keeps what an own transaction made of an object until that is told.
func (j *journal) saw(sequence uint64, part *effect, before, after *tree.Node) {
	p := j.find(sequence)
	if p == nil || p.answered {
		return
	}
	own := p.part(part.object)
	if own == nil || !slices.EqualFunc(own.Writes, part.writes, sameWrite) {
		return // not all of it is readable
	}
	p.made = append(p.made, Made{Object: part.object, Version: part.version, Before: before, After: after})
}

// confirm takes away the layers that the object's root now holds.
func (c *Core) confirm(o *object, mine bool, sequence uint64) {
	var landed, lost []*layer
	for _, l := range o.layers {
		switch {
		case mine && l.tx.Sequence == sequence:
			landed = append(landed, l)
			l.tx.applied = true
		case l.reached > 0 && l.reached <= o.version:
			// Another transaction made the version that this one was told to have made: the log was put back to an older copy.
			lost = append(lost, l)
		case mine && slices.Contains(l.tx.After, sequence):
			l.made = append(l.made, o.version)
		}
	}
	for _, l := range landed {
		o.landed = o.landed || l.shown
		c.remove(l)
	}
	for _, l := range lost {
		c.take(l)
	}
}

// keeps reports whether the fold stays what it is when these writes are confirmed: there is nothing to see of somebody else's, or
// the lowest layer that is shown is this transaction with these writes.
func (o *object) keeps(mine bool, sequence uint64, writes []txn.Write) bool {
	if !mine {
		return len(writes) == 0
	}
	i := slices.IndexFunc(o.layers, func(l *layer) bool { return l.shown })
	return i >= 0 && o.layers[i].tx.Sequence == sequence && slices.EqualFunc(o.layers[i].writes, writes, sameWrite)
}

func sameWrite(a, b txn.Write) bool {
	return a.Op == b.Op && slices.Equal(a.Path, b.Path) && bytes.Equal(a.Value, b.Value) && bytes.Equal(a.Shape, b.Shape) &&
		bytes.Equal(a.Least, b.Least) && bytes.Equal(a.Most, b.Most) && a.ID == b.ID && a.Place == b.Place
}
