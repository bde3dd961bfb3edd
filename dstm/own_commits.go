package dstm

import (
	"slices"
	"sync"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// Bounds of what is remembered for Undo.
const (
	maxOwnCommits = 100
	maxOwnBytes   = 4 << 20
	maxDisplaced  = 256
)

// ownCommits remembers the last commits that this process made in one client or store, with what they replaced, so that they can be
// undone. The zero ownCommits is ready; its methods may be called from several goroutines.
type ownCommits struct {
	mu    sync.Mutex
	list  []ownCommit // the oldest first
	bytes int

	recent   []displacement // the oldest first
	elements int            // of recent
	before   []displacement // of each log the last one that is not in recent any more, of any object
}

// ownCommit is one of them.
type ownCommit struct {
	log, epoch string
	position   Position
	effects    []ownEffect
	reversal   bool // it undid another
	bytes      int
}

// ownEffect is what a commit did to one object.
type ownEffect struct {
	object  string
	version uint64     // that it made
	before  *tree.Node // the confirmed root before; remembered is no more of it than what the writes concern
	writes  []txn.Write
	moved   []Path // the elements of these writes' moves that others have moved since
	unseen  bool   // others may have moved any of them since
}

// places returns the elements that the effect moved.
func (e *ownEffect) places() []Path {
	var out []Path
	for i := range e.writes {
		if e.writes[i].Op == txn.OpMove {
			out = append(out, e.writes[i].Element())
		}
	}
	return out
}

// displacement says that others have moved elements of an object, or if there are none, may have moved any.
type displacement struct {
	log, object string
	position    Position
	elements    []Path
}

// displace notes a displacement. Elements have no versions of their places, so that nothing in the state could tell. It may
// come before the own commit that it concerns is told.
func (o *ownCommits) displace(d displacement) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.list {
		o.list[i].note(&d)
	}
	o.recent = append(o.recent, d)
	for o.elements += len(d.elements); len(o.recent) > maxDisplaced || o.elements > 8*maxDisplaced; {
		first := o.recent[0]
		o.recent[0] = displacement{}
		o.recent = o.recent[1:]
		o.elements -= len(first.elements)
		o.before = append(slices.DeleteFunc(o.before, func(b displacement) bool { return b.log == first.log }), displacement{log: first.log, position: first.position})
	}
}

// note takes note of what happened behind the commit.
func (c *ownCommit) note(d *displacement) {
	if c.log != d.log || c.position >= d.position {
		return
	}
	for i := range c.effects {
		e := &c.effects[i]
		if d.object != "" && e.object != d.object {
			continue
		}
		e.unseen = e.unseen || d.elements == nil
		for _, place := range e.places() {
			if slices.ContainsFunc(d.elements, func(p Path) bool { return slices.Equal(p, place) }) {
				e.moved = append(e.moved, place)
			}
		}
	}
}

// displaced returns the elements that the commit moved in an object and that others, or own commits that were not undone, have moved since;
// unseen if others may have moved any.
func (o *ownCommits) displaced(c Commit, object string) (moved []Path, unseen bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.list {
		x := &o.list[i]
		for j := range x.effects {
			switch e := &x.effects[j]; {
			case e.object != object || x.log != c.Log || x.epoch != c.Epoch:
			case x.position == c.Position:
				moved, unseen = append(moved, e.moved...), e.unseen
			case x.position > c.Position && !x.reversal:
				moved = append(moved, e.places()...)
			}
		}
	}
	return moved, unseen
}

// movedBy returns the elements that writes move.
func movedBy(writes []txn.Write) []Path {
	e := ownEffect{writes: writes}
	return e.places()
}

// add remembers a commit, and forgets the oldest beyond the bounds.
func (o *ownCommits) add(c ownCommit) {
	if len(c.effects) == 0 {
		return
	}
	for i := range c.effects {
		e := &c.effects[i]
		c.bytes += e.keeps()
		e.before = e.before.Only(txn.Concerns(e.before, e.writes))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, happened := range [][]displacement{o.before, o.recent} {
		for i := range happened {
			c.note(&happened[i])
		}
	}
	o.list = append(o.list, c)
	o.bytes += c.bytes
	for len(o.list) > maxOwnCommits || o.bytes > maxOwnBytes {
		o.bytes -= o.list[0].bytes
		o.list[0] = ownCommit{}
		o.list = o.list[1:]
	}
}

// find returns what the commit did to all its objects, nil if it is not known or did not make this version of object.
func (o *ownCommits) find(object string, c Commit) []ownEffect {
	o.mu.Lock()
	defer o.mu.Unlock()
	x := o.at(c)
	if x == nil || !slices.ContainsFunc(x.effects, func(e ownEffect) bool { return e.object == object && e.version == c.Version }) {
		return nil
	}
	return slices.Clone(x.effects)
}

// at is the entry of a commit, nil if there is none. The caller holds mu.
func (o *ownCommits) at(c Commit) *ownCommit {
	for i := range o.list {
		if x := &o.list[i]; x.log == c.Log && x.epoch == c.Epoch && x.position == c.Position {
			return x
		}
	}
	return nil
}

// reversed notes that made undid c, which thus is done with.
func (o *ownCommits) reversed(c, made Commit) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if x := o.at(made); x != nil {
		x.reversal = true
	}
	if x := o.at(c); x != nil {
		o.bytes -= x.bytes
		o.list = slices.DeleteFunc(o.list, func(y ownCommit) bool { return y.position == c.Position && y.log == c.Log && y.epoch == c.Epoch })
	}
}

// reversals are the versions of an object, in the epoch of c, that undid others.
func (o *ownCommits) reversals(c Commit, object string) map[uint64]struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	versions := map[uint64]struct{}{}
	for i := range o.list {
		x := &o.list[i]
		if !x.reversal || x.log != c.Log || x.epoch != c.Epoch {
			continue
		}
		for _, e := range x.effects {
			if e.object == object {
				versions[e.version] = struct{}{}
			}
		}
	}
	return versions
}

// keeps is about how many bytes stay in memory for the effect's sake alone: what its writes replaced, and the way there.
func (e *ownEffect) keeps() int {
	const node = 128
	bytes := node
	for i := range e.writes {
		w := &e.writes[i]
		bytes += node*(len(w.Path)+1) + len(w.Value) + len(w.Shape)
		if w.Op == txn.OpInsert || w.Op == txn.OpMove {
			continue // they replace nothing
		}
		if old := e.before.Find(w.Path); old != nil {
			bytes += old.Size()
		}
	}
	return bytes
}
