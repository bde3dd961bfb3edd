package dstm

import (
	"errors"
	"slices"
	"strings"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/lens"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// Attach implements transport.Pattern.
func (s *Store) Attach(session *transport.Session) (transport.Receiver, error) {
	return s.attach(session), nil
}

func (s *Store) attach(session world.Session) transport.Receiver {
	user := strings.ToValidUTF8(session.Identity().User, "\uFFFD")
	ss := &storeSession{store: s, session: session, user: user, objects: map[string]*storeOpened{}}
	s.mu.Lock()
	s.sessions[session] = ss
	s.mu.Unlock()
	return ss
}

var errMalformed = status.New(status.InvalidArgument, ErrInvalid, "a dstm frame lacks an element or has one of the wrong type")

// Receive implements transport.Receiver.
func (ss *storeSession) Receive(f transport.Frame) error {
	stream, ok := f.StreamText()
	if !ok {
		return errMalformed
	}
	switch f.Kind {
	case frameOpen:
		return ss.receiveOpen(&f.Body)
	case frameClose:
		object := f.Body.String()
		if f.Body.Err() != nil {
			return errMalformed
		}
		ss.receiveClose(object)
		return nil
	case frameCommit:
		return ss.receiveCommit(stream, &f.Body)
	case frameHistory, frameAt:
		return ss.receiveLook(f.Kind, &f.Body)
	}
	return status.New(status.FailedPrecondition, ErrInvalid, "a dstm frame of kind %d does not come from a client", f.Kind)
}

// Close implements transport.Receiver.
func (ss *storeSession) Close(error) {
	s := ss.store
	ss.gone.Store(true)
	s.queue.leave(storeTurn{client: ss.session.Client()})
	s.mu.Lock()
	defer s.mu.Unlock()
	ss.ended = true
	if ss.endLooks != nil {
		ss.endLooks()
	}
	for _, name := range ss.names() {
		ss.remove(ss.objects[name])
	}
	ss.pending = nil
	delete(s.sessions, ss.session)
}

// receiveCommit queues a transaction.
func (ss *storeSession) receiveCommit(log string, body *codec.Reader) error {
	size := len(body.Rest())
	tx, err := txn.Decode(body)
	if errors.Is(err, txn.ErrShape) {
		return errMalformed
	}
	s := ss.store
	var refusal *status.Error
	switch {
	case errors.Is(err, txn.ErrTooLarge):
		refusal = status.New(status.ResourceExhausted, ErrTooLarge, "the transaction is larger than the limits")
	case err != nil:
		refusal = status.New(status.InvalidArgument, ErrInvalid, "%v", err)
	case log != s.opts.LogName:
		refusal = status.New(status.InvalidArgument, ErrInvalid, "there is no log of this name")
	}
	if refusal != nil {
		tx.Parts = nil
	}
	waiting, lenses := ss.admit(tx)
	if refusal == nil {
		refusal = ss.allowed(tx, lenses)
	}
	if waiting > engine.MaxUnsettled {
		if tx.Again {
			return status.New(status.FailedPrecondition, ErrBusy, "more than %d transactions are unanswered", engine.MaxUnsettled)
		}
		return ss.rejectNow(log, tx.Sequence, status.New(status.ResourceExhausted, ErrBusy, "more than %d transactions are unanswered", engine.MaxUnsettled))
	}
	if log != s.opts.LogName {
		return ss.rejectNow(log, tx.Sequence, refusal)
	}
	tx.Seal() // here, since the committer is one for all
	job := storeJob{session: ss, size: size + 256}
	job.request = engine.Request{Client: ss.session.Client(), User: ss.user, Time: s.now(), Tx: tx}
	job.request.Readable = lenses.readable()
	if refusal != nil {
		job.request.Refusal = &engine.Refusal{Code: refusal.Code, Reason: refusal.Reason, Message: refusal.Message}
	}
	switch s.submitJob(job) {
	case pushFull:
		if tx.Again {
			// An answer would have to be true of the copies that were sent before. No answer, then: the client comes back.
			ss.session.Close(transport.CloseOverloaded, "too much is waiting for the log")
			return nil
		}
		return ss.rejectNow(log, tx.Sequence, status.New(status.ResourceExhausted, ErrBusy, "too much is waiting for the log"))
	case pushClosed:
		e := status.New(status.Unavailable, ErrClosed, "the store is closed")
		if tx.Again {
			e = e.MaybeDone()
		}
		return ss.rejectNow(log, tx.Sequence, e)
	}
	return nil
}

// admit counts a transaction and returns the lenses of those of its objects that the session has open.
func (ss *storeSession) admit(tx *txn.Transaction) (waiting int, lenses partLenses) {
	ss.store.mu.Lock()
	defer ss.store.mu.Unlock()
	ss.unanswered++
	lenses = make(partLenses, len(tx.Parts))
	for i := range tx.Parts {
		if o := ss.objects[tx.Parts[i].Object]; o != nil {
			lenses[i] = partLens{o.name, o.lens, true}
		}
	}
	return ss.unanswered, lenses
}

// allowed asks the rules. Who reads in a transaction learns what is there, so an object that is not open
// must be one that the client might open; its lens is added to lenses.
func (ss *storeSession) allowed(tx *txn.Transaction, lenses partLenses) *status.Error {
	ctx := ss.session.Context()
	for i := range tx.Parts {
		name := tx.Parts[i].Object
		if !lenses[i].open {
			l, err := ss.store.rules.open(ctx, ss.access(name))
			if err != nil {
				return err
			}
			lenses[i] = partLens{name, l, true}
		}
	}
	for i := range tx.Parts {
		if err := ss.store.rules.write(ctx, ss.access(tx.Parts[i].Object), tx.Parts[i].Writes); err != nil {
			return err
		}
	}
	return nil
}

// partLens is the lens of the object of one part of a transaction, nil if all of it may be read.
type partLens struct {
	object string
	lens   *lens.Lens
	open   bool // it is known
}

// partLenses has a lens for each part of a transaction.
type partLenses []partLens

// readable is what the engine is told of lenses, nil if there are none.
func (lenses partLenses) readable() func(object string) []tree.Path {
	if !slices.ContainsFunc(lenses, func(l partLens) bool { return l.lens != nil }) {
		return nil
	}
	return func(object string) []tree.Path {
		for i := range lenses {
			if lenses[i].object == object {
				return lenses[i].lens.Paths()
			}
		}
		return nil
	}
}

func (ss *storeSession) access(object string) *Access {
	return &Access{Identity: ss.session.Identity(), Client: ss.session.Client(), Object: object}
}

// rejectNow answers a transaction that does not reach the committer. A session that
// sends on without reading the answers ends.
func (ss *storeSession) rejectNow(log string, sequence uint64, err *status.Error) error {
	ss.store.mu.Lock()
	defer ss.store.mu.Unlock()
	if ss.unanswered > 4*engine.MaxUnsettled {
		return status.New(status.ResourceExhausted, ErrBusy, "far more than %d transactions are unanswered", engine.MaxUnsettled)
	}
	ss.deliver(storeItem{kind: itemAnswer, counts: true, frame: appendRejected(nil, echo(log), sequence, err, nil)})
	return nil
}
