package dstm

import (
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
	at     uint64 // the position that the frame brings to
	epoch  string // and the epoch, if the frame says it
}

type storeStepKind int

const (
	stepEntry    storeStepKind = iota // an entry behind sent
	stepItem                          // pending[0] is dealt with
	stepSnapshot                      // and the object is at position at
	stepResume                        // the object goes on at its resume point: changes behind at follow
	stepCatchUp                       // one of those changes
)

// next is what to send next, nothing if the session is in step. Items that turn out to be void are dropped.
func (ss *storeSession) next() (storeStep, bool) {
	for {
		state := ss.store.state.Load()
		if len(ss.pending) > 0 && ss.pending[0].until <= ss.sent {
			if step, ok := ss.nextItem(state); ok {
				return step, true
			}
			ss.pop()
			continue
		}
		if ss.sent >= state.Position {
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
				return storeStep{kind: stepEntry, shared: r.change(ss.store.opts.LogName, mask), entry: r, mask: mask, at: ss.sent + 1}, true
			}
			ss.sent++
		}
	}
}

// resetAll has every open object that changed behind position, or is of another epoch, sent again before anything else.
func (ss *storeSession) resetAll(reason string, position uint64) {
	var items []storeItem
	state := ss.store.state.Load()
	for name, o := range ss.objects {
		if o.ready && (o.epoch != state.Epoch || reason != "epoch" && state.Object(name).Position > max(position, o.from)) {
			items = append(items, storeItem{kind: itemReset, object: name, reason: reason})
		}
	}
	ss.pending = append(items, ss.pending...)
}

// nextItem is the step for pending[0]; none if the item is void.
func (ss *storeSession) nextItem(state *engine.State) (storeStep, bool) {
	item := &ss.pending[0]
	log := ss.store.opts.LogName
	object := state.Object(item.object)
	o := ss.objects[item.object]
	switch item.kind {
	case itemAnswer:
		return storeStep{kind: stepItem, frame: item.frame}, true
	case itemOpen:
		if o == nil { // closed before it was opened
			return storeStep{}, false
		}
		if ss.store.reaches(state, item) {
			at := item.resume.position
			if item.resume.is(object) {
				at = state.Position // nothing happened to it up to here, however far the ring reaches
			}
			return storeStep{kind: stepResume, opened: o, frame: appendOpened(nil, log, item.request, item.object, item.resume, nil), at: at}, true
		}
		frame := appendOpened(nil, log, item.request, item.object, stateOf(state.Epoch, object), object)
		return storeStep{kind: stepSnapshot, opened: o, frame: frame, at: state.Position, epoch: state.Epoch}, true
	case itemReset:
		if o == nil {
			return storeStep{}, false
		}
		frame := appendReset(nil, log, item.object, state.Epoch, object, item.reason)
		return storeStep{kind: stepSnapshot, opened: o, frame: frame, at: state.Position, epoch: state.Epoch}, true
	}
	return ss.nextCatchUp(item, o)
}

// nextCatchUp is the next change behind a resume point.
func (ss *storeSession) nextCatchUp(item *storeItem, o *storeOpened) (storeStep, bool) {
	if o == nil {
		return storeStep{}, false
	}
	for ; item.next <= ss.sent; item.next++ {
		r := ss.store.ring.at(item.next)
		if r == nil {
			item.kind, item.reason = itemReset, "behind"
			return ss.nextItem(ss.store.state.Load())
		}
		if mask := r.mask(item.object); mask != 0 {
			return storeStep{kind: stepCatchUp, opened: o, shared: r.change(ss.store.opts.LogName, mask), entry: r, mask: mask, at: item.next}, true
		}
	}
	ss.join(o, ss.sent, item.resume.epoch)
	return storeStep{}, false
}

// done notes that the step's frame is on its way.
func (ss *storeSession) done(step *storeStep) {
	switch step.kind {
	case stepEntry:
		ss.sent = step.at
	case stepItem:
		ss.pop()
	case stepSnapshot:
		if ss.objects[step.opened.name] == step.opened {
			ss.join(step.opened, step.at, step.epoch)
		}
		ss.pop()
	case stepResume:
		item := &ss.pending[0]
		item.kind, item.next = itemCatchUp, step.at+1
	case stepCatchUp:
		ss.pending[0].next = step.at + 1
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
	switch {
	case step.kind == stepEntry:
		ss.sent = step.at
		ss.dropTooLarge(step.entry, step.mask)
	case step.opened == nil: // an answer: the peer announced too little to work with
		ss.ended = true
		ss.session.Close(transport.CloseTooLarge, "an answer is larger than this client accepts")
	default:
		if ss.objects[step.opened.name] == step.opened {
			ss.remove(step.opened)
		}
		err := status.New(status.ResourceExhausted, ErrTooLarge, "the object is larger than this client accepts")
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
	mask := recent.mask(item.object)
	for i := range recent.entry.Parts {
		if mask == 1<<i {
			return recent.entry.Parts[i].Version == r.version
		}
	}
	return false
}
