package replica

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// predicted is the version of nodes that only a prediction wrote: above every version
// there can be, so that nobody takes them for confirmed.
const predicted = 1 << 53

// change notes that the confirmed root of an object is about to change.
func (c *Core) change(o *object, origin Origin, paths []tree.Path) {
	c.touch(o)
	if o.before == nil {
		o.before, o.origin, o.paths = o.root, origin, paths
		if o.root == nil {
			o.before = &tree.Node{}
		}
	}
	o.stale = true
}

func (c *Core) touch(o *object) {
	if !o.touched {
		o.touched = true
		c.touched = append(c.touched, o)
	}
}

// take removes a layer whose writes will not be seen, or not as they were.
func (c *Core) take(l *layer) {
	if l.shown {
		l.object.lose(l)
		c.touch(l.object)
		l.object.stale = true
	}
	c.remove(l)
}

// hide takes a prediction back, and those that depend on it.
func (c *Core) hide(p *pending) {
	p.hidden = true
	for _, l := range p.layers {
		if l.shown {
			l.shown = false
			l.object.lose(l)
			c.touch(l.object)
			l.object.stale = true
		}
	}
	for _, q := range p.log.queue {
		if !q.hidden && slices.Contains(q.After, p.Sequence) {
			c.hide(q)
		}
	}
}

func (o *object) lose(l *layer) {
	o.visible = nil
	o.taken = writtenPaths(o.taken, l.writes)
}

// done ends every input: folds are made again where that is due, users are told, and what waited may go.
func (c *Core) done() {
	for again := true; again; {
		again = false
		for i := 0; i < len(c.touched); i++ { // composing may touch more
			if o := c.touched[i]; o.stale && o.root != nil {
				if o.next = o.fold; !o.kept || len(o.taken) > 0 {
					o.next = c.compose(o, o.root, true)
				} else if !slices.ContainsFunc(o.layers, func(l *layer) bool { return l.shown }) {
					o.next = o.root // the same, with the versions that count
				}
				o.stale, again = false, true
			}
		}
	}
	for _, o := range c.touched {
		if o.next != nil && c.objects[o.name] == o {
			c.tell(o, o.next)
		}
		o.touched, o.landed, o.kept, o.next, o.before, o.paths, o.taken = false, false, false, nil, nil, nil, nil
	}
	clear(c.touched)
	c.touched = c.touched[:0]
	for _, j := range slices.Clone(c.journals) {
		c.unblock(j)
	}
	if len(c.touched) > 0 { // what unblock took back must not be seen either
		c.done()
		return
	}
	c.clean()
}

// tell emits the step to root, the new fold.
func (c *Core) tell(o *object, root *tree.Node) {
	event := Event{Kind: Changed, Object: o.name, Before: o.fold, After: root, Version: o.version, Origin: o.origin, Paths: o.paths}
	switch {
	case o.before == nil:
		event.Origin, event.Paths = Rollback, o.taken
	case o.origin != Reset && len(o.taken) > 0 && o.landed:
		// The own commit was seen already; what differs now is what it cost other predictions.
		event.Origin, event.Paths = Rollback, append(o.taken, o.paths...)
	case o.origin != Reset && len(o.taken) > 0:
		// First what was taken back, on the state before, so that each change has its author.
		back := event
		back.Origin, back.Paths = Rollback, o.taken
		back.After = c.compose(o, o.before, false)
		c.emit(back)
		event.Before = back.After
	}
	if event.Before != nil {
		c.emit(event)
	}
	o.fold = root
}

// compose is root with the layers of o that are shown. If judge, layers that no
// longer hold are hidden; otherwise they are passed over.
func (c *Core) compose(o *object, root *tree.Node, judge bool) *tree.Node {
	under := root
	for _, l := range o.layers {
		if !l.shown {
			continue
		}
		next, _, err := txn.Apply(*under, l.writes, predicted)
		if judge {
			if ok, _ := l.holds(root, under); err != nil || !ok {
				c.hide(l.tx)
				continue
			}
		}
		if err == nil {
			under = &next
		}
	}
	return under
}

// holds reports whether the layer's transaction may still commit, as far as can be seen here: its reads hold in
// the confirmed root and, those by value, in what is under the layer. If not, path is why.
func (l *layer) holds(root, under *tree.Node) (ok bool, path tree.Path) {
	for i := range l.part.Reads {
		r, in := &l.part.Reads[i], root
		switch r.Kind {
		case txn.ReadHash, txn.ReadKeysHash, txn.ReadGuard: // judged on what the commits before leave, the own ones included
			in = under
		}
		if !txn.Holds(in, l.part.Base, r, txn.Judge{Strict: l.object.Strict}) {
			return false, r.Path
		}
	}
	for i := range l.writes {
		if at, ok := l.way(root, i); !ok {
			return false, at
		}
	}
	return true, nil
}

// way reports whether what leads to a write is still what the transaction has seen: the maps, lists and leaves above it, and the
// list that an element is put into. If not, path is the first that is not.
func (l *layer) way(root *tree.Node, write int) (path tree.Path, ok bool) {
	w := &l.writes[write]
	target, node := w.Target(), root
	for i := range len(target) - 1 {
		if node = node.Kids.Get(target[i]); node == nil {
			break
		}
		at := target[:i+1]
		if node.Written > l.part.Base && !slices.Contains(l.made, node.Written) && !l.replaces(at, write) {
			return at, false
		}
	}
	return nil, true
}

// replaces reports whether a write before another one replaces what stands at path, so that the other one
// writes into what the transaction made itself.
func (l *layer) replaces(path tree.Path, before int) bool {
	return slices.ContainsFunc(l.writes[:before], func(w txn.Write) bool { return path.Starts(w.Target()) })
}

// writtenPaths appends where a difference may be seen: of an element that moves, in its list.
func writtenPaths(paths []tree.Path, writes []txn.Write) []tree.Path {
	for i := range writes {
		if w := &writes[i]; w.Op == txn.OpMove {
			paths = append(paths, w.Path)
		} else {
			paths = append(paths, w.Target())
		}
	}
	return paths
}
