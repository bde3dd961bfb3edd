package dstm

import (
	"container/list"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
)

// storeResidents says why objects are in memory. One that is pinned stays, one that changed stays until it is
// saved; the others are idle and go, the longest idle first, beyond a limit. Guarded by Store.mu.
type storeResidents struct {
	pins map[string]int

	limit int        // of size
	size  int        // of the idle objects
	idle  *list.List // of storeIdle, the latest first
	place map[string]*list.Element

	// arrived became resident since the last publication: the state that is being prepared may lack them.
	arrived []string
	// coming are in the state that is being prepared at a later position than the present one.
	coming map[string]struct{}
	// jumps counts how often the state was loaded anew: what was read before it does not fit any more.
	jumps uint64
}

// storeIdle is an object that may go.
type storeIdle struct {
	name string
	size int
}

// idleCost is what an object takes beside its value.
const idleCost = 512

func (r *storeResidents) init(limit int) {
	r.limit, r.pins, r.coming = limit, map[string]int{}, map[string]struct{}{}
	r.forget()
}

// forget empties the list of idle objects.
func (r *storeResidents) forget() {
	r.size, r.idle, r.place = 0, list.New(), map[string]*list.Element{}
}

// rest makes an object the latest of the idle ones.
func (r *storeResidents) rest(name string, o *engine.Object) {
	r.use(name)
	size := o.Root.Size() + len(name) + idleCost
	r.place[name] = r.idle.PushFront(storeIdle{name, size})
	r.size += size
}

// use takes an object from the idle ones.
func (r *storeResidents) use(name string) {
	if at := r.place[name]; at != nil {
		r.size -= r.idle.Remove(at).(storeIdle).size
		delete(r.place, name)
	}
}

// pin keeps an object in memory once it is there, until as many unpins. The caller holds mu.
func (s *Store) pin(name string) {
	s.residents.pins[name]++
	s.residents.use(name)
}

// unpin lets go of what pin held. The caller holds mu.
func (s *Store) unpin(name string) {
	r := &s.residents
	if r.pins[name]--; r.pins[name] > 0 {
		return
	}
	delete(r.pins, name)
	s.settle(name)
}

// settle puts a resident object to the idle ones if nothing keeps it. The caller holds mu.
func (s *Store) settle(name string) {
	r := &s.residents
	if o, ok := s.state.Load().Resident(name); ok && r.pins[name] == 0 && !s.unsaved.has(name) {
		r.rest(name, o)
		if r.size > r.limit {
			s.wakeKeeper()
		}
	}
}

// adopt makes state, which the entries have led to, the present one. What became resident while it was being
// prepared stays. The caller holds applying and mu.
func (s *Store) adopt(state *engine.State, entries []*engine.Entry) {
	r := &s.residents
	next, present := *state, s.state.Load()
	for _, name := range r.arrived {
		if _, ok := next.Resident(name); ok {
			continue
		}
		if o, ok := present.Resident(name); ok {
			next = next.Hold(name, *o)
		}
	}
	r.arrived = nil
	s.state.Store(&next)
	for _, e := range entries {
		s.unsaved.add(e)
		for i := range e.Parts {
			if e.Parts[i].After != nil {
				r.use(e.Parts[i].Object)
			}
		}
	}
	for name := range r.coming {
		s.settle(name)
	}
	clear(r.coming)
	if s.unsaved.due(&s.opts) {
		s.wakeKeeper()
	}
}

// evict drops idle objects beyond the limit.
func (s *Store) evict() {
	s.world.Lock(&s.applying)
	defer s.applying.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &s.residents
	r.arrived = nil // no state is being prepared
	state := *s.state.Load()
	for r.size > r.limit {
		name := r.idle.Back().Value.(storeIdle).name
		r.use(name)
		state = state.Drop(name)
	}
	s.state.Store(&state)
}
