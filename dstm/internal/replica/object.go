package replica

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/lens"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

type state int

const (
	offline state = iota // no session, or the server had no time for it
	opening              // asked for, or about to be
	open
)

type object struct {
	name      string
	state     state
	request   uint64     // of the opening under way
	asked     bool       // its frame was sent
	returning bool       // transactions wait until it is open again
	mistaken  bool       // what is held does not fit the server's frames: no resume
	partial   *collected // what is to replace root, once it is whole
	level     bool       // at the one position of its log, as long as that is steady

	log      *journal // nil until first opened
	epoch    string
	version  uint64
	position uint64
	hash     [8]byte
	Terms
	lens    *lens.Lens // of Readable
	root    *tree.Node // confirmed; nil until first opened
	fold    *tree.Node // with the layers that are shown
	layers  []*layer   // own transactions not yet in root, ascending by sequence
	visible []Pending  // of the layers that are shown; nil if to be made
	trail   trail      // what is to be stored of it

	// While one input is worked on (see show):
	touched bool
	stale   bool       // fold is to be made again
	before  *tree.Node // the confirmed root before the input, if that changed
	next    *tree.Node // the fold made again
	origin  Origin
	landed  bool        // root now holds a layer that was shown
	kept    bool        // the fold stays, unless predictions were taken back
	paths   []tree.Path // written in root
	taken   []tree.Path // written by layers that were taken back
}

// layer is what an own transaction writes in one object.
type layer struct {
	tx     *pending
	part   *txn.Part
	object *object
	writes []txn.Write // what of the part's writes can be read here
	shown  bool
	// made are versions of the object that transactions of tx.After made.
	made []uint64
	// reached is the version that the server made of it, 0 while unanswered. The layer
	// stays until the object gets there.
	reached uint64
}

// Pending names the writes of one own transaction that a State shows.
type Pending struct {
	Sequence uint64
	Paths    []tree.Path
}

// State is what is seen of an object. All of it is read-only.
type State struct {
	Log, Epoch string
	Version    uint64 // confirmed
	Position   uint64 // of the entry that made Version
	Seen       uint64 // the highest position seen of the log
	Root       *tree.Node
	Confirmed  *tree.Node // Root without what is not confirmed; in Root the versions of own writes may be too high
	Pending    []Pending
	Terms
}

// State returns what is seen of an object; ok is false before its first opening.
func (c *Core) State(name string) (s State, ok bool) {
	o := c.objects[name]
	if o == nil || o.root == nil {
		return s, false
	}
	if o.visible == nil {
		o.visible = o.pending()
	}
	return State{
		Log: o.log.name, Epoch: o.epoch, Version: o.version, Position: o.position,
		Seen: o.log.position, Root: o.fold, Confirmed: o.root, Pending: o.visible, Terms: o.Terms,
	}, true
}

func (o *object) pending() []Pending {
	out := make([]Pending, 0, len(o.layers))
	for _, l := range o.layers {
		if !l.shown {
			continue
		}
		out = append(out, l.pending())
	}
	return out
}

func (l *layer) pending() Pending {
	p := Pending{Sequence: l.tx.Sequence, Paths: make([]tree.Path, len(l.writes))}
	for i := range l.writes {
		p.Paths[i] = l.writes[i].Target()
	}
	return p
}

// forget removes the object and the layers above it; the transactions stay.
func (c *Core) forget(o *object) {
	c.strip(o)
	o.stale = false
	c.leave(o)
	delete(c.objects, o.name)
	c.order = slices.DeleteFunc(c.order, func(x *object) bool { return x == o })
	c.requests = slices.DeleteFunc(c.requests, func(e errand) bool { return e.object == o })
	if j := o.log; j != nil {
		c.checkReady(j)
	}
}

// strip takes all layers from an object that will not show them again. What a transaction that is not answered has written elsewhere
// is not shown any more either: if the object is opened again, one would see a half of it.
func (c *Core) strip(o *object) {
	layers := o.layers
	o.layers, o.visible = nil, nil
	for _, l := range layers {
		l.tx.layers = slices.DeleteFunc(l.tx.layers, func(x *layer) bool { return x == l })
		if len(l.tx.layers) > 0 && !l.tx.answered {
			c.hide(l.tx)
		}
		c.finish(l.tx)
	}
}

// remove takes a layer away, the way that its transaction went; the fold is not made again.
func (c *Core) remove(l *layer) {
	o := l.object
	o.layers = slices.DeleteFunc(o.layers, func(x *layer) bool { return x == l })
	switch {
	case !l.shown:
	case len(o.visible) > 0 && o.visible[0].Sequence == l.tx.Sequence:
		o.visible = o.visible[1:] // the usual case, and not to cost what is pending
	default:
		o.visible = nil
	}
	l.tx.layers = slices.DeleteFunc(l.tx.layers, func(x *layer) bool { return x == l })
	c.finish(l.tx)
}
