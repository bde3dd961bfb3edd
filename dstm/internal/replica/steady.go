package replica

import (
	"slices"

	"github.com/trefoilgo/trefoil/codec"
)

// Replicas of one log stand at different positions while one of them is being opened or replaced: what
// spans them would see a state that never was. The server says by a current frame when that is over.

// stir notes that the objects of a log may stand at different positions from now on.
func (c *Core) stir(log string) {
	if j := c.logged(log); j != nil {
		j.steady = false
	}
}

// current takes that all objects that are open show the state at one position.
func (c *Core) current(j *journal, position uint64) {
	j.position = max(j.position, position)
	j.steady = true
	for _, o := range c.order {
		if o.log == j { // one that is on its way, or that the server had no time for, is left behind
			o.level = o.state == open && o.partial == nil
		}
	}
	c.emit(Event{Kind: Steady, Log: j.name, Position: position})
}

// Steady reports whether what is seen of these objects of one log is one state of it, own predictions not counted. When it
// becomes so, an event Steady tells.
func (c *Core) Steady(names []string) bool {
	var j *journal
	for _, name := range names {
		o := c.objects[name]
		switch {
		case o == nil || o.root == nil:
			return false
		case len(names) == 1:
			return true
		case j == nil:
			j = o.log
		}
		if o.log != j || !j.steady || !o.level {
			return false
		}
	}
	return true
}

// Whole reports whether what is seen of these objects is not about to be replaced by a state that is on its way, such as one of which
// the last piece has not come. When that has come, an event Steady follows.
func (c *Core) Whole(names []string) bool {
	return !c.connected || !slices.ContainsFunc(names, func(name string) bool {
		o := c.objects[name]
		return o != nil && (o.partial != nil || o.state == opening && o.mistaken)
	})
}

func (c *Core) readCurrent(log string, r *codec.Reader) error {
	position := counter(r)
	if r.Err() != nil {
		return r.Err()
	}
	if position > maxCounter {
		return malformed("current has no valid position")
	}
	if j := c.logged(log); j != nil {
		c.current(j, position)
	}
	return nil
}
