package pubsub

import (
	"errors"

	"github.com/trefoilgo/trefoil/codec"
)

// control handles what the server says about one subscription. Called with c.mu held, as everything here. An error, or one that r
// holds afterwards, means that the frame is malformed.
func (c *Client) control(w *wire, kind int, r *codec.Reader) error {
	switch kind {
	case kindSubscribed:
		c.subscribed(w, r)
	case kindReplay:
		return c.replay(w, r)
	case kindGap:
		c.told(w, r)
	case kindMemberList:
		members, err := readMembers(r)
		if err != nil {
			return err
		}
		if w.watch != nil {
			w.watch.reset(members)
		}
	case kindRefused, kindEnded:
		refusal, err := readError(r)
		if err != nil {
			return err
		}
		c.removeWire(w)
		w.finish(refusal)
	}
	return nil
}

func (c *Client) subscribed(w *wire, r *codec.Reader) {
	at := readPosition(r)
	replay := r.Bool()
	if r.Err() != nil || w.state != asked {
		return
	}
	from := w.resumePoint()
	w.moved = nil
	switch {
	case w.watch != nil:
	case at.Log == "":
		if w.started || from.Offset > 0 {
			w.gap(Gap{Count: -1, Cause: Reconnected})
		}
	case from.Epoch == "":
	case at.Epoch != from.Epoch || at.Log != from.Log:
		w.moved = &from
	default:
		at.Offset = max(at.Offset, from.Offset)
	}
	w.at, w.state, w.started = at, flowing, true
	if replay {
		w.state = replaying
	}
	if !w.answered() {
		close(w.ready)
	}
}

// told passes on a gap that the server tells.
func (c *Client) told(w *wire, r *codec.Reader) {
	g := Gap{Cause: Cause(r.Int()), Epoch: readText(r), After: r.Int(), To: r.Int(), Count: -1}
	if r.Len() > 0 && !r.Nil() {
		g.Count = r.Int()
	}
	if r.Err() != nil {
		return
	}
	if isPlain(w.filter) {
		g.Topic = w.filter
	}
	if g.Cause == EpochChanged {
		w.move(Position{Log: w.at.Log, Epoch: g.Epoch, Offset: g.After})
		g.After, g.To = 0, 0
	}
	w.gap(g)
}

// replay takes a part of history.
func (c *Client) replay(w *wire, r *codec.Reader) error {
	upTo, last := r.Int(), r.Bool()
	list := r.Array()
	for list.Len() > 0 {
		e := list.Array()
		if err := c.replayed(w, &e); err != nil {
			return err
		}
	}
	if r.Err() != nil || list.Err() != nil {
		return errors.Join(r.Err(), list.Err())
	}
	if upTo > w.at.Offset {
		w.moveTo(upTo)
	}
	w.state = replaying
	if last {
		w.state = flowing
	}
	return nil
}

// replayed takes one entry of a replay: a publication, or what stands in the place of one.
func (c *Client) replayed(w *wire, e *codec.Reader) error {
	n := e.Len()
	topic, offset := c.topic(w, e.Text()), e.Int()
	cause := Cause(0)
	if n > 2 && n < 6 {
		cause = Cause(e.Int())
	}
	if e.Err() != nil {
		return e.Err()
	}
	if offset <= w.at.Offset {
		return nil
	}
	switch {
	case n >= 6:
		at := w.at
		at.Offset = offset
		m, err := readMessage(e, topic, at)
		if err != nil {
			return err
		}
		w.push(event{message: m})
	case n > 2:
		w.gap(Gap{Topic: topic, Epoch: w.at.Epoch, After: offset - 1, To: offset, Count: 1, Cause: cause})
	}
	w.moveTo(offset)
	return nil
}

// advance moves the position to offset and tells what was left out on the way. False if it was seen already.
func (w *wire) advance(topic string, offset, prev int64) (fresh bool) {
	if offset <= w.at.Offset {
		return false
	}
	if prev > w.at.Offset {
		w.gap(Gap{Topic: topic, Epoch: w.at.Epoch, After: w.at.Offset, To: prev, Count: -1, Cause: HistoryLost})
	}
	w.moveTo(offset)
	return true
}

// publication takes a live publication to all it is meant for. It is decoded once, and not at all if it is for none.
func (c *Client) publication(r *codec.Reader) error {
	topic, offset, prev := c.match.text(r.Text()), r.Int(), r.Int()
	if r.Err() != nil {
		return r.Err()
	}
	var m *message
	for _, w := range c.match.recall(topic) {
		if w.state != flowing || offset > 0 && offset <= w.at.Offset {
			continue
		}
		if m == nil {
			at := Position{}
			if w.at.Log != "" {
				at = Position{w.at.Log, w.at.Epoch, offset}
			}
			var err error
			if m, err = readMessage(r, topic, at); err != nil {
				return err
			}
		}
		if offset > 0 {
			w.advance(topic, offset, prev)
		}
		w.push(event{message: m})
	}
	return nil
}

// skip stands for a publication that is not for this client.
func (c *Client) skip(r *codec.Reader) {
	topic, offset, prev := c.match.text(r.Text()), r.Int(), r.Int()
	if r.Err() != nil {
		return
	}
	for _, w := range c.match.recall(topic) {
		if w.state == flowing {
			w.advance(topic, offset, prev)
		}
	}
}

// topic is text as a string, without an allocation if the wire is for this very topic.
func (c *Client) topic(w *wire, text []byte) string {
	if w.filter == string(text) {
		return w.filter
	}
	return string(text)
}

// readMessage reads what a publication or an entry ends with.
func readMessage(r *codec.Reader, topic string, at Position) (*message, error) {
	m := &message{topic: topic, position: at}
	m.size = len(topic) + eventOverhead
	var err, bad error
	m.from, bad = readID(r)
	if m.metadata, err = readMetadata(r, &m.size); err == nil {
		err = bad
	}
	m.payload = append(codec.Raw(nil), r.Raw()...)
	if r.Len() > 0 {
		m.key = readText(r)
	}
	m.size += len(m.payload) + len(m.key)
	if err == nil {
		err = r.Err()
	}
	return m, err
}

// memberEvent takes a join or leave to who watches.
func (c *Client) memberEvent(r *codec.Reader) error {
	topic, joined := r.String(), r.Bool()
	m, err := readMember(r)
	if err != nil {
		return err
	}
	for _, w := range c.order {
		if w.watch != nil && w.filter == topic {
			w.watch.change(m, joined)
		}
	}
	return nil
}
