// Package turns says whose turn it is where several clients contend for the same paths: who lost a transaction twice waits
// for a reservation, and while he has it, the transactions of others that would spoil his next attempt are parked. See
// docs/decisions/0010-reservations.md.
//
// It is pure: no clock, no goroutine, no map order; time is an input.
package turns

import (
	"cmp"
	"slices"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// Rules of reservations (docs/PROTOCOL.md, section 8).
const (
	// Span is how long a reservation lasts at most.
	Span = 250 * time.Millisecond
	// Least is how long one lasts at least: behind one that lapsed the next lasts half as long, behind one that was made use of twice as
	// long again. So all that lapse one after another take less than 2 Span, and Least for each.
	Least = Span / 256
	// Pause is how long a client earns none that let one lapse which lasted for a Span.
	Pause = time.Second
	// Patience is how long anything waits at most, whoever stands before it: as long as a hundred take who all need the whole of a Span.
	Patience = 100 * Span
)

// Bounds of what is remembered, whatever clients send.
const (
	maxPlaces = 1024
	// maxSpots is how many paths one claim has; a larger transaction claims its whole objects.
	maxSpots = 64
	// maxKeys is how many keys of paths all places have together, and all parked transactions.
	maxKeys = 1 << 16
)

// Spot is a path in an object.
type Spot struct {
	Object string
	Path   tree.Path
}

// Turns are the places and reservations of clients, which K tells apart, and what waits for them: transactions and answers, both T.
// It is not safe for concurrent use.
type Turns[K comparable, T any] struct {
	ticket   uint64
	objects  map[string]*node[K, T]
	places   map[K]*claim[K, T] // one for a client at most
	reserved []*claim[K, T]     // in the order in which they lapse
	parked   map[K]*claim[K, T] // of each client the first transaction that is parked
	waiting  []*claim[K, T]     // that wait, or did, ascending by since
	due      []*claim[K, T]     // to be looked at: nothing that is known stands before them
	out      []out[T]
	lapsed   map[K]time.Time // until when a client earns nothing
	keys     [2]int          // of the paths of places, and of parked transactions
	closed   bool
	begun    int // reservations so far
}

// claim is a place in the queues of its spots: of a client that earned a reservation, or of a parked transaction.
type claim[K comparable, T any] struct {
	key     K
	ticket  uint64 // claims ascend by it in the order in which they were made
	spots   []Spot
	place   bool
	attempt uint64 // of the transaction that earned the place
	items   []T    // answers that wait, or the transaction
	rest    []job[T]
	since   time.Time      // when it began to wait
	span    time.Duration  // how long the reservation lasts, or would
	pass    time.Duration  // the same for those that wait behind it
	until   time.Time      // when the reservation lapses; zero before it begins
	behind  []*claim[K, T] // those to look at when this one goes
	gone    bool
}

// job is a transaction that is parked behind another of its client.
type job[T any] struct {
	spots []Spot
	item  T
	since time.Time
}

// out is what Next returns.
type out[T any] struct {
	item   T
	answer bool
}

// New makes one without places.
func New[K comparable, T any]() *Turns[K, T] {
	return &Turns[K, T]{
		objects: map[string]*node[K, T]{}, places: map[K]*claim[K, T]{}, parked: map[K]*claim[K, T]{}, lapsed: map[K]time.Time{},
	}
}

// Idle reports whether nothing is reserved and nothing parked: then Admit admits everything.
func (t *Turns[K, T]) Idle() bool { return len(t.reserved) == 0 && len(t.parked) == 0 }

// Begun is how many reservations have begun so far.
func (t *Turns[K, T]) Begun() int { return t.begun }

// Empty reports whether nobody has a place and nothing waits.
func (t *Turns[K, T]) Empty() bool {
	return len(t.places)+len(t.parked)+len(t.due)+len(t.out) == 0
}

// Admit reports whether a transaction may be decided now, given the spots where it writes in a way that spoils reservations.
// If not it is parked, and Next returns it later.
func (t *Turns[K, T]) Admit(now time.Time, key K, spots []Spot, item T) bool {
	if first := t.parked[key]; first != nil {
		first.rest = append(first.rest, job[T]{bounded(spots), item, now})
		return false
	}
	if !t.taken(key, spots) {
		return true
	}
	t.park(key, job[T]{bounded(spots), item, now})
	return false
}

// park makes a claim of a transaction.
func (t *Turns[K, T]) park(key K, j job[T]) *claim[K, T] {
	if n := keysOf(j.spots); t.keys[0]+n > maxKeys {
		j.spots = whole(j.spots)
	}
	c := &claim[K, T]{key: key, spots: j.spots, items: []T{j.item}, since: j.since}
	t.parked[key] = c
	t.insert(c)
	return c
}

// Earn gives a client whose transaction, in this attempt, conflicted at these spots a place, if it may have one. Then
// Next returns the answer when it is its turn, and the spots are reserved from that time on.
func (t *Turns[K, T]) Earn(now time.Time, key K, attempt uint64, spots []Spot, answer T) bool {
	if t.closed || t.places[key] != nil || len(spots) == 0 || len(t.places) >= maxPlaces {
		return false
	}
	if until, ok := t.lapsed[key]; ok && now.Before(until) {
		return false
	}
	spots = distinct(spots)
	if len(spots) > maxSpots || t.keys[1]+keysOf(spots) > maxKeys {
		return false
	}
	c := &claim[K, T]{key: key, spots: spots, place: true, attempt: attempt, items: []T{answer}, since: now}
	t.places[key] = c
	t.insert(c)
	return true
}

// Join has an answer wait with the one that a client's place holds back, if there is one: it is of a
// transaction that presumed the other.
func (t *Turns[K, T]) Join(key K, answer T) bool {
	c := t.places[key]
	if c == nil || !c.until.IsZero() || len(c.items) > maxSpots {
		return false
	}
	c.items = append(c.items, answer)
	return true
}

// Decided ends the reservation of a client that has made its next attempt.
func (t *Turns[K, T]) Decided(key K, attempt uint64) {
	if c := t.places[key]; c != nil && !c.until.IsZero() && attempt > c.attempt {
		c.pass = min(2*c.span, Span)
		t.remove(c)
	}
}

// Next returns what is to be done next, or false: to decide a transaction, or to give an answer, upon which the reservation has begun. What
// Next returned before must be decided, and seen by the receiver, before an answer is given.
func (t *Turns[K, T]) Next(now time.Time) (item T, answer, ok bool) {
	for len(t.out) == 0 && len(t.due) > 0 {
		c := t.due[0]
		t.due = t.due[1:]
		if c.gone {
			continue
		}
		if before := t.before(c); before != nil {
			before.behind = append(before.behind, c)
			continue
		}
		if c.place {
			t.begin(now, c)
		} else {
			t.release(c)
		}
	}
	if len(t.out) == 0 {
		t.due, t.out = nil, nil
		return item, false, false
	}
	first := t.out[0]
	t.out = t.out[1:]
	return first.item, first.answer, true
}

// begin begins the reservation of a place.
func (t *Turns[K, T]) begin(now time.Time, c *claim[K, T]) {
	for _, item := range c.items {
		t.out = append(t.out, out[T]{item, true})
	}
	c.items = nil
	if t.closed {
		t.remove(c)
		return
	}
	c.until = now.Add(c.span)
	at, _ := slices.BinarySearchFunc(t.reserved, c, func(a, b *claim[K, T]) int { return cmp.Or(a.until.Compare(b.until), -1) })
	t.reserved = slices.Insert(t.reserved, at, c)
	t.begun++
	t.reserve(c, 1)
}

// release has a parked transaction decided, and those behind it that need not be parked.
func (t *Turns[K, T]) release(c *claim[K, T]) {
	t.out = append(t.out, out[T]{item: c.items[0]})
	t.remove(c)
	for len(c.rest) > 0 {
		next := c.rest[0]
		c.rest = c.rest[1:]
		if t.taken(c.key, next.spots) {
			t.park(c.key, next).rest = c.rest
			return
		}
		t.out = append(t.out, out[T]{item: next.item})
	}
}

// Lapse ends the reservations that are over, and the waiting of what has waited for long enough.
func (t *Turns[K, T]) Lapse(now time.Time) {
	for len(t.reserved) > 0 && !now.Before(t.reserved[0].until) {
		c := t.reserved[0]
		c.pass = max(c.span/2, Least)
		t.remove(c)
		if t.parked[c.key] != nil || c.span < Span {
			continue // its next attempt may be there, and waits itself; or it had less time than was promised
		}
		for key, until := range t.lapsed {
			if !now.Before(until) {
				delete(t.lapsed, key)
			}
		}
		t.lapsed[c.key] = now.Add(Pause)
	}
	for c := t.oldest(); c != nil && !now.Before(c.since.Add(Patience)); c = t.oldest() {
		if c.place {
			for _, item := range c.items {
				t.out = append(t.out, out[T]{item, true})
			}
			t.remove(c)
		} else {
			t.release(c)
		}
	}
}

// oldest is what waits for longest, nil if nothing does.
func (t *Turns[K, T]) oldest() *claim[K, T] {
	for len(t.waiting) > 0 {
		if c := t.waiting[0]; !c.gone && c.until.IsZero() {
			return c
		}
		t.waiting[0] = nil
		t.waiting = t.waiting[1:]
	}
	t.waiting = nil
	return nil
}

// Deadline is when Lapse has something to do, false if nothing is reserved and nothing waits.
func (t *Turns[K, T]) Deadline() (time.Time, bool) {
	c := t.oldest()
	switch {
	case len(t.reserved) == 0 && c == nil:
		return time.Time{}, false
	case len(t.reserved) == 0 || c != nil && c.since.Add(Patience).Before(t.reserved[0].until):
		return c.since.Add(Patience), true
	}
	return t.reserved[0].until, true
}

// Leave takes its place from a client that has gone, unless an answer waits there that is not gone. What it has parked stays.
func (t *Turns[K, T]) Leave(key K, gone func(T) bool) {
	if c := t.places[key]; c != nil && !slices.ContainsFunc(c.items, func(item T) bool { return !gone(item) }) {
		t.remove(c)
	}
}

// Close ends all reservations and gives no more: Next returns everything that waits.
func (t *Turns[K, T]) Close() {
	t.closed = true
	for len(t.reserved) > 0 {
		t.remove(t.reserved[0])
	}
}

// remove takes a claim away; those behind it are due.
func (t *Turns[K, T]) remove(c *claim[K, T]) {
	c.gone = true
	if !c.until.IsZero() {
		t.reserve(c, -1)
		t.reserved = slices.DeleteFunc(t.reserved, func(other *claim[K, T]) bool { return other == c })
	}
	if c.place {
		delete(t.places, c.key)
	} else {
		delete(t.parked, c.key)
	}
	t.leave(c)
	for _, next := range c.behind {
		next.span, next.pass = c.pass, c.pass
	}
	t.due = append(t.due, c.behind...)
	c.behind = nil
	slices.SortFunc(t.due, byTicket[K, T])
}

func byTicket[K comparable, T any](a, b *claim[K, T]) int {
	switch {
	case a.ticket < b.ticket:
		return -1
	case a.ticket > b.ticket:
		return 1
	}
	return 0
}
