package dstm

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/lens"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// storeSession is what the store knows of one session. Most sessions are in step: whatever is
// published is queued for them at once. One that has no room falls behind: nothing is queued
// for it any more but the position up to which it got everything, the answers that it waits for, and its openings;
// when there is room again it goes on from the ring, or from snapshots if the ring no longer reaches.
//
// All fields are guarded by Store.mu.
type storeSession struct {
	store   *Store
	session world.Session
	user    string

	objects    map[string]*storeOpened
	lenses     int                // how many of the objects have one
	fetching   int                // openings that wait for their object to be loaded
	looking    int                // requests for history under way
	looks      context.Context    // theirs: it ends with the session and with the store; nil before the first
	endLooks   context.CancelFunc // nil before the first
	unanswered int                // transactions
	ended      bool
	gone       atomic.Bool // the same, for those who do not hold mu

	behind   bool
	sent     uint64 // if behind: every entry up to here was sent
	pending  []storeItem
	streams  []*storeStream // snapshots that are sent in pieces, the first one now
	piece    bool           // a piece comes before the next entry: they take turns
	waiting  bool           // for room: AfterDrain will call, or a goroutine sends
	refusals int            // how often in a row there was no room

	uneven bool   // an opening or reset was sent and no current since
	level  uint64 // no object holds more than the entries up to here
}

// storeOpened is one object that a session has open.
type storeOpened struct {
	session *storeSession
	name    string
	lens    *lens.Lens // what the client may read
	strict  bool
	loaded  bool   // its state is in memory
	from    uint64 // entries up to here are in what the session got
	epoch   string // that the session was told
	place   int    // in the audience
	ready   bool   // in the audience: entries behind from are sent
	stream  *storeStream
}

// storeItem is something to send when its turn comes.
type storeItem struct {
	kind   storeItemKind
	frame  []byte // itemAnswer
	counts bool   // it answers a transaction
	ends   bool   // it takes an object away: until then the client has it open
	until  uint64 // not before every entry up to here was sent

	request int64 // itemOpen
	object  string
	resume  storeResume // itemCatchUp: of the last change that was sent
	missed  []uint64    // itemCatchUp: positions of changes not yet sent
	reason  string      // itemReset
}

type storeItemKind int

const (
	itemAnswer  storeItemKind = iota // a finished frame
	itemOpen                         // an opened frame, with a snapshot or without
	itemCatchUp                      // the changes behind a state that the client has
	itemReset                        // a reset frame, if the object is still open
	itemCurrent                      // a current frame, unless one is due anyway
)

// deliver sends an item as soon as all is sent that must come before it.
func (ss *storeSession) deliver(item storeItem) {
	if ss.ended {
		return
	}
	position := ss.store.state.Load().Position
	ss.fallBehind(position)
	item.until = position
	ss.pending = append(ss.pending, item)
	ss.pump()
}

func (ss *storeSession) reject(sequence uint64, err *status.Error, conflicts []txn.Conflict) {
	ss.deliver(storeItem{kind: itemAnswer, counts: true, frame: appendRejected(nil, ss.store.opts.LogName, sequence, err, conflicts)})
}

// resetParts gives a session that claims to have seen what is not there what there is.
func (ss *storeSession) resetParts(tx *txn.Transaction) {
	for i := range tx.Parts {
		name := tx.Parts[i].Object
		due := slices.ContainsFunc(ss.pending, func(item storeItem) bool { return item.kind == itemReset && item.object == name })
		if o := ss.objects[name]; o != nil && o.loaded && !due {
			ss.deliver(storeItem{kind: itemReset, object: name, reason: "ahead"})
		}
	}
}

// names are those of the open objects, in order: what is done to all of them is done in the same order each time.
func (ss *storeSession) names() []string { return slices.Sorted(maps.Keys(ss.objects)) }

// endAll tells the session that the store is closed.
func (ss *storeSession) endAll(err *status.Error) {
	for _, name := range ss.names() {
		ss.remove(ss.objects[name])
		ss.deliver(storeItem{kind: itemAnswer, ends: true, frame: appendEnded(nil, ss.store.opts.LogName, name, err)})
	}
}

// fallBehind notes that the session has everything up to position, but not at once what follows.
func (ss *storeSession) fallBehind(position uint64) {
	if !ss.behind {
		ss.behind, ss.sent = true, position
	}
}

// await has pump called when there is room.
func (ss *storeSession) await() {
	if ss.waiting || ss.ended {
		return
	}
	ss.waiting = true
	ss.session.AfterDrain(ss.resume)
}

func (ss *storeSession) resume() {
	ss.store.mu.Lock()
	defer ss.store.mu.Unlock()
	ss.waiting = false
	ss.pump()
}

