package replica

import (
	"errors"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

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
			switch {
			case e.Err == nil:
			case errors.Is(e.Err, reason.Conflict):
				s.sum["conflicts"]++
			case errors.Is(e.Err, reason.Depends):
				s.sum["dependents refused"]++
			}
			p.goals[g].done, p.goals[g].running = e.Err == nil, false
			for _, m := range e.Made {
				s.made(p, &m)
			}
			s.note("%d settled %d: %v", p.id[0], e.Sequence, e.Err)
		case Changed:
			switch {
			case e.Origin == Rollback:
				s.sum["predictions taken back"]++
			case e.Origin == Mine && e.Before == e.After:
				s.sum["own changes landed on their prediction"]++
			}
			if slices.Contains(p.wants, e.Object) { // others were closed meanwhile
				s.changed(p, &e)
			}
		case Steady:
			p.lied = p.lied && !p.fresh
		case Revised, Recalled, Answered:
			s.told(p, &e)
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
		tree.Diff(nil, e.Before, e.After, func(path tree.Path, _, _ *tree.Node, moved bool) bool {
			named := path
			if moved { // which of two that changed places was moved is a matter of taste
				named = path[:len(path)-1]
			}
			if !slices.ContainsFunc(e.Paths, named.Touches) {
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
		if !s.equal(p, name, o.root, &truth) {
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
		if !s.equal(p, name, state.Root, &want) {
			s.fail("the fold of %s is wrong", name)
		}
	}
	s.level(p)
}

// equal compares what a person may read of an object.
func (s *simulation) equal(p *person, name string, have, want *tree.Node) bool {
	paths := []tree.Path{nil}
	if p.narrow && name == "b" {
		paths = seen
	}
	for _, path := range paths {
		a, b := have.Find(path), want.Find(path)
		if string(a.Value()) != string(b.Value()) || string(a.Shape()) != string(b.Shape()) {
			return false
		}
	}
	return true
}

// level checks that objects which are said to stand at one position do.
func (s *simulation) level(p *person) {
	if p.lied || !p.core.Steady(p.wants) || len(p.wants) < 2 {
		return
	}
	s.sum["steady among several"]++
	least, most := uint64(0), uint64(len(s.server.entries))
	for _, name := range p.wants {
		o, v := s.server.objects[name], p.core.objects[name].version
		least = max(least, o.positions[v])
		if v < o.version {
			most = min(most, o.positions[v+1]-1)
		}
	}
	if least > most {
		s.fail("%d sees objects of different positions", p.id[0])
	}
}

// made checks what a commit is said to have made of an object.
func (s *simulation) made(p *person, m *Made) {
	if m.Before == nil {
		return
	}
	o := s.server.objects[m.Object]
	if !s.equal(p, m.Object, m.Before, &o.history[m.Version-1]) || !s.equal(p, m.Object, m.After, &o.history[m.Version]) {
		s.fail("version %d of %s is said to have done something else", m.Version, m.Object)
	}
}

// told checks what comes about the past.
func (s *simulation) told(p *person, e *Event) {
	q := p.asked[e.Request]
	if q == nil {
		s.fail("an answer that nobody waits for")
	}
	o := s.server.objects[q.object]
	switch e.Kind {
	case Recalled:
		s.sum["states recalled"]++
		delete(p.asked, e.Request)
		if e.Version != q.to || !s.equal(p, q.object, e.After, &o.history[q.to]) {
			s.fail("%s at %d was something else", q.object, q.to)
		}
	case Revised:
		s.sum["histories"]++
		if q.from++; e.Revision.Version != q.from {
			s.fail("revision %d in place of %d", e.Revision.Version, q.from)
		}
		if !p.narrow {
			after, _, err := txn.Apply(o.history[q.from-1], e.Revision.Writes, q.from)
			if err != nil || string(after.Value()) != string(o.history[q.from].Value()) {
				s.fail("revision %d of %s does not lead to the next: %v", q.from, q.object, err)
			}
		}
	case Answered:
		delete(p.asked, e.Request)
		if e.Err == nil && (q.at || q.to > 0 && q.from != q.to) {
			s.fail("the answer is not complete")
		}
	}
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
		var want, high, low int64
		elements, removed := map[string]int64{}, []string{}
		for _, p := range s.clients {
			for _, g := range p.goals {
				if !g.done || g.object != name {
					continue
				}
				switch g.kind {
				case goalAdd, goalGuard:
					want += g.sum
				case goalHigh:
					high = max(high, g.sum*g.sum)
				case goalLow:
					low = min(low, -g.sum*g.sum)
				case goalInsert:
					elements[g.id] = g.sum
				case goalRemove:
					removed = append(removed, g.id)
				}
			}
		}
		o := s.server.object(name)
		cross += number(&o.root, "cross")
		if got := number(&o.root, "total"); got != want {
			s.fail("the total of %s is %d, not %d", name, got, want)
		}
		if number(&o.root, "high") != high || number(&o.root, "low") != low {
			s.fail("the extremes of %s are not %d and %d", name, high, low)
		}
		for _, id := range removed {
			delete(elements, id)
		}
		s.elements(name, elements)
		if sum := number(&o.root, "bank", "left") + number(&o.root, "bank", "right"); sum != 0 {
			s.fail("the bank of %s made %d", name, sum)
		}
	}
}

// elements checks that the list holds what was put into it, once, and nothing else.
func (s *simulation) elements(name string, want map[string]int64) {
	o := s.server.object(name)
	list := o.root.Find(tree.Path{"list"})
	if list == nil {
		if len(want) > 0 {
			s.fail("%s has no list", name)
		}
		return
	}
	for id := range list.Children() {
		if sum, ok := want[id]; !ok || number(list, id) != sum {
			s.fail("the list of %s holds %q", name, id)
		}
		delete(want, id)
	}
	if len(want) > 0 {
		s.fail("the list of %s lacks %v", name, want)
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
