package replica

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// simulation is a server, some clients and the network between them, driven by one seed.
type simulation struct {
	t       *testing.T
	seed    uint64
	rng     *rand.Rand
	server  *naive
	clients []*person
	trace   []func() string
	sum     counts
}

// person is a client with somebody who uses it.
type person struct {
	id      [16]byte
	core    *Core
	link    *link
	folds   map[string]*tree.Node // as the events tell them
	checked map[string][2]*tree.Node
	states  map[string]State // that transactions were made on last
	running map[uint64]int   // sequence -> goal
	settled map[uint64]int
	wants   []string
	goals   []goal
	narrow  bool                // it may read only a part of "b"
	lied    bool                // a change was kept from it
	fresh   bool                // but not in this session
	asked   map[uint64]*inquiry // by request
}

// inquiry is a request about the past.
type inquiry struct {
	object   string
	at       bool
	from, to uint64
}

type goal struct {
	kind    int
	object  string
	done    bool
	running bool
	sum     int64
	id      string // of the element that it inserts, moves or removes
}

var objectNames = []string{"a", "b", "c"}

func newSimulation(t *testing.T, seed uint64, clients int) *simulation {
	s := &simulation{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 7))}
	s.server = newNaive(s.rng)
	s.server.object("c").strict = true
	s.server.limits = Limits{Object: 1 << 20, Transaction: 1 << 16, Operations: 100}
	for i := range clients {
		p := &person{core: New(uint64(i)*1000, 200), folds: map[string]*tree.Node{}, checked: map[string][2]*tree.Node{}, states: map[string]State{}, running: map[uint64]int{}, settled: map[uint64]int{}, asked: map[uint64]*inquiry{}}
		p.narrow = i == 1
		p.id[0] = byte(i + 1)
		for _, name := range objectNames {
			if s.rng.IntN(3) > 0 || name == "a" {
				p.wants = append(p.wants, name)
				p.core.Open(name)
			}
		}
		s.clients = append(s.clients, p)
	}
	return s
}

func (s *simulation) fail(format string, args ...any) {
	s.t.Helper()
	for _, line := range s.trace[max(0, len(s.trace)-40):] {
		s.t.Log(line())
	}
	s.t.Fatalf("seed %d: %s", s.seed, fmt.Sprintf(format, args...))
}

func (s *simulation) note(format string, args ...any) {
	s.trace = append(s.trace, func() string { return fmt.Sprintf(format, args...) })
}

func (s *simulation) links() (out []*link) {
	for _, p := range s.clients {
		if p.link != nil {
			out = append(out, p.link)
		}
	}
	return out
}

// step does one random thing; calm ones only bring the system to rest.
func (s *simulation) step(calm bool) bool {
	p := s.clients[s.rng.IntN(len(s.clients))]
	switch n := s.rng.IntN(100); {
	case n < 8:
		if p.link == nil {
			p.link, p.fresh = &link{client: p.id, open: map[string]bool{}}, true
			if p.narrow {
				p.link.readable = map[string][]tree.Path{"b": seen}
			}
			s.note("%d connects", p.id[0])
			p.core.Connected(p.id)
		}
	case n < 11 && !calm:
		if p.link != nil {
			s.note("%d is cut, %d and %d frames lost", p.id[0], len(p.link.toServer), len(p.link.toClient))
			for _, b := range p.link.toClient {
				if f, _ := parse(b); f.Kind == kindCommitted {
					s.sum["answers lost"]++
				}
			}
			for _, o := range p.core.order {
				if o.partial != nil {
					s.sum["openings in pieces cut off"]++
				}
			}
			p.link = nil
			p.core.Lost()
		}
	case n < 12 && !calm:
		s.reopen(p)
	case n < 14 && !calm:
		s.misbehave(p)
	case n < 15 && !calm:
		for seq := range p.running { // map order: withdrawing is decided by the least
			least := seq
			for other := range p.running {
				least = min(least, other)
			}
			if p.core.Withdraw(least) {
				s.note("%d withdraws %d", p.id[0], least)
				s.sum["withdrawn"]++
				p.goals[p.running[least]].running = false
				delete(p.running, least)
			}
			break
		}
	case n < 16 && !calm:
		s.inquire(p)
	case n < 35 && !calm:
		s.begin(p)
	case n < 55:
		if b := p.core.Next(); b != nil && p.link != nil {
			p.link.toServer = append(p.link.toServer, slices.Clone(b))
			p.core.Sent()
		}
	case n < 75:
		if p.link != nil && len(p.link.toServer) > 0 {
			b := p.link.toServer[0]
			p.link.toServer = p.link.toServer[1:]
			s.server.handle(p.link, b, s.links())
		}
	default:
		if p.link != nil && len(p.link.toClient) > 0 {
			b := p.link.toClient[0]
			p.link.toClient = p.link.toClient[1:]
			f, err := parse(b)
			if err == nil {
				s.note("%d receives kind %d %x", p.id[0], f.Kind, slices.Clone(f.Body.Rest()))
				err = p.core.Receive(f)
			}
			if err != nil {
				s.fail("receive: %v", err)
			}
			clear(b) // the core must not have kept any of it
		}
	}
	s.listen(p)
	s.check(p)
	return p.link != nil && len(p.link.toServer)+len(p.link.toClient) == 0 && p.core.Next() == nil && len(p.running) == 0
}

