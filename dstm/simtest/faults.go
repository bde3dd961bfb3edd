package simtest

import (
	"slices"
	"time"
)

// fault is something that goes wrong.
type fault struct {
	name string
	do   func(*simulation)
}

// allFaults can happen in any run.
var allFaults = []fault{
	{"cut", (*simulation).cutSomebody},
	{"crash", func(s *simulation) { s.nodes[s.k.rng.IntN(len(s.nodes))].crash(nil) }},
	{"stall", (*simulation).stall},
	{"clock", (*simulation).jump},
	{"client", func(s *simulation) { s.clients[s.k.rng.IntN(len(s.clients))].stop() }},
	{"restore", (*simulation).restore},
	{"late", (*simulation).late},
	{"lose", (*simulation).lose},
}

// leastFaults is how many kinds each run has, beside those of its disk.
const leastFaults = 4

func (s *simulation) chooseFaults() {
	all := append([]fault(nil), allFaults...)
	s.k.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	s.faults = all[:leastFaults+s.k.rng.IntN(len(all)-leastFaults+1)]
}

// patient is after how long things go wrong half as often, and then less and less: where nodes crash faster than they start, nobody
// would ever be done.
const patient = 20 * time.Second

// misfortune lets something go wrong, again and again.
func (s *simulation) misfortune() {
	for _, n := range s.nodes {
		n.watch()
	}
	if s.calm {
		return
	}
	f := s.faults[s.k.rng.IntN(len(s.faults))]
	s.k.note("fault: %s", f.name)
	f.do(s)
	s.k.after(s.k.between(s.pace/4, 2*s.pace)*(1+s.k.now/patient), s.misfortune)
}

func (s *simulation) cutSomebody() {
	if c := s.clients[s.k.rng.IntN(len(s.clients))]; c.conn != nil {
		c.conn.cut()
	}
}

// stall lets one direction of a connection stand still for a while.
func (s *simulation) stall() {
	c := s.clients[s.k.rng.IntN(len(s.clients))]
	if c.conn == nil {
		return
	}
	e := c.conn.far
	if s.k.chance(3) {
		e = c.conn.near
	}
	e.stalled = s.k.now + s.k.between(10*time.Millisecond, 400*time.Millisecond)
	s.count.add("stalls")
}

// late cuts a client's connection while its frames are slow: it comes back and sends again while the first copies
// are still under way. Its old session at the server ends only after that, so they arrive.
func (s *simulation) late() {
	c := s.clients[s.k.rng.IntN(len(s.clients))]
	l := c.conn
	if l == nil {
		return
	}
	l.near.stalled = s.k.now + s.k.between(100*time.Millisecond, 500*time.Millisecond)
	s.k.after(s.k.between(5*time.Millisecond, 60*time.Millisecond), func() {
		if l.near.closed || l.far.closed {
			return
		}
		l.far.lost = true
		l.near.end()
		s.k.after(500*time.Millisecond, l.far.end)
	})
}

// lose has the next exchanges of a client come to nothing, one after the other: its transaction is lost with its connection, or the
// answer is, with the connection or the whole node. It sends them again, each time to somebody who knows less.
func (s *simulation) lose() {
	s.clients[s.k.rng.IntN(len(s.clients))].unheard = 1 + s.k.rng.IntN(8)
}

// asked is called when a client sends a transaction.
func (s *simulation) asked(l *conn) {
	if l.losing() && s.k.chance(4) {
		s.count.add("transactions lost")
		l.near.lost = true
		l.breaks()
	}
}

// answered is called when a node has answered a transaction, and the answer is on its way. A refusal is lost more often: what it is
// about must not be judged anew.
func (s *simulation) answered(l *conn, refused bool) {
	if !l.losing() || !refused && s.k.chance(2) {
		return
	}
	s.count.add("answers lost")
	l.breaks()
	if s.k.chance(4) {
		s.k.after(0, func() {
			if n := l.node; !n.owner.dead && slices.Contains(n.conns, l) {
				n.point = "after answer"
				n.crash(nil)
			}
		})
	}
}

// losing reports whether the next exchange of the client comes to nothing.
func (l *conn) losing() bool { return l.client.unheard > 0 && !l.s.calm && l.client.conn == l }

// breaks ends the connection: the client hears of it at once, the node later, and what the node has sent is lost.
func (l *conn) breaks() {
	l.client.unheard--
	l.far.lost = true
	l.s.k.after(0, l.near.end)
	l.s.k.after(l.s.k.between(0, 300*time.Millisecond), l.far.end)
}

// jump sets a server's clock forth or back.
func (s *simulation) jump() {
	n := s.nodes[s.k.rng.IntN(len(s.nodes))]
	n.clock += s.k.between(-time.Hour, time.Hour)
	s.count.add("clock jumps")
}

// restore makes a copy of the log, or puts the last one in its place.
func (s *simulation) restore() {
	d := s.disks
	switch {
	case d.shared:
		s.cutSomebody()
	case d.old == nil:
		if s.nodes[0].up() && d.pending == nil {
			d.copy()
		}
	case !s.nodes[0].owner.dead && s.k.chance(3):
		s.nodes[0].crash(s.putBack)
	}
}
