package dstm

import (
	"context"
	"errors"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/lens"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// maxLooks is how many requests for history a session may have under way; all together, StoreOptions.MaxHistory.
const maxLooks = 4

// storeLook is a request for what an object was: its revisions behind from up to to, or its state at from.
type storeLook struct {
	kind     int // frameHistory or frameAt
	request  int64
	object   string
	from, to uint64
	lens     *lens.Lens
}

// receiveLook begins to answer a request for history.
func (ss *storeSession) receiveLook(kind int, body *codec.Reader) error {
	look := storeLook{kind: kind, request: body.Int(), object: body.String(), from: uint64(body.Int())}
	if kind == frameHistory {
		look.to = uint64(body.Int())
	}
	if body.Err() != nil {
		return errMalformed
	}
	s := ss.store
	var err *status.Error
	if !txn.ValidName(look.object) {
		err = status.New(status.InvalidArgument, ErrInvalid, "the object's name is not valid")
		look.object = echo(look.object)
	} else {
		look.lens, err = s.rules.history(ss.session.Context(), ss.access(look.object))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ss.overdue() {
		return nil
	}
	if err == nil {
		err = s.failed.Load()
	}
	if err == nil && ss.looking >= maxLooks {
		err = status.New(status.ResourceExhausted, ErrBusy, "a session has at most %d requests for history under way", maxLooks)
	}
	if err == nil && s.looking >= s.opts.MaxHistory {
		err = status.New(status.ResourceExhausted, ErrBusy, "the store has %d requests for history under way, which is the limit", s.opts.MaxHistory)
	}
	if err != nil {
		ss.deliver(storeItem{kind: itemAnswer, frame: look.appendDone(nil, err)})
		return nil
	}
	if ss.looks == nil {
		ss.looks, ss.endLooks = context.WithCancel(s.ctx)
	}
	ctx := ss.looks
	ss.looking++
	s.looking++
	s.wg.Add(1)
	s.world.Go(func() { ss.look(ctx, &look) })
	return nil
}

// look answers a request for history, as fast as the session takes it.
func (ss *storeSession) look(ctx context.Context, l *storeLook) {
	s := ss.store
	defer s.wg.Done()
	var last []byte // a state is an answer by itself
	var err error
	if l.kind == frameAt {
		last, err = ss.lookAt(ctx, l)
	} else {
		err = ss.lookBack(ctx, l)
	}
	if err != nil || l.kind == frameHistory {
		last = l.appendDone(nil, lookError(err))
	}
	ss.lookDone(ctx, last)
}

// lookDone sends the last frame of an answer and makes room for another request. Whoever has the frame may ask again at once, so the
// room is there before it leaves; unless the queue is full, for then it is held, and counts, until there is space.
func (ss *storeSession) lookDone(ctx context.Context, last []byte) {
	s := ss.store
	s.mu.Lock()
	var err error
	if ctx.Err() == nil {
		err = ss.session.TrySend(last)
	}
	if !errors.Is(err, transport.ErrFull) {
		ss.looking--
		s.looking--
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	ss.session.Send(ctx, last)
	s.mu.Lock()
	ss.looking--
	s.looking--
	s.mu.Unlock()
}

// lookError is what a client is told of an error.
func lookError(err error) *status.Error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, transport.ErrFrameTooLarge):
		return status.New(status.ResourceExhausted, ErrTooLarge, "what the history holds is larger than this client accepts")
	case status.From(err).Reason == "":
		return status.New(status.Unavailable, ErrClosed, "the history cannot be read").Because(err)
	}
	return status.From(err)
}

// lookAt is the frame with the state of an object at a version.
func (ss *storeSession) lookAt(ctx context.Context, l *storeLook) ([]byte, error) {
	object, epoch, err := ss.store.stateAt(ctx, l.object, l.from)
	if err != nil {
		return nil, err
	}
	whole := l.lens.Of(&object.Root)
	if size := whole.Size(); size > ss.session.MaxFrame() {
		return nil, transport.ErrFrameTooLarge // it need not be encoded to see that
	}
	at := stateOf(epoch, object)
	b := l.appendHead(nil, 11, frameState)
	b = codec.AppendString(b, at.epoch)
	b = codec.AppendInt(b, int64(at.version))
	b = codec.AppendInt(b, int64(at.position))
	b = codec.AppendBytes(b, at.hash[:])
	b = whole.AppendValue(b)
	if b = txn.AppendOptional(b, whole.Shape()); len(b) > ss.session.MaxFrame() {
		return nil, transport.ErrFrameTooLarge
	}
	return b, nil
}

// lookBack sends the revisions of an object.
func (ss *storeSession) lookBack(ctx context.Context, l *storeLook) error {
	for r, err := range ss.store.revisions(ctx, l.object, l.from, l.to) {
		if err == nil {
			err = ss.session.Send(ctx, l.appendRevision(nil, &r, engine.ID(ss.session.Client())))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *storeLook) appendHead(b []byte, n, kind int) []byte {
	b = transport.AppendHeader(b, n, transport.NumberDSTM, kind)
	b = codec.AppendString(b, "")
	b = codec.AppendInt(b, l.request)
	return codec.AppendString(b, l.object)
}

// appendRevision appends a revision frame for a receiver. One of which the receiver sees nothing has no author but himself.
func (l *storeLook) appendRevision(b []byte, r *storeRevision, receiver engine.ID) []byte {
	writes := l.lens.Writes(r.Writes)
	client, user, sequence, metadata := r.Client, r.User, r.Sequence, r.Metadata
	if l.lens != nil && len(writes) == 0 {
		metadata = nil
		if client != receiver {
			client, user, sequence = engine.ID{}, "", 0
		}
	}
	b = l.appendHead(b, 13, frameRevision)
	b = codec.AppendInt(b, int64(r.Version))
	b = codec.AppendInt(b, int64(r.Position))
	b = codec.AppendTime(b, instant(r.Time))
	b = codec.AppendBytes(b, client[:])
	b = codec.AppendString(b, user)
	b = codec.AppendInt(b, int64(sequence))
	b = txn.AppendWrites(b, writes)
	return txn.AppendOptional(b, metadata)
}

func (l *storeLook) appendDone(b []byte, err *status.Error) []byte {
	b = l.appendHead(b, 6, frameDone)
	if err == nil {
		return codec.AppendNil(b)
	}
	return transport.AppendError(b, err)
}
