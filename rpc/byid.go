package rpc

// byID holds calls by their id. Ids are given in order and most calls are over soon, so nearly all find a place of their own in a small table,
// where a map would be searched and changed twice for each call; BenchmarkByID measures it. A call whose place is taken, by
// one that takes longer, is in a map. The table is as large as what was in it at once needs, within a bound.
type byID[C any] struct {
	places []place[C] // a power of two; the index is the id's last bits
	others map[int64]*C
	n      int
}

type place[C any] struct {
	id   int64
	call *C // nil if the place is free
}

const (
	leastPlaces = 8
	mostPlaces  = 256 // more than most programs have in flight
)

// place is where id belongs. An id is a peer's word, but positive.
func (t *byID[C]) place(id int64) *place[C] { return &t.places[int(id)&(len(t.places)-1)] }

// put adds a call whose id is not there.
func (t *byID[C]) put(id int64, c *C) {
	if t.places == nil {
		t.places = make([]place[C], leastPlaces)
	}
	t.n++
	p := t.place(id)
	for p.call != nil && t.n > len(t.places)/2 && len(t.places) < mostPlaces {
		t.grow()
		p = t.place(id)
	}
	if p.call == nil {
		*p = place[C]{id, c}
		return
	}
	if t.others == nil {
		t.others = make(map[int64]*C)
	}
	t.others[id] = c
}

// grow doubles the table: whose last bits differ differ in one more, too.
func (t *byID[C]) grow() {
	old := t.places
	t.places = make([]place[C], 2*len(old))
	for _, p := range old {
		if p.call != nil {
			*t.place(p.id) = p
		}
	}
}

// get is the call of that id, nil if there is none.
func (t *byID[C]) get(id int64) *C {
	if t.n == 0 {
		return nil
	}
	if p := t.place(id); p.id == id && p.call != nil {
		return p.call
	}
	return t.others[id]
}

// remove is get that takes the call out.
func (t *byID[C]) remove(id int64) *C {
	if t.n == 0 {
		return nil
	}
	if p := t.place(id); p.id == id && p.call != nil {
		c := p.call
		*p = place[C]{}
		t.n--
		return c
	}
	c := t.others[id]
	if c != nil {
		delete(t.others, id)
		t.n--
	}
	return c
}

// removeAll takes all calls out.
func (t *byID[C]) removeAll() []*C {
	all := make([]*C, 0, t.n)
	for _, p := range t.places {
		if p.call != nil {
			all = append(all, p.call)
		}
	}
	for _, c := range t.others {
		all = append(all, c)
	}
	*t = byID[C]{}
	return all
}
