package simtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/transport"
)

// client is a client process with its users; it is started again when it ends, under the same key.
type client struct {
	s       *simulation
	number  int
	id      transport.ID
	owner   *owner
	dstm    *dstm.Client
	conn    *conn
	folds   []*fold // of all that it watches
	left    int     // operations of each user still to do
	tries   int
	unheard int                      // how many of the next exchanges come to nothing
	doing   map[string]string        // what its users do that has not ended
	storage *storage                 // nil: it keeps nothing
	handles map[string][]dstm.Object // with a storage, what is open
	leaves  map[string]int           // how often each object was closed by its users
	works   []*work
}

// start begins the process.
func (c *client) start() {
	c.owner = &owner{name: fmt.Sprintf("client %d", c.number)}
	c.handles, c.leaves = map[string][]dstm.Object{}, map[string]int{}
	c.conn, c.doing, c.folds = nil, map[string]string{}, make([]*fold, len(c.watched()))
	c.s.k.note("client %d starts", c.number)
	if c.storage == nil {
		c.dstm = world.NewClient(c.s.k.world(c.owner, c.s.count), c.options()).(*dstm.Client)
		c.s.k.after(0, c.dial)
		c.begin()
		return
	}
	c.dstm = nil
	c.s.k.spawn(c.owner, c.startStored)
}

// begin begins what the client's users do.
func (c *client) begin() {
	o := c.owner
	for range c.s.users {
		c.s.k.spawn(o, func() { c.work() })
	}
	for i, w := range c.watched() {
		c.s.k.spawn(o, func() {
			for {
				c.follow(i, w)
			}
		})
	}
}

// open opens an object, again and again while the server has no store for it.
func (c *client) open(name string) dstm.Object {
	for {
		o, err := c.dstm.Open(context.Background(), name)
		if err == nil {
			return c.opened(name, o)
		}
		if !errors.Is(err, dstm.ErrClosed) && !errors.Is(err, dstm.ErrBusy) {
			c.s.k.fail("client %d cannot open %s: %v", c.number, name, err)
		}
		c.s.k.pause(10 * time.Millisecond)
	}
}

// dial connects to some node that is up.
func (c *client) dial() {
	if c.owner.dead || c.conn != nil || c.dstm == nil {
		return
	}
	up := slices.DeleteFunc(slices.Clone(c.s.nodes), func(n *node) bool { return !n.up() })
	if len(up) == 0 {
		c.s.k.after(c.s.k.between(time.Millisecond, 50*time.Millisecond), c.dial)
		return
	}
	n := up[c.s.k.rng.IntN(len(up))]
	for _, l := range n.conns { // an older session of the same client is ended first
		if l.client == c {
			l.far.end()
		}
	}
	n.conns = slices.DeleteFunc(n.conns, func(l *conn) bool { return l.far.closed })
	c.s.k.note("client %d connects to %s", c.number, n.name)
	if c.tries++; c.tries > 1 {
		c.s.count.add("reconnects")
	}
	l := c.s.connect(c, n)
	c.conn = l
	n.conns = append(n.conns, l)
}

// lost comes back later.
func (c *client) lost(l *conn) {
	if c.conn == l {
		c.conn = nil
		c.s.k.after(c.s.k.between(0, c.s.backoff), c.dial)
	}
}

// crash ends the process without a word.
func (c *client) crash() {
	if c.owner.dead {
		return
	}
	c.s.count.add("client restarts")
	c.s.k.note("client %d ends", c.number)
	c.s.k.kill(c.owner)
	if l := c.conn; l != nil {
		l.near.end()
		l.near.lost = c.s.k.chance(2)
		c.s.k.after(c.s.k.between(0, 300*time.Millisecond), l.far.end)
		c.conn = nil
	}
	c.s.k.after(c.s.k.between(time.Millisecond, 500*time.Millisecond), c.start)
}
