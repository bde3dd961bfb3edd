package dstm

import (
	"strings"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/lens"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// receiveOpen begins to open an object.
func (ss *storeSession) receiveOpen(body *codec.Reader) error {
	item := storeItem{kind: itemOpen, request: body.Int(), object: body.String()}
	if body.Err() != nil || !readResume(body, &item.resume) {
		return errMalformed
	}
	s := ss.store
	var err *status.Error
	var l *lens.Lens
	if !txn.ValidName(item.object) {
		err = status.New(status.InvalidArgument, ErrInvalid, "the object's name is not valid")
	} else {
		l, err = s.rules.open(ss.session.Context(), ss.access(item.object))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ss.overdue() {
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
		ss.refuse(&item, err)
		return nil
	}
	o := ss.add(item.object, l, s.rules.strict(item.object))
	ss.fetching++
	s.fetch(storeTurn{client: ss.session.Client()}, item.object, func(err *status.Error) {
		ss.fetching--
		ss.fetched(o, &item, err)
	})
	return nil
}

// overdue ends a session that asks on without reading what it is sent, and reports whether it did.
func (ss *storeSession) overdue() bool {
	if len(ss.pending)+ss.fetching <= ss.store.opts.MaxOpen+2*engine.MaxUnsettled {
		return false
	}
	ss.session.Close(transport.CloseSlowConsumer, "this session asks for much and reads nothing")
	return true
}

// fetched goes on with an opening whose object is in memory, or cannot be had. The caller holds mu.
func (ss *storeSession) fetched(o *storeOpened, item *storeItem, err *status.Error) {
	s := ss.store
	if ss.ended || ss.objects[item.object] != o { // closed meanwhile, or opened anew
		return
	}
	o.loaded = err == nil
	if err == nil && s.parted(s.state.Load(), item) {
		// Another node may be ahead of this one, or the log was restored: the committer finds out.
		if s.queue.push(storeJob{session: ss, open: item, size: 64}) == pushed {
			return
		}
		err = status.New(status.ResourceExhausted, ErrBusy, "too much is waiting for the log")
	}
	if err != nil {
		ss.remove(o)
		ss.refuse(item, err)
		return
	}
	ss.deliver(*item)
}

// refuse answers an opening.
func (ss *storeSession) refuse(item *storeItem, err *status.Error) {
	ss.deliver(storeItem{kind: itemAnswer, frame: appendRefused(nil, item.request, echo(item.object), err)})
}

// echo is a name as an answer repeats it: answers may wait for long, so one that is too long to be valid is cut.
func echo(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), txn.MaxName)], "")
}

// readResume reads an optional resume point.
func readResume(body *codec.Reader, to *storeResume) bool {
	if body.Len() == 0 || body.Nil() {
		return body.Err() == nil
	}
	a := body.Array()
	to.given = true
	to.epoch, to.version, to.position = a.String(), uint64(a.Int()), uint64(a.Int())
	if len(to.epoch) > txn.MaxEpoch { // no log's, and it may wait for long
		to.epoch = ""
	}
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
