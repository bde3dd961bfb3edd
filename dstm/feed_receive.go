package dstm

import (
	"errors"
	"strings"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// Attach implements transport.Pattern.
func (s *Store) Attach(session *transport.Session) (transport.Receiver, error) {
	user := strings.ToValidUTF8(session.Identity().User, "\uFFFD")
	ss := &storeSession{store: s, session: session, user: user, objects: map[string]*storeOpened{}}
	s.mu.Lock()
	s.sessions[session] = ss
	s.mu.Unlock()
	return ss, nil
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
	}
	return status.New(status.FailedPrecondition, ErrInvalid, "a dstm frame of kind %d does not come from a client", f.Kind)
}

// Close implements transport.Receiver.
func (ss *storeSession) Close(error) {
	s := ss.store
	s.mu.Lock()
	defer s.mu.Unlock()
	ss.ended = true
	for _, o := range ss.objects {
		ss.remove(o)
	}
	ss.pending = nil
	delete(s.sessions, ss.session)
}

// receiveOpen begins to open an object.
func (ss *storeSession) receiveOpen(body *codec.Reader) error {
	item := storeItem{kind: itemOpen, request: body.Int(), object: body.String()}
	if body.Err() != nil || !readResume(body, &item.resume) {
		return errMalformed
	}
	s := ss.store
	var err *status.Error
	if !txn.ValidName(item.object) {
		err = status.New(status.InvalidArgument, ErrInvalid, "the object's name is not valid")
	} else {
		err = s.rules.open(ss.session.Context(), ss.access(item.object))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(ss.pending) > s.opts.MaxOpen+2*engine.MaxUnsettled {
		ss.session.Close(transport.CloseSlowConsumer, "this session asks for much and reads nothing")
		return nil
	}
	if again := ss.objects[item.object]; again != nil {
		ss.remove(again) // whatever comes of this
	}
	if err == nil {
		err = s.failed.Load()
	}
	if err == nil && len(ss.objects) >= s.opts.MaxOpen {
		err = status.New(status.ResourceExhausted, ErrTooLarge, "this session has %d objects open, which is the limit", s.opts.MaxOpen)
	}
	if err != nil {
		ss.deliver(storeItem{kind: itemAnswer, frame: appendRefused(nil, item.request, item.object, err)})
		return nil
	}
	ss.objects[item.object] = &storeOpened{session: ss, name: item.object}
	state := s.state.Load()
	if item.resume.given && item.resume.epoch == state.Epoch && item.resume.position > state.Position {
		// Another node may be ahead of this one, or the log was restored: the committer finds out.
		if s.queue.push(storeJob{session: ss, open: &item, size: 64}) != pushed {
			busy := status.New(status.ResourceExhausted, ErrBusy, "too much is waiting for the log")
			ss.remove(ss.objects[item.object])
			ss.deliver(storeItem{kind: itemAnswer, frame: appendRefused(nil, item.request, item.object, busy)})
		}
		return nil
	}
	ss.deliver(item)
	return nil
}

// readResume reads an optional resume point.
func readResume(body *codec.Reader, to *storeResume) bool {
	if body.Len() == 0 || body.Nil() {
		return body.Err() == nil
	}
	a := body.Array()
	to.given = true
	to.epoch, to.version, to.position = a.String(), uint64(a.Int()), uint64(a.Int())
	hash := a.Bytes()
	copy(to.hash[:], hash)
	return body.Err() == nil && a.Err() == nil && len(hash) == len(to.hash)
}

func (ss *storeSession) receiveClose(object string) {
	ss.store.mu.Lock()
	defer ss.store.mu.Unlock()
	if o := ss.objects[object]; o != nil {
		ss.remove(o)
	}
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
	waiting, unopened := ss.admit(tx)
	if refusal == nil {
		refusal = ss.allowed(tx, unopened)
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
	job := storeJob{session: ss, size: size + 256}
	job.request = engine.Request{Client: ss.session.Client(), User: ss.user, Time: s.now(), Tx: tx}
	if refusal != nil {
		job.request.Refusal = &engine.Refusal{Code: refusal.Code, Reason: refusal.Reason, Message: refusal.Message}
	}
	switch s.queue.push(job) {
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

// admit counts a transaction and lists the objects of it that the session does not have open.
func (ss *storeSession) admit(tx *txn.Transaction) (waiting int, unopened []string) {
	ss.store.mu.Lock()
	defer ss.store.mu.Unlock()
	ss.unanswered++
	for i := range tx.Parts {
		if ss.objects[tx.Parts[i].Object] == nil {
			unopened = append(unopened, tx.Parts[i].Object)
		}
	}
	return ss.unanswered, unopened
}

// allowed asks the rules. Who reads in a transaction learns what is there, so an object that is not open
// must be one that the client might open.
func (ss *storeSession) allowed(tx *txn.Transaction, unopened []string) *status.Error {
	ctx := ss.session.Context()
	for _, name := range unopened {
		if err := ss.store.rules.open(ctx, ss.access(name)); err != nil {
			return err
		}
	}
	for i := range tx.Parts {
		if err := ss.store.rules.write(ctx, ss.access(tx.Parts[i].Object), tx.Parts[i].Writes); err != nil {
			return err
		}
	}
	return nil
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
	ss.deliver(storeItem{kind: itemAnswer, counts: true, frame: appendRejected(nil, log, sequence, err, nil)})
	return nil
}
