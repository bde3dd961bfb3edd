// Package simtest runs a whole dstm system in one goroutine from one seed: server nodes with the real store, clients
// with the real replicas and the real transactions, the network between them, the log below them, and everything that goes
// wrong with each. Time is virtual. At the end everything comes to rest and is judged: by the witness, and by
// comparing what everybody holds.
package simtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/witness"
)

// simulation is one run.
type simulation struct {
	k           *kernel
	count       Counters
	disks       *disk
	nodes       []*node
	clients     []*client
	objects     []string
	hand        bool // there is one
	operations  []*kind
	record      witness.Recorder
	tags        int
	own         int // transactions of users in servers
	lanes       int
	strictReads map[string]bool // transactions that asked for it
	calm        bool            // no more faults
	restores    int             // how often the log was put back

	// What the seed chose:
	latency   time.Duration // of connections, at most
	disk      time.Duration // of each step of an append, at most
	lag       time.Duration // with which nodes see what others append, at most
	backoff   time.Duration
	think     time.Duration
	pace      time.Duration // between faults
	faults    []fault
	failing   int // one append in so many fails
	budget    int // of a server's session, in bytes
	maxFrame  int
	users     int // of each client
	impatient int // one user in so many does not wait for the answer; 0: all wait
	store     dstm.StoreOptions
	writing   time.Duration // of each step of a client's storage, at most
	unwritten int           // one Apply of it in so many fails

	frames frames
}

// Result is how a run ended.
type Result struct {
	Seed     uint64
	Trace    uint64 // equal for equal runs
	Events   uint64
	Counters Counters
	Err      error    // nil if all was as it must be
	Lines    []string // what happened, if it was asked for
}

// transactions is how many each run makes at least.
const transactions = 200

// maxEvents ends a run that does not come to rest.
const maxEvents = 150_000

// Run runs the simulation of a seed. With trace the result says what happened.
func Run(seed uint64, trace bool) Result { return run(seed, false, trace) }

// RunOffline is Run where some of the clients have a storage, and works that outlive their processes.
func RunOffline(seed uint64, trace bool) Result { return run(seed, true, trace) }

func run(seed uint64, offline, trace bool) (result Result) {
	s := newSimulation(seed, offline)
	s.k.trace.keep = trace
	defer func() {
		s.k.finish()
		result = Result{Seed: seed, Trace: s.k.trace.hash.Sum64(), Events: s.k.count, Counters: s.count, Err: s.k.fault, Lines: s.k.trace.lines}
	}()
	s.run()
	return
}

func pick[T any](k *kernel, choices ...T) T { return choices[k.rng.IntN(len(choices))] }

func newSimulation(seed uint64, offline bool) *simulation {
	k := newKernel(seed)
	s := &simulation{k: k, count: Counters{}, strictReads: map[string]bool{}}
	s.frames = frames{after: map[author][]uint64{}, refused: map[author]bool{}, never: map[author]bool{}}
	s.disks = &disk{s: s, pieces: map[string]dstm.Piece{}, shared: k.chance(3)}
	s.latency = pick(k, time.Millisecond, 5*time.Millisecond, 40*time.Millisecond)
	s.disk = pick(k, 100*time.Microsecond, 2*time.Millisecond, 20*time.Millisecond)
	s.lag = pick(k, time.Millisecond, 30*time.Millisecond)
	s.backoff = pick(k, 5*time.Millisecond, 200*time.Millisecond)
	s.think = pick(k, time.Millisecond, 10*time.Millisecond, 50*time.Millisecond)
	s.pace = pick(k, 20*time.Millisecond, 60*time.Millisecond, 200*time.Millisecond)
	s.failing = pick(k, 40, 100, 400)
	s.budget = pick(k, 2<<10, 16<<10, 1<<20)
	s.impatient = pick(k, 0, 10)
	s.maxFrame = pick(k, 3<<10, 1<<20)
	s.users = 1 + k.rng.IntN(3)
	s.store = dstm.StoreOptions{
		Rules: []dstm.Rule{
			{Object: hand, Open: dstm.AllowAll, Read: s.read, Write: dstm.AllowAll, History: dstm.AllowAll},
			{Object: "strict/*", Open: dstm.AllowAll, Write: dstm.AllowAll, History: dstm.AllowAll, Strict: true},
			{Object: "*", Open: dstm.AllowAll, Write: dstm.AllowAll, History: dstm.AllowAll},
		},
		KeepBytes:         pick(k, 1, 16<<10, 1<<40),
		Resident:          pick(k, 1, 1<<20),
		Recent:            pick(k, 4<<10, 64<<10, 16<<20),
		CheckpointEntries: pick(k, 10, 50, 10_000),
		QueueLength:       pick(k, 4, 16_384),
		MaxClients:        pick(k, 2, 6, 100_000),
	}
	s.objects = []string{"a", "strict/b", "c", "d"}[:1+k.rng.IntN(4)]
	s.hand = k.chance(2)
	s.operations = s.someOperations()
	nodes := 1
	if s.disks.shared {
		nodes = 2 + k.rng.IntN(2)
	}
	for i := range nodes {
		s.nodes = append(s.nodes, &node{s: s, name: string(rune('A' + i))})
	}
	n := 5 + k.rng.IntN(4)
	for i := range n {
		c := &client{s: s, number: i, left: transactions/n + 1}
		c.id[0], c.id[1] = 0xc1, byte(i)
		s.clients = append(s.clients, c)
	}
	s.chooseFaults()
	if offline {
		s.chooseStorages()
	}
	return s
}

func (s *simulation) run() {
	for _, n := range s.nodes {
		n.start()
	}
	for _, c := range s.clients {
		s.k.after(s.k.between(0, 20*time.Millisecond), c.start)
	}
	s.k.after(s.pace, s.misfortune)
	s.k.settle()
	for s.k.fault == nil && s.k.step() {
		if s.k.count > maxEvents {
			s.k.fail("does not come to rest: %s", s.waiting())
		}
		s.calm = s.calm || s.done()
	}
	if s.k.fault == nil {
		s.judge()
	}
}

// waiting says who has not done what it wanted to.
func (s *simulation) waiting() string {
	var b strings.Builder
	for _, c := range s.clients {
		if c.left > 0 {
			fmt.Fprintf(&b, "client %d has %d to do (%v); ", c.number, c.left, c.doing)
		}
	}
	return b.String()
}

// done reports whether every user has done what it wanted to.
func (s *simulation) done() bool {
	for _, c := range s.clients {
		if c.left > 0 || c.dstm == nil || !c.submitted() {
			return false
		}
	}
	return true
}