// pump sends what is due to a session that is behind, until it is in step or there is no room.
func (ss *storeSession) pump() {
	for ss.behind && !ss.waiting && !ss.ended {
		step, ok := ss.next()
		if !ok {
			ss.behind = false
			return
		}
		var err error
		switch {
		case step.shared != nil:
			err = ss.session.TrySendShared(step.shared)
		case step.frame != nil:
			err = ss.session.TrySend(step.frame)
		}
		if errors.Is(err, transport.ErrFull) {
			ss.noRoom(step)
		} else {
			ss.sentStep(&step, err)
		}
	}
}

// noRoom waits for room for the step. A frame that was not taken although the queue had fallen to half of
// its budget needs more than that: one goroutine of the session waits with it.
func (ss *storeSession) noRoom(step storeStep) {
	s := ss.store
	if ss.refusals++; ss.refusals == 1 {
		ss.await()
		return
	}
	if s.ctx.Err() != nil {
		ss.leave()
		return
	}
	if step.frame == nil {
		step.frame = step.shared.Frame()
	}
	ss.waiting = true
	s.wg.Add(1)
	s.world.Go(func() {
		defer s.wg.Done()
		err := ss.session.Send(s.ctx, step.frame)
		s.mu.Lock()
		defer s.mu.Unlock()
		ss.waiting = false
		ss.sentStep(&step, err)
		ss.pump()
	})
}

// sentStep deals with the outcome of sending a step, but for want of room.
func (ss *storeSession) sentStep(step *storeStep, err error) {
	switch {
	case ss.ended:
	case err == nil:
		ss.refusals = 0
		ss.done(step)
	case errors.Is(err, transport.ErrFrameTooLarge):
		ss.tooLarge(step)
	default:
		ss.leave()
	}
}

// leave gives the session up: it has ended, or the store ends before the session took what was due.
func (ss *storeSession) leave() {
	ss.ended = true
	ss.session.Close(transport.CloseGoingAway, "the store closes")
}

// add takes an object into the session. It is pinned until remove.
func (ss *storeSession) add(name string, l *lens.Lens, strict bool) *storeOpened {
	o := &storeOpened{session: ss, name: name, lens: l, strict: strict}
	ss.objects[name] = o
	if l != nil {
		ss.lenses++
	}
	ss.store.pin(name)
	return o
}

// remove takes an object from the session.
func (ss *storeSession) remove(o *storeOpened) {
	delete(ss.objects, o.name)
	if o.lens != nil {
		ss.lenses--
	}
	ss.drop(o)
	ss.unready(o)
	ss.store.unpin(o.name)
}

// unready takes an object from the audience.
func (ss *storeSession) unready(o *storeOpened) {
	if !o.ready {
		return
	}
	o.ready = false
	audience := ss.store.audiences[o.name]
	last := len(audience.list) - 1
	audience.list[o.place] = audience.list[last]
	audience.list[o.place].place = o.place
	audience.list[last] = nil
	if audience.list = audience.list[:last]; last == 0 {
		delete(ss.store.audiences, o.name)
	}
}

// join puts an object into the audience: from now on it gets every entry behind from.
func (ss *storeSession) join(o *storeOpened, from uint64, epoch string) {
	o.from, o.epoch = from, epoch
	ss.level = max(ss.level, from)
	if o.ready {
		return
	}
	audience := ss.store.audiences[o.name]
	if audience == nil {
		audience = &storeAudience{}
		ss.store.audiences[o.name] = audience
	}
	o.place, o.ready = len(audience.list), true
	audience.list = append(audience.list, o)
}

// mask is the part of an entry that the session has open and does not have yet.
func (ss *storeSession) mask(e *engine.Entry) uint32 {
	mask := uint32(0)
	for i := range e.Parts {
		if o := ss.objects[e.Parts[i].Object]; o != nil && o.ready && e.Position > o.from {
			mask |= 1 << i
		}
	}
	return mask
}

// change is the change frame of an entry's parts of mask, as the session may see them.
func (ss *storeSession) change(r *storeRecent, mask uint32) *transport.Shared {
	log := ss.store.opts.LogName
	if ss.lenses == 0 {
		return r.change(log, mask)
	}
	key, lenses := ss.class(r, mask)
	if key.lenses == "" {
		return r.change(log, mask)
	}
	return ss.store.ring.filtered(r, log, key, lenses)
}

// class says how the session sees the parts of mask. Who is in the same class gets the same frame.
func (ss *storeSession) class(r *storeRecent, mask uint32) (storeFrame, []*lens.Lens) {
	key := storeFrame{mask: mask}
	var lenses []*lens.Lens
	some := false
	for i := range r.entry.Parts {
		if mask&(1<<i) == 0 {
			continue
		}
		var l *lens.Lens
		if o := ss.objects[r.entry.Parts[i].Object]; o != nil {
			l = o.lens
		}
		lenses, some = append(lenses, l), some || l != nil
	}
	if !some {
		return key, nil
	}
	var b []byte
	for _, l := range lenses {
		b = l.AppendPaths(b)
	}
	key.lenses, key.own = string(b), ss.session.Client() == r.entry.Client
	return key, lenses
}
