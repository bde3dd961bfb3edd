package replica

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
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
}

type goal struct {
	kind    int
	object  string
	done    bool
	running bool
	sum     int64
}

var objectNames = []string{"a", "b", "c"}

func newSimulation(t *testing.T, seed uint64, clients int) *simulation {
	s := &simulation{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 7))}
	s.server = newNaive(s.rng)
	for i := range clients {
		p := &person{core: New(uint64(i)*1000, 200), folds: map[string]*tree.Node{}, checked: map[string][2]*tree.Node{}, states: map[string]State{}, running: map[uint64]int{}, settled: map[uint64]int{}}
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
			p.link = &link{client: p.id, open: map[string]bool{}}
			s.note("%d connects", p.id[0])
			p.core.Connected(p.id)
		}
	case n < 11 && !calm:
		if p.link != nil {
			s.note("%d is cut, %d and %d frames lost", p.id[0], len(p.link.toServer), len(p.link.toClient))
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
				p.goals[p.running[least]].running = false
				delete(p.running, least)
			}
			break
		}
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
				p.link.toClient = slices.Delete(p.link.toClient, i, i+1)
				return
			}
		}
		return
	}
	name := objectNames[s.rng.IntN(len(objectNames))]
	if p.link.open[name] {
		o := s.server.object(name)
		b := codec.AppendString(frame(kindReset, theLog, 7), name)
		b = s.server.appendState(b, o.version, o.position)
		b = o.root.AppendValue(b)
		p.link.toClient = append(p.link.toClient, codec.AppendString(b, "why not"))
	}
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
		p.goals = append(p.goals, goal{kind: s.rng.IntN(goalKinds), object: p.wants[s.rng.IntN(len(p.wants))], sum: int64(s.rng.IntN(9) + 1)})
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
	t.goal(s.rng, &p.goals[g])
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

// listen takes the events.
func (s *simulation) listen(p *person) {
	for _, e := range p.core.Events() {
		switch e.Kind {
		case Settled:
			p.settled[e.Sequence]++
			if p.settled[e.Sequence] > 1 {
				s.fail("%d settled twice", e.Sequence)
			}
			g, ok := p.running[e.Sequence]
			if !ok {
				s.fail("%d settled but does not run", e.Sequence)
			}
			delete(p.running, e.Sequence)
			p.goals[g].done, p.goals[g].running = e.Err == nil, false
			s.note("%d settled %d: %v", p.id[0], e.Sequence, e.Err)
		case Changed:
			if slices.Contains(p.wants, e.Object) { // others were closed meanwhile
				s.changed(p, &e)
			}
		case Refused, Ended:
			s.fail("%s ended: %v", e.Object, e.Err)
		}
	}
}

// changed checks that the steps told are without gaps and name all that differs.
func (s *simulation) changed(p *person, e *Event) {
	if before := p.folds[e.Object]; before != nil && before != e.Before {
		s.fail("a step of %s does not begin where the last one ended", e.Object)
	}
	if e.Paths != nil {
		tree.Diff(nil, e.Before, e.After, func(path tree.Path, _, _ *tree.Node) bool {
			if !slices.ContainsFunc(e.Paths, path.Touches) {
				s.fail("a step of %s changes %v, which is not among %v (origin %d)", e.Object, path, e.Paths, e.Origin)
			}
			return true
		})
	}
	p.folds[e.Object] = e.After
}

// check compares what a person sees with what it should be.
func (s *simulation) check(p *person) {
	if len(s.server.faults) > 0 {
		s.fail("the server found fault: %v", s.server.faults)
	}
	for _, name := range p.wants {
		state, ok := p.core.State(name)
		if !ok {
			continue
		}
		if f := p.folds[name]; f != nil && f != state.Root {
			s.fail("the steps of %s do not lead to its state", name)
		}
		o := p.core.objects[name]
		if p.checked[name] == [2]*tree.Node{o.root, o.fold} {
			continue
		}
		p.checked[name] = [2]*tree.Node{o.root, o.fold}
		truth := s.server.objects[name].history[state.Version]
		if string(o.root.Value()) != string(truth.Value()) {
			s.fail("%s at version %d is not what it was", name, state.Version)
		}
		want := truth
		for _, l := range o.layers {
			if r := s.server.records[p.id][l.tx.Sequence]; l.shown && r != nil && r.position > 0 && r.versions[slices.Index(r.objects, name)] <= state.Version {
				s.fail("%d shows %d twice", p.id[0], l.tx.Sequence)
			}
			if l.shown {
				want, _, _ = txn.Apply(want, l.part.Writes, predicted)
			}
		}
		if string(state.Root.Value()) != string(want.Value()) {
			s.fail("the fold of %s is wrong", name)
		}
	}
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
			if !ok || string(state.Root.Value()) != string(s.server.objects[name].root.Value()) {
				s.fail("%d ends with another %s", p.id[0], name)
			}
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

// totals checks that every goal took effect exactly once.
func (s *simulation) totals() {
	var cross int64
	defer func() {
		if cross != 0 {
			s.fail("half of a transaction took effect: %d", cross)
		}
	}()
	for _, name := range objectNames {
		var want int64
		for _, p := range s.clients {
			for _, g := range p.goals {
				if g.done && g.object == name && g.kind == goalAdd {
					want += g.sum
				}
			}
		}
		o := s.server.object(name)
		cross += number(&o.root, "cross")
		if got := number(&o.root, "total"); got != want {
			s.fail("the total of %s is %d, not %d", name, got, want)
		}
		if sum := number(&o.root, "bank", "left") + number(&o.root, "bank", "right"); sum != 0 {
			s.fail("the bank of %s made %d", name, sum)
		}
	}
}

func number(n *tree.Node, path ...string) int64 {
	at := n.Find(path)
	if at == nil {
		return 0
	}
	r := codec.NewReader(at.Leaf, 1)
	return r.Int()
}

func simulate(t *testing.T, seed uint64) {
	s := newSimulation(t, seed, 2+int(seed%3))
	s.server.busy = int(seed % 7)
	s.server.forget = []int{0, 10, 50, 100}[seed%4]
	for range 300 + s.rng.IntN(600) {
		s.step(false)
	}
	s.rest()
}

var runs = flag.Uint64("runs", 150, "how many seeds TestSimulation tries")

func TestSimulation(t *testing.T) {
	first := rand.Uint64N(1 << 40)
	t.Logf("seeds %d to %d", first, first+*runs-1)
	for seed := range *runs {
		simulate(t, first+seed)
	}
}

// TestSimulationSeeds runs the same seeds every time.
func TestSimulationSeeds(t *testing.T) {
	for seed := range uint64(50) {
		simulate(t, seed)
	}
}
