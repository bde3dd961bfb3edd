package replica

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/status"
)

// Open begins to open an object, unless it is open or on its way already: an
// event follows. It is for the first user of an object, Close for the last.
func (c *Core) Open(name string) {
	if c.objects[name] != nil {
		return
	}
	o := &object{name: name}
	c.objects[name] = o
	c.order = append(c.order, o)
	if c.connected {
		c.ask(o)
	}
	c.done()
}

// Close ends the use of an object. Its transactions go on. A later Open keeps its place behind this: opens and
// closes travel in one stream.
func (c *Core) Close(name string) {
	o := c.objects[name]
	if o == nil {
		return
	}
	// What was opened again because it did not fit is open at the server even if the new opening was not sent.
	there := c.connected && (o.state == open || o.state == opening && (o.asked || o.mistaken))
	c.forget(o)
	if there {
		c.requests = append(c.requests, errand{name: name})
	}
	c.done()
}

// Again asks once more for the objects that the server had no time for.
func (c *Core) Again() {
	for _, o := range c.order {
		if c.connected && o.state == offline {
			c.ask(o)
		}
	}
}

// Waiting reports whether there is an object for [Core.Again].
func (c *Core) Waiting() bool {
	return c.connected && slices.ContainsFunc(c.order, func(o *object) bool { return o.state == offline })
}

// ask has an open frame sent.
func (c *Core) ask(o *object) {
	c.request++
	o.state, o.request, o.asked, o.partial = opening, c.request, false, nil
	c.requests = append(c.requests, errand{object: o})
}

// resync opens an object again from nothing: what it holds does not fit.
func (c *Core) resync(o *object) {
	o.mistaken = true
	c.stir(o.log.name)
	c.ask(o)
}

// opened takes the answer to an open.
func (c *Core) opened(log string, request uint64, name string, s *snapshot) error {
	o := c.objects[name]
	if o == nil || o.state != opening || o.request != request || !o.asked {
		return nil
	}
	if s.root == nil {
		if o.root == nil || o.mistaken || o.log.name != log || o.epoch != s.epoch || o.version != s.version {
			return malformed("opened names a state that the client does not hold")
		}
		if !sameReadable(o.Readable, s.Readable) {
			c.resync(o) // the state is the right one, but it is not known where
			return nil
		}
	}
	o.state = open
	c.stir(log)
	if s.pieces {
		o.partial = &collected{snapshot: *s, log: log, opening: true}
		return nil
	}
	c.arrive(o, log, s, true)
	return nil
}

// arrive takes a state that is there as a whole: the answer to an open, or a reset.
func (c *Core) arrive(o *object, log string, s *snapshot, opening bool) {
	o.accept(s.Terms)
	if !opening {
		o.log.see(s)
		c.recognize(o.log, s.epoch)
		c.install(o, s)
		return
	}
	o.returning = false
	before, j := o.log, c.journal(log)
	if before != nil && before != j {
		c.abandon(o)
		o.log = j
		c.checkReady(before)
	}
	o.log = j
	j.see(s)
	c.recognize(j, s.epoch)
	if s.root != nil {
		c.install(o, s)
	}
	c.emit(Event{Kind: Opened, Object: o.name})
	c.checkReady(j)
}

// refused takes the refusal of an open.
func (c *Core) refused(request uint64, name string, err *status.Error) {
	o := c.objects[name]
	if o == nil || o.state != opening || o.request != request || !o.asked {
		return
	}
	o.state, o.returning = offline, false
	if o.root != nil && (err.Code == status.Unavailable || err.Code == status.ResourceExhausted) {
		c.checkReady(o.log) // what is held stays, and is asked for again
		return
	}
	c.dismiss(o, err)
}

// dismiss forgets an object that the server does not give, or no longer.
func (c *Core) dismiss(o *object, err *status.Error) {
	kind := Ended
	if o.root == nil {
		kind = Refused
	}
	c.forget(o)
	c.emit(Event{Kind: kind, Object: o.name, Err: err})
}

// reset takes a state that the server sends unasked.
func (c *Core) reset(log, name string, s *snapshot) {
	o := c.objects[name]
	if o == nil || !o.at(log) {
		return
	}
	c.stir(log)
	opening := o.partial != nil && o.partial.opening // what was to answer an open did not come to its end
	o.partial = nil
	if s.pieces {
		o.partial = &collected{snapshot: *s, log: log, opening: opening}
		return
	}
	c.arrive(o, log, s, opening)
}

// at reports whether the server has the object open in this log.
func (o *object) at(log string) bool {
	switch {
	case o.state != open:
		return false
	case o.partial != nil:
		return o.partial.log == log
	}
	return o.log.name == log
}

// ended takes that the server closes an object.
func (c *Core) ended(log, name string, err *status.Error) {
	// While an opening is under way its answer decides, and this is about an earlier one.
	if o := c.objects[name]; o != nil && o.at(log) {
		c.dismiss(o, err)
	}
}

// abandon settles the transactions of an object that moved to another log: the one that they were made for
// can no longer be asked.
func (c *Core) abandon(o *object) {
	names := func(p *pending) bool { return p.part(o.name) != nil }
	c.refuseUnsent(o.log, names, status.New(status.Aborted, reason.Conflict, "the object moved to another log"))
	c.doubt(o.log, names)
	c.strip(o)
	o.epoch = "" // whatever the new log says is another history
}
