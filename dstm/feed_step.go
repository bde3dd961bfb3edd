package dstm

import (
	"math"
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// storeStep is one frame for a session that is behind, and what is true once it was sent.
type storeStep struct {
	kind   storeStepKind
	frame  []byte
	shared *transport.Shared
	opened *storeOpened
	entry  *storeRecent
	mask   uint32
	at     uint64       // the position that the frame brings to
	epoch  string       // and the epoch, if the frame says it
	stream *storeStream // what follows a snapshot in pieces, or what the piece is of
}

type storeStepKind int

const (
	stepEntry    storeStepKind = iota // an entry behind sent
	stepItem                          // pending[0] is dealt with
	stepSnapshot                      // and the object is at position at, or its pieces follow
	stepResume                        // the object goes on at its resume point: changes behind at follow
	stepCatchUp                       // one of those changes
	stepPiece                         // a piece of a snapshot
	stepCurrent                       // everything is at one position
)

// next is what to send next, nothing if the session is in step. Items that turn out to be void are dropped.
func (ss *storeSession) next() (storeStep, bool) {
	for {
		state := ss.store.state.Load()
		// A reset waits for nothing: changes of its object would follow meanwhile on a state that they are not of.
		if len(ss.pending) > 0 && ss.pending[0].until <= ss.sent && (!ss.held() || ss.pending[0].kind == itemReset) {
			if step, ok := ss.nextItem(state); ok {
				return step, true
			}
			ss.pop()
			continue
		}
		if ss.even() {
			frame := appendCurrent(nil, ss.store.opts.LogName, ss.sent)
			return storeStep{kind: stepCurrent, frame: frame}, true
		}
		last := ss.sent >= state.Position
		if len(ss.streams) > 0 && (last || ss.piece) {
			return ss.nextPiece(), true
		}
		if last {
			return storeStep{}, false
		}
		r := ss.store.ring.at(ss.sent + 1)
		switch {
		case r == nil:
			ss.resetAll("behind", ss.sent)
			ss.sent = state.Position
		case r.entry.Kind == engine.NewEpoch:
			ss.resetAll("epoch", ss.sent+1)
			ss.sent++
		default:
			if mask := ss.mask(r.entry); mask != 0 {
				return storeStep{kind: stepEntry, shared: ss.change(r, mask), entry: r, mask: mask, at: ss.sent + 1}, true
			}
			ss.sent++
		}
	}
}

// even reports whether a current is due: every object is at position sent, nothing of an opening or reset is to come.
func (ss *storeSession) even() bool {
	return ss.uneven && ss.sent >= ss.level && len(ss.streams) == 0 && ss.told()
}

// told reports whether nothing is pending of an opening, a reset or an end.
func (ss *storeSession) told() bool {
	return !slices.ContainsFunc(ss.pending, func(item storeItem) bool {
		return item.ends || item.kind != itemAnswer && item.kind != itemCurrent
	})
}

// resetAll has every open object that changed behind position, or is of another epoch, sent again before anything else.
func (ss *storeSession) resetAll(reason string, position uint64) {
	var items []storeItem
	state := ss.store.state.Load()
	for _, name := range ss.names() {
		o := ss.objects[name]
		if o.ready && (o.epoch != state.Epoch || reason != "epoch" && state.Object(name).Position > max(position, o.from)) {
			items = append(items, storeItem{kind: itemReset, object: name, reason: reason})
		}
	}
	ss.pending = append(items, ss.pending...)
}

// nextItem is the step for pending[0]; none if the item is void.
func (ss *storeSession) nextItem(state *engine.State) (storeStep, bool) {
	item := &ss.pending[0]
	if item.kind == itemAnswer {
		return storeStep{kind: stepItem, frame: item.frame}, true
	}
	if item.kind == itemCurrent {
		return storeStep{kind: stepItem, frame: appendCurrent(nil, ss.store.opts.LogName, ss.sent)}, !ss.uneven && ss.told()
	}
	o := ss.objects[item.object]
	if o == nil || !o.loaded { // closed meanwhile
		return storeStep{}, false
	}
	if item.kind == itemCatchUp {
		return ss.nextCatchUp(item, o, state)
	}
	object := state.Object(item.object)
	log := ss.store.opts.LogName
	if item.kind == itemOpen && ss.continues(state, item, o) {
		at := storeSnapshot{object: item.object, at: item.resume, flags: o.flags(), lens: o.lens, limits: ss.store.limits()}
		return storeStep{kind: stepResume, opened: o, frame: appendOpened(nil, log, item.request, &at, true)}, true
	}
	snapshot, stream := ss.snapshot(o, state, object)
	step := storeStep{kind: stepSnapshot, opened: o, at: state.Position, epoch: state.Epoch, stream: stream}
	if item.kind == itemOpen {
		step.frame = appendOpened(nil, log, item.request, &snapshot, false)
	} else {
		step.frame = appendReset(nil, log, item.reason, &snapshot)
	}
	if stream != nil { // who has an older state is not answered before he has this one
		stream.holds = item.kind == itemReset || item.resume.given
	}
	return step, true
}

// fewChanges is how many bytes of changes are sent although a snapshot would be smaller: changes
// tell the client more.
const fewChanges = 4 << 10

// continues reports whether an opening is answered by the changes behind its resume point.
func (ss *storeSession) continues(state *engine.State, item *storeItem, o *storeOpened) bool {
	if !ss.store.reaches(state, item) {
		return false
	}
	object := state.Object(item.object)
	if item.resume.version == object.Version {
		return true
	}
	limit := max(fewChanges, o.lens.Of(&object.Root).Size())
	_, ok := ss.store.ring.missed(item.object, item.resume.version, limit)
	return ok
}

// nextCatchUp is the next change behind a state that the client has.
func (ss *storeSession) nextCatchUp(item *storeItem, o *storeOpened, state *engine.State) (storeStep, bool) {
	reason := "behind"
	ok := true
	if item.resume.epoch != state.Epoch {
		reason, ok = "epoch", false
	} else if len(item.missed) == 0 && item.resume.version != state.Object(item.object).Version {
		item.missed, ok = ss.store.ring.missed(item.object, item.resume.version, math.MaxInt)
	}
	if ok && (len(item.missed) == 0 || item.missed[0] > ss.sent) { // what comes behind sent comes anyway
		ss.join(o, max(ss.sent, item.resume.position), item.resume.epoch)
		return storeStep{}, false
	}
	if ok {
		if r := ss.store.ring.at(item.missed[0]); r != nil {
			mask := uint32(1) << r.part(item.object)
			return storeStep{kind: stepCatchUp, opened: o, shared: ss.change(r, mask), entry: r, mask: mask}, true
		}
	}
	*item = storeItem{kind: itemReset, object: item.object, reason: reason}
	return ss.nextItem(state)
}

// done notes that the step's frame is on its way.
func (ss *storeSession) done(step *storeStep) {
	switch step.kind {
	case stepEntry:
		ss.sent = step.at
		ss.piece = true
	case stepItem:
		ss.pop()
	case stepSnapshot:
		ss.uneven = true
		if o := step.opened; ss.objects[o.name] == o {
			ss.drop(o)
			if step.stream == nil {
				ss.join(o, step.at, step.epoch)
			} else {
				ss.unready(o)
				o.stream = step.stream
				ss.streams = append(ss.streams, step.stream)
			}
		}
		ss.pop()
	case stepResume:
		ss.uneven = true
		ss.pending[0].kind = itemCatchUp
	case stepCatchUp:
		item := &ss.pending[0]
		item.resume.version++
		item.missed = item.missed[1:]
	case stepPiece:
		ss.piece = false
		ss.donePiece(step.stream)
	case stepCurrent:
		ss.uneven = false
	}
}

// pop drops pending[0].
func (ss *storeSession) pop() {
	if ss.pending[0].counts {
		ss.unanswered--
	}
	ss.pending[0] = storeItem{}
	if ss.pending = ss.pending[1:]; len(ss.pending) == 0 {
		ss.pending = nil
	}
}

// tooLarge deals with a frame that the peer does not accept: the object is taken away.
func (ss *storeSession) tooLarge(step *storeStep) {
	err := status.New(status.ResourceExhausted, ErrTooLarge, "the object holds a value that is larger than this client accepts")
	switch {
	case step.kind == stepEntry:
		ss.sent = step.at
		ss.dropTooLarge(step.entry, step.mask)
	case step.opened == nil: // an answer: the peer announced too little to work with
		ss.ended = true
		ss.session.Close(transport.CloseTooLarge, "an answer is larger than this client accepts")
	case step.kind == stepPiece:
		if ss.objects[step.opened.name] == step.opened {
			ss.remove(step.opened)
			ended := storeItem{kind: itemAnswer, frame: appendEnded(nil, ss.store.opts.LogName, step.opened.name, err)}
			ss.pending = append([]storeItem{ended}, ss.pending...)
		}
	default:
		if ss.objects[step.opened.name] == step.opened {
			ss.remove(step.opened)
		}
		item := &ss.pending[0]
		if item.kind == itemOpen {
			item.frame = appendRefused(nil, item.request, item.object, err)
		} else {
			item.frame = appendEnded(nil, ss.store.opts.LogName, item.object, err)
		}
		item.kind = itemAnswer
	}
}

// dropTooLarge takes the objects away of which an entry is too large for the peer.
func (ss *storeSession) dropTooLarge(r *storeRecent, mask uint32) {
	err := status.New(status.ResourceExhausted, ErrTooLarge, "a change is larger than this client accepts")
	var items []storeItem
	for i := range r.entry.Parts {
		name := r.entry.Parts[i].Object
		if o := ss.objects[name]; o != nil && mask&(1<<i) != 0 {
			ss.remove(o)
			items = append(items, storeItem{kind: itemAnswer, frame: appendEnded(nil, ss.store.opts.LogName, name, err)})
		}
	}
	ss.pending = append(items, ss.pending...)
}

// reaches reports whether the client's state is in this log's past and all that followed is still at hand.
func (s *Store) reaches(state *engine.State, item *storeItem) bool {
	r := &item.resume
	if !r.given || r.epoch != state.Epoch {
		return false
	}
	if r.is(state.Object(item.object)) {
		return true
	}
	if r.position == 0 {
		return r.version == 0 && r.hash == [8]byte{} && s.ring.first == 1
	}
	recent := s.ring.at(r.position)
	if recent == nil || [8]byte(recent.entry.Hash[:8]) != r.hash {
		return false
	}
	i := recent.part(item.object)
	return i >= 0 && recent.entry.Parts[i].Version == r.version
}
