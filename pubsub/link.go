package pubsub

import (
	"errors"
	"sync"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// link is a client's end of one session.
type link struct {
	client  *Client
	session *transport.Session

	mu    sync.Mutex // taken after client.mu, if both
	ended bool
	calls map[int64]*call
}

func (l *link) register(id int64, k *call) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return errNotConnected()
	}
	if len(l.calls) >= l.client.opts.MaxPending {
		return status.New(status.ResourceExhausted, ErrTooMany, "more than %d requests wait for their answers", l.client.opts.MaxPending)
	}
	l.calls[id] = k
	return nil
}

// take removes a call; whoever gets it settles it.
func (l *link) take(id int64) *call {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.calls[id]
	delete(l.calls, id)
	return k
}

// settleAll fails what waits: it was sent, so nobody knows.
func (l *link) settleAll() {
	l.mu.Lock()
	l.ended = true
	calls := l.calls
	l.calls = nil
	l.mu.Unlock()
	for _, k := range calls {
		k.err = status.New(status.Unavailable, ErrConnectionLost, "the connection was lost before the answer came").MaybeDone()
		close(k.done)
	}
}

// Close implements [transport.Receiver].
func (l *link) Close(error) {
	c := l.client
	c.mu.Lock()
	if c.link == l {
		c.link = nil
	}
	c.mu.Unlock()
	l.settleAll()
}

// flush sends every subscribe that was not sent on this session, as far as there is room. Called with client.mu held.
func (l *link) flush() {
	if l.client.link != l {
		return
	}
	for _, w := range l.client.order {
		if w.state != unsent {
			continue
		}
		err := l.session.TrySend(w.subscribeFrame())
		if errors.Is(err, transport.ErrFull) {
			l.session.AfterDrain(func() {
				l.client.mu.Lock()
				defer l.client.mu.Unlock()
				l.flush()
			})
			return
		}
		if err != nil {
			return // it has ended
		}
		w.state = asked
	}
}

// sendLater queues a small frame whose loss with the session does not matter, now or when there is room.
func (l *link) sendLater(frame []byte) {
	if errors.Is(l.session.TrySend(frame), transport.ErrFull) {
		l.session.AfterDrain(func() { l.sendLater(frame) })
	}
}

// Receive implements [transport.Receiver].
func (l *link) Receive(f transport.Frame) error {
	r := &f.Body
	c := l.client
	if stream, ok := f.StreamNumber(); !ok || stream < 0 {
		return errMalformed("pubsub")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	switch f.Kind {
	case kindPublication:
		err = c.publication(r)
	case kindSkip:
		c.skip(r)
	case kindMember:
		err = c.memberEvent(r)
	case kindSubscribed, kindReplay, kindGap, kindEnded:
		// Answers to subscriptions that were closed meanwhile are ignored.
		if w := c.wires[r.Int()]; w != nil {
			err = c.control(w, f.Kind, r)
		}
	case kindPublished, kindRefused, kindMemberList:
		id := r.Int()
		if w := c.wires[id]; w != nil {
			err = c.control(w, f.Kind, r)
		} else if k := l.take(id); k != nil {
			err = k.answer(f.Kind, r)
			close(k.done)
		}
	default:
		return errProtocol("unknown kind %d", f.Kind)
	}
	if err != nil || r.Err() != nil {
		return errMalformed("pubsub")
	}
	return nil
}

func (k *call) answer(kind int, r *codec.Reader) (err error) {
	switch kind {
	case kindPublished:
		k.at = readPosition(r)
		err = r.Err()
	case kindMemberList:
		k.members, err = readMembers(r)
	default:
		var refusal *status.Error
		if refusal, err = readError(r); err == nil {
			k.err = refusal
		}
	}
	if err != nil {
		k.err = status.New(status.Internal, "pubsub.malformed", "the server sent a malformed answer").MaybeDone()
	}
	return err
}

// readError reads an error array. The second result says that it is none.
func readError(r *codec.Reader) (*status.Error, error) {
	e := transport.ReadError(r)
	if r.Err() != nil || e.Reason == "transport.bad_error" {
		return nil, errMalformed("error")
	}
	return e, nil
}

func readText(r *codec.Reader) string {
	if r.Nil() {
		return ""
	}
	return r.String()
}

func readPosition(r *codec.Reader) Position {
	return Position{Log: readText(r), Epoch: readText(r), Offset: r.Int()}
}

// readID reads the 16 bytes of an identifier, or nil.
func readID(r *codec.Reader) (id transport.ID, err error) {
	if !r.Nil() {
		if b := r.Bytes(); copy(id[:], b) != len(id) || len(b) != len(id) {
			return id, errMalformed("id")
		}
	}
	return id, r.Err()
}

func readMember(r *codec.Reader) (m Member, err error) {
	if m.Client, err = readID(r); err == nil {
		m.User, m.Since = readText(r), r.Time()
		err = r.Err()
	}
	return m, err
}

func readMembers(r *codec.Reader) ([]Member, error) {
	list := r.Array()
	out := make([]Member, 0, min(list.Len(), 1024))
	for list.Len() > 0 {
		e := list.Array()
		m, err := readMember(&e)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, errors.Join(r.Err(), list.Err())
}
