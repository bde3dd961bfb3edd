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
)

// ownCommits remembers the last commits that this process made in one client or store, with what they replaced, so that they can be
// undone. The zero ownCommits is ready; its methods may be called from several goroutines.
type ownCommits struct {
	mu    sync.Mutex
	list  []ownCommit // the oldest first
	bytes int
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
}

// add remembers a commit, and forgets the oldest beyond the bounds.
func (o *ownCommits) add(c ownCommit) {
	if len(c.effects) == 0 {
		return
	}
	for i := range c.effects {
		e := &c.effects[i]
		c.bytes += e.keeps()
		paths := make([]Path, len(e.writes))
		for j := range e.writes {
			paths[j] = e.writes[j].Path
		}
		e.before = e.before.Only(paths)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
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
	return x.effects
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

// keeps is about how many bytes stay in memory for the effect's sake alone: what its writes replaced, and the way there. A
// list on the way, which is kept whole, mostly is shared with the present state.
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
