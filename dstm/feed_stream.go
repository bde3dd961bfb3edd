package dstm

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/lens"
)

// pieceSize is how large a snapshot may be that is sent in one piece, and the pieces of a larger one, in bytes of values.
const pieceSize = 64 << 10

// storeStream is a snapshot on its way in pieces. The object is in the audience only behind the last one, when
// the session has caught up from the state that the snapshot is of; meanwhile the changes of other objects come between.
type storeStream struct {
	opened *storeOpened
	at     storeResume // the state that the snapshot is of
	cutter *lens.Cutter
	holds  bool   // answers wait for it
	frame  []byte // a piece that is not sent yet
	last   bool   // and whether it is the last one
}

// pieceLimit is how large a piece for this session is: a peer takes any that is no single value.
func (ss *storeSession) pieceLimit() int {
	limit := ss.session.MaxFrame() / 2
	if ss.session.JSON() {
		limit /= 4 // text may take several times as much
	}
	return min(pieceSize, limit)
}

// snapshot is the state of an object for a session that has it open, with the stream of its pieces if it is large.
func (ss *storeSession) snapshot(o *storeOpened, state *engine.State, object *engine.Object) (storeSnapshot, *storeStream) {
	s := storeSnapshot{
		object: o.name, at: stateOf(state.Epoch, object), whole: o.lens.Of(&object.Root),
		flags: o.flags(), lens: o.lens, limits: ss.store.limits(),
	}
	limit := ss.pieceLimit()
	if size := s.whole.Size(); size <= limit {
		if s.shape = s.whole.Shape(); size+len(s.shape) <= limit {
			return s, nil
		}
	}
	stream := &storeStream{opened: o, at: s.at, cutter: lens.NewCutter(s.whole)}
	// The state is that of the whole log at its position, not only that of the object's last change.
	stream.at.position = state.Position
	s.whole, s.shape, s.flags = nil, nil, s.flags|flagPieces
	return s, stream
}

func (o *storeOpened) flags() int64 {
	if o.strict {
		return flagStrict
	}
	return 0
}

// held reports whether a stream must end before anything is answered.
func (ss *storeSession) held() bool {
	return slices.ContainsFunc(ss.streams, func(stream *storeStream) bool { return stream.holds })
}

// nextPiece is the step for the next piece of streams[0].
func (ss *storeSession) nextPiece() storeStep {
	stream := ss.streams[0]
	if stream.frame == nil {
		writes, last := stream.cutter.Next(ss.pieceLimit())
		stream.frame, stream.last = appendPiece(nil, ss.store.opts.LogName, stream.opened.name, last, writes), last
	}
	return storeStep{kind: stepPiece, opened: stream.opened, frame: stream.frame, stream: stream}
}

// donePiece notes that a piece is on its way. Behind the last one come the changes since.
func (ss *storeSession) donePiece(stream *storeStream) {
	o := stream.opened
	stream.frame = nil
	if o.stream != stream || !stream.last { // dropped, or not at its end
		return
	}
	ss.drop(o)
	catchUp := storeItem{kind: itemCatchUp, object: o.name, resume: stream.at}
	ss.pending = append([]storeItem{catchUp}, ss.pending...)
}

// drop ends the stream of an object, if there is one.
func (ss *storeSession) drop(o *storeOpened) {
	if o.stream == nil {
		return
	}
	ss.streams = slices.DeleteFunc(ss.streams, func(stream *storeStream) bool { return stream == o.stream })
	o.stream = nil
}