// misbehave loses one change, or sends a reset that nobody asked for.
func (s *simulation) misbehave(p *person) {
	if p.link == nil {
		return
	}
	if s.rng.IntN(2) == 0 {
		for i, b := range p.link.toClient {
			if f, _ := parse(b); f.Kind == kindChange {
				s.note("a change to %d is lost", p.id[0])
				p.lied, p.fresh = true, false
				s.sum["changes lost"]++
				p.link.toClient = slices.Delete(p.link.toClient, i, i+1)
				return
			}
		}
		return
	}
	name := objectNames[s.rng.IntN(len(objectNames))]
	if p.link.open[name] {
		s.server.reset(p.link, name)
	}
}

// inquire asks about the past of an object.
func (s *simulation) inquire(p *person) {
	if len(p.wants) == 0 || len(p.asked) > 5 {
		return
	}
	q := &inquiry{object: p.wants[s.rng.IntN(len(p.wants))], at: s.rng.IntN(2) == 0}
	state, ok := p.core.State(q.object)
	if !ok {
		return
	}
	q.to = uint64(s.rng.IntN(int(state.Version) + 2)) // perhaps one that is not there
	if q.at {
		p.asked[p.core.At(q.object, q.to)] = q
		return
	}
	q.from = uint64(s.rng.IntN(int(state.Version) + 1))
	request := p.core.History(q.object, q.from, q.to)
	if s.rng.IntN(10) == 0 {
		p.core.Forget(request)
		return
	}
	p.asked[request] = q
}

// reopen closes or opens an object.
func (s *simulation) reopen(p *person) {
	name := objectNames[s.rng.IntN(len(objectNames))]
	if i := slices.Index(p.wants, name); i >= 0 {
		p.wants = slices.Delete(p.wants, i, i+1)
		p.core.Close(name)
		delete(p.folds, name)
		s.note("%d closes %s", p.id[0], name)
		return
	}
	p.wants = append(p.wants, name)
	p.core.Open(name)
	s.note("%d opens %s", p.id[0], name)
}

// begin runs the next transaction of a person: a new goal, or one that was refused.
func (s *simulation) begin(p *person) {
	g := len(p.goals)
	for i := range p.goals {
		if !p.goals[i].done && !p.isRunning(i) {
			g = i
		}
	}
	if g == len(p.goals) {
		if len(p.wants) == 0 || len(p.goals) > 40 {
			return
		}
		fresh := goal{kind: s.rng.IntN(goalKinds), object: p.wants[s.rng.IntN(len(p.wants))], sum: int64(s.rng.IntN(9) + 1)}
		if p.narrow && fresh.object == "b" {
			fresh.kind %= goalTransfer
		}
		fresh.id = fmt.Sprint(p.id[0], "-", len(p.goals))
		p.goals = append(p.goals, fresh)
	}
	s.run(p, g)
}

func (p *person) isRunning(goal int) bool {
	return p.goals[goal].running
}

