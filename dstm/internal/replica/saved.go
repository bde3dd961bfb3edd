package replica

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// Saved is what is stored of an object, so that it is there before any connection.
type Saved struct {
	Log, Epoch        string
	Version, Position uint64 // Position is that of the entry that made Version
	Hash              [8]byte
	Terms
	Root *tree.Node // confirmed

	// Of what [Core.Keep] returned: closed between which sessions, and whether it was level then.
	session uint64
	level   bool
}

// Step is one change of an object, to be stored behind what is stored already.
type Step struct {
	Version, Position uint64
	Hash              [8]byte
	Writes            []txn.Write
}

// maxTrail is how many changes are noted before the object is rather stored anew.
const maxTrail = 4096

// trail is what happened to an object since it was stored.
type trail struct {
	whole bool // it is to be stored as a whole
	steps []Step
}

func (t *trail) add(part *effect, e *entry) {
	switch {
	case t.whole:
	case len(t.steps) == maxTrail:
		*t = trail{whole: true}
	default:
		t.steps = append(t.steps, Step{Version: part.version, Position: e.position, Hash: e.hash, Writes: part.writes})
	}
}

// Track has objects note from now on what is to be stored of them.
func (c *Core) Track() { c.tracking = true }

// Unsaved lists the objects that have changed since they were saved, in the order of their opening, and behind them those that were closed or
// taken away since.
func (c *Core) Unsaved() (names []string) {
	for _, o := range c.order {
		if o.unsaved() {
			names = append(names, o.name)
		}
	}
	for _, o := range c.left {
		if now := c.objects[o.name]; now == nil || now.root == nil {
			names = append(names, o.name)
		}
	}
	return names
}

func (o *object) unsaved() bool { return o.root != nil && (o.trail.whole || len(o.trail.steps) > 0) }

// leave keeps an object that is forgotten until it is saved: the record of a transaction that it holds may go before.
func (c *Core) leave(o *object) {
	if c.tracking && o.root != nil {
		c.Discard(o.name)
		if o.unsaved() {
			c.left = append(c.left, o)
		}
	}
}

// Discard says that nothing is to be stored of what an object held before it was closed or taken away.
func (c *Core) Discard(name string) {
	c.left = slices.DeleteFunc(c.left, func(o *object) bool { return o.name == name })
}

// Save returns what is to be stored of an object, and starts a new trail: the steps since the last time, or, if whole or if there
// are none that lead here, all of it; then steps is nil.
func (c *Core) Save(name string, whole bool) (s Saved, steps []Step, ok bool) {
	o := c.held(name)
	if o == nil {
		return s, nil, false
	}
	c.Discard(name)
	if !whole && !o.trail.whole {
		steps = o.trail.steps
	}
	o.trail = trail{}
	return o.save(), steps, true
}

// held is an object with a state: one that is open or, if there is none, one that is left.
func (c *Core) held(name string) *object {
	if o := c.objects[name]; o != nil && o.root != nil {
		return o
	}
	if i := slices.IndexFunc(c.left, func(o *object) bool { return o.name == name }); i >= 0 {
		return c.left[i]
	}
	return nil
}

// Keep returns what an open object holds, so that it can be opened again after its Close as it was; ok is false if that is nothing.
func (c *Core) Keep(name string) (s Saved, ok bool) {
	o := c.objects[name]
	if o == nil || o.root == nil || o.epoch == "" {
		return s, false
	}
	s = o.save()
	s.session, s.level = c.session, !c.connected && o.level && o.log.steady
	return s, true
}

func (o *object) save() Saved {
	return Saved{
		Log: o.log.name, Epoch: o.epoch, Version: o.version, Position: o.position, Hash: o.hash, Terms: o.Terms, Root: o.root,
	}
}

// Held is the version, and its epoch, of what [Core.Save] would return; ok is false if that is nothing.
func (c *Core) Held(name string) (epoch string, version uint64, ok bool) {
	if o := c.held(name); o != nil {
		return o.epoch, o.version, true
	}
	return "", 0, false
}

// Level lists the open objects that show the state of their log at one position, by log.
func (c *Core) Level() map[string][]string {
	level := map[string][]string{}
	for _, o := range c.order {
		if o.root != nil && o.level && o.log.steady {
			level[o.log.name] = append(level[o.log.name], o.name)
		}
	}
	return level
}

// OpenSaved is [Core.Open] of an object that was stored, or kept when it was closed: it has its state at once, an event Opened says so. Level says
// that it was stored at one position with all others of which that is said.
func (c *Core) OpenSaved(name string, s Saved, level bool) {
	if c.objects[name] != nil {
		return
	}
	j := c.journal(s.Log)
	o := &object{
		name: name, log: j, epoch: s.Epoch, version: s.Version, position: s.Position, hash: s.Hash,
		root: s.Root, fold: s.Root,
	}
	o.accept(s.Terms)
	if i := slices.IndexFunc(c.left, func(l *object) bool { return l.name == name }); i >= 0 { // it was closed as it is now
		o.trail = c.left[i].trail
		c.Discard(name)
	}
	if j.epoch == "" {
		j.epoch = s.Epoch
	}
	if j.epoch == s.Epoch {
		j.position = max(j.position, s.Position)
	}
	// Without a connection nothing moves: what was level when it was closed still is.
	if (level || s.level && s.session == c.session) && !c.connected {
		j.steady, o.level = true, true
	}
	for _, p := range j.queue {
		// What is stored of an object is no older than the run of a work: a state of another epoch came since (docs/decisions/0015-epochs-that-come-back.md).
		if part := p.part(name); p.restored && part != nil && part.Epoch != s.Epoch {
			p.left = true
		}
	}
	c.objects[name] = o
	c.order = append(c.order, o)
	c.overlay(o, true)
	c.emit(Event{Kind: Opened, Object: name})
	if c.connected {
		o.returning = true
		c.stir(s.Log)
		c.ask(o)
	}
	c.checkReady(j)
	c.done()
}

// overlay puts the transactions that are not answered above an object that has its first state: those of a process before and, if the
// state was held here when they were made, those of this one.
func (c *Core) overlay(o *object, all bool) {
	for _, p := range o.log.queue {
		part := p.part(o.name)
		if !all && !p.restored || part == nil || p.answered || !p.writes() || part.Epoch != o.epoch ||
			slices.ContainsFunc(p.layers, func(l *layer) bool { return l.object == o }) {
			continue
		}
		l := &layer{tx: p, part: part, object: o, shown: !p.hidden && !p.applied, writes: o.lens.Writes(part.Writes)}
		p.layers = append(p.layers, l)
		o.layers = append(o.layers, l)
	}
	if len(o.layers) == 0 {
		return
	}
	o.visible = nil
	c.touch(o)
	o.stale = true
}
