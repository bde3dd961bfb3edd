package simtest

import (
	"errors"
	"slices"

	"github.com/trefoilgo/trefoil/dstm"
)

// opened notes what a client with a storage has open, so that all of it can be closed at once.
func (c *client) opened(name string, o dstm.Object) dstm.Object {
	if c.storage != nil {
		c.handles[name] = append(c.handles[name], o)
	}
	return o
}

// revisit is somebody who looks at one object after another: now and then all that the client has open of one is closed.
func (c *client) revisit() {
	k := c.s.k
	for !c.s.calm {
		k.pause(k.between(0, 60*c.s.think))
		c.leave(c.s.objects[k.rng.IntN(len(c.s.objects))])
	}
}

// leave closes an object, and opens it again, now or after a while. It must be there, connection or not, and if nobody has had it meanwhile, as it was.
func (c *client) leave(name string) {
	k := c.s.k
	open := slices.DeleteFunc(c.handles[name], func(o dstm.Object) bool {
		return o.View(func(*dstm.Tx) error { return nil }) != nil // the server has taken it away
	})
	delete(c.handles, name)
	if len(open) == 0 {
		return
	}
	c.leaves[name]++
	before, away := open[0].Head(), k.chance(2)
	for _, o := range open {
		o.Close()
	}
	k.note("client %d leaves %s at version %d", c.number, name, before.Version)
	if away {
		k.pause(k.between(0, 10*c.s.think))
		c.opened(name, c.open(name))
		return
	}
	for range 1 + k.rng.IntN(2) {
		o, err := openCached(c.dstm, name)
		switch {
		case errors.Is(err, dstm.ErrClosed): // the client
			return
		case err != nil:
			k.fail("client %d had %s open, and cannot open it again: %v", c.number, name, err)
			return
		case o.Head() != before:
			k.fail("client %d left %s at %v, and finds it at %v", c.number, name, before, o.Head())
		}
		c.s.count.add("objects opened again")
		if c.conn == nil {
			c.s.count.add("objects opened again offline")
		}
		if k.chance(2) {
			c.opened(name, o)
			return
		}
		o.Close()
	}
}
