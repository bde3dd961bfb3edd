package simtest

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/transport"
)

// node is a server process that is started again whenever it ends.
type node struct {
	s     *simulation
	name  string
	owner *owner
	log   *handle
	store *dstm.Store
	clock time.Duration // how much its clock is wrong
	point string        // where it is in its log, "" if nowhere of interest
	conns []*conn
}

// start makes the store; up says when it serves.
func (n *node) start() {
	n.owner = &owner{name: n.name}
	n.log = &handle{disk: n.s.disks, node: n}
	o := n.owner
	n.s.k.spawn(o, func() {
		opts := n.s.store
		opts.Clock = func() time.Time { return began.Add(n.s.k.now + n.clock) }
		opts.Logger = slog.New(slog.DiscardHandler)
		store, err := world.NewStore(n.s.k.world(o, n.s.count), n.log, &opts)
		if err != nil && (n.log.closed || errors.Is(err, dstm.ErrUncertain)) { // its disk failed at once
			n.s.count.add("failed starts")
			o.dead = true
			n.s.k.after(n.s.k.between(time.Millisecond, 500*time.Millisecond), n.start)
			return
		}
		if err != nil {
			n.s.k.fail("%s does not start: %v", n.name, err)
			return
		}
		n.s.k.note("%s starts", n.name)
		n.store = store.(*dstm.Store)
		n.serve()
	})
}

// serve has a user in the server itself work with the objects.
func (n *node) serve() {
	store := n.store
	u := &user{s: n.s, who: n.name, objects: map[string]dstm.Object{}}
	u.open = func(name string) dstm.Object {
		for {
			o, err := store.Open(context.Background(), name)
			if err == nil {
				return o
			}
			n.s.k.pause(10 * time.Millisecond)
		}
	}
	n.s.k.spawn(n.owner, func() {
		for !n.s.calm && n.s.own < transactions { // else clients that are too slow would never catch up
			n.s.own++
			u.operate()
			n.s.k.pause(n.s.k.between(0, 20*n.s.think))
		}
	})
}

func (n *node) up() bool { return n.store != nil && !n.owner.dead }

// crash ends the process, and with it all connections; between says what else happens before the next start.
func (n *node) crash(between func()) {
	if n.owner.dead {
		return
	}
	k := n.s.k
	point := n.point
	if point == "" {
		point = "idle"
	}
	n.s.count.add("crash " + point)
	k.note("%s crashes %s", n.name, point)
	n.point = ""
	k.kill(n.owner)
	n.store, n.log.closed = nil, true
	if !n.s.disks.shared {
		n.s.disks.crash()
	}
	for _, l := range n.conns {
		l.far.end()
		l.far.lost = l.far.lost || k.chance(2)
		k.after(k.between(0, 200*time.Millisecond), l.near.end)
	}
	n.conns = nil
	if between != nil {
		between()
	}
	k.after(k.between(time.Millisecond, 500*time.Millisecond), n.start)
}

// watch restarts a node whose store has closed because its log failed.
func (n *node) watch() {
	if n.up() && n.log.closed {
		n.crash(nil)
	}
}

func attachStore(store *dstm.Store, e *end) transport.Receiver { return world.AttachStore(store, e) }
func attachClient(client *dstm.Client, e *end) transport.Receiver {
	return world.AttachClient(client, e)
}