func (s *simulation) run(p *person, g int) {
	state, ok := p.core.State(p.goals[g].object)
	if !ok || !slices.Contains(p.wants, p.goals[g].object) {
		return
	}
	stale := false
	if s.rng.IntN(3) == 0 { // somebody else was faster
		if old, ok := p.states[p.goals[g].object]; ok && old.Epoch == state.Epoch {
			state, stale = old, true
		}
	}
	p.states[p.goals[g].object] = state
	t := draft{State: state, part: txn.Part{Object: p.goals[g].object, Epoch: state.Epoch, Base: state.Version}}
	parts, seen := []txn.Part{}, state.last()
	if other, ok := p.core.State("a"); ok && p.goals[g].kind == goalBoth && p.goals[g].object != "a" {
		o := draft{State: other, part: txn.Part{Object: "a", Epoch: other.Epoch, Base: other.Version}}
		o.observe(tree.Path{"keys"})
		o.add(p.goals[g].sum, "cross")
		t.add(-p.goals[g].sum, "cross")
		t.after, seen = o.after, max(seen, other.last())
		parts = append(parts, o.part)
	}
	planned := p.goals[g]
	t.goal(s.rng, &p.goals[g])
	if t.early {
		p.goals[g] = planned
		s.sum["waits in strict objects"]++
		return
	}
	parts = append(parts, t.part)
	seq, _, err := p.core.Submit(txn.Transaction{Position: state.Seen, After: t.after, Parts: parts}, seen)
	s.note("%d runs goal %d %+v as %d after %v: %v", p.id[0], g, p.goals[g], seq, t.after, err)
	if err != nil {
		if !stale || !errors.Is(err, status.Aborted) {
			s.fail("submit: %v", err)
		}
		return
	}
	p.running[seq], p.goals[g].running = g, true
}

// rest brings everything to an end and checks it.
func (s *simulation) rest() {
	s.server.busy = 0
	for _, p := range s.clients { // a change that was lost without another behind it shows at the next opening only
		if p.link != nil {
			p.link = nil
			p.core.Lost()
		}
	}
	for quiet, n := 0, 0; quiet < 40*len(s.clients); n++ {
		if n > 400_000 {
			s.fail("does not come to rest")
		}
		if s.step(true) {
			quiet++
		} else {
			quiet = 0
		}
		for _, p := range s.clients {
			for g := range p.goals {
				if !p.goals[g].done && !p.isRunning(g) && slices.Contains(p.wants, p.goals[g].object) {
					s.run(p, g)
					s.listen(p)
				}
			}
		}
	}
	for _, p := range s.clients {
		for _, name := range p.wants {
			state, ok := p.core.State(name)
			if !ok || !s.equal(p, name, state.Root, &s.server.objects[name].root) {
				s.fail("%d ends with another %s", p.id[0], name)
			}
		}
		if len(p.core.questions) > 0 || len(p.asked) > 0 {
			s.fail("%d ends with %d questions", p.id[0], len(p.asked))
		}
		if len(p.wants) > 0 && !p.core.Steady(p.wants) {
			s.fail("%d ends with objects at different positions", p.id[0])
		}
		if p.core.queued != 0 || len(p.running) != 0 {
			s.fail("%d ends with %d transactions unanswered, %d running", p.id[0], p.core.queued, len(p.running))
		}
		for _, j := range p.core.journals {
			if len(j.queue) > 0 || j.flying > 0 {
				s.fail("%d ends with a queue of %d", p.id[0], len(j.queue))
			}
		}
	}
	s.totals()
}

func simulate(t *testing.T, seed uint64, sum counts) {
	s := newSimulation(t, seed, 2+int(seed%3))
	s.sum = sum
	s.server.busy = int(seed % 7)
	s.server.forget = []int{0, 10, 50, 100}[seed%4]
	s.server.cut = []int{0, 50, 100}[seed%3]
	for range 300 + s.rng.IntN(600) {
		s.step(false)
	}
	s.rest()
}

var runs = flag.Uint64("runs", 150, "how many seeds TestSimulation tries")

func TestSimulation(t *testing.T) {
	first := rand.Uint64N(1 << 40)
	if seed := os.Getenv("SEED"); seed != "" {
		first, _ = strconv.ParseUint(seed, 10, 64)
	}
	t.Logf("SEED=%d to %d", first, first+*runs-1)
	sum := counts{}
	for seed := range *runs {
		simulate(t, first+seed, sum)
	}
	sum.check(t)
}

// TestSimulationSeeds runs the same seeds every time.
func TestSimulationSeeds(t *testing.T) {
	sum := counts{}
	for seed := range uint64(50) {
		simulate(t, seed, sum)
	}
	sum.check(t)
}

// counts are how often what the simulation is for happened.
type counts map[string]int

var happens = []string{
	"answers lost", "changes lost", "conflicts", "dependents refused", "histories", "openings in pieces cut off", "own changes landed on their prediction",
	"predictions taken back", "states recalled", "steady among several", "waits in strict objects", "withdrawn",
}

// check fails if something never happened.
func (c counts) check(t *testing.T) {
	t.Helper()
	t.Log(c)
	for _, what := range happens {
		if c[what] == 0 {
			t.Errorf("no %s", what)
		}
	}
}
