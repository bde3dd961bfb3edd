package pubsub

import (
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/transport"
)

// control handles what the server says about one subscription. Called with c.mu held, as everything here.
func (c *Client) control(w *wire, kind int, r *codec.Reader) {
	switch kind {
	case kindSubscribed:
		c.subscribed(w, r)
	case kindReplay:
		c.replay(w, r)
	case kindGap:
		c.told(w, r)
	case kindMemberList:
		if members := readMembers(r); w.watch != nil && r.Err() == nil {
			w.watch.reset(members)
		}
	case kindRefused, kindEnded:
		err := transport.ReadError(r)
		if r.Err() == nil {
			c.removeWire(w)
			w.finish(err)
		}
	}
}

func (c *Client) subscribed(w *wire, r *codec.Reader) {
	at := readPosition(r)
	replay := r.Bool()
	if r.Err() != nil || w.state != asked {
		return
	}
	switch {
	case w.watch != nil:
	case at.Log == "" && (w.started || w.opts.from != nil && w.opts.from.Offset > 0):
		w.gap(Gap{Count: -1, Cause: Reconnected})
	case w.started && at.Epoch == w.at.Epoch && w.at.Epoch != "":
		at.Offset = max(at.Offset, w.at.Offset)
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
		w.at = Position{Log: w.at.Log, Epoch: g.Epoch, Offset: g.After}
		g.After, g.To = 0, 0
	}
	w.gap(g)
}

// replay takes a part of history.
func (c *Client) replay(w *wire, r *codec.Reader) {
	upTo, last := r.Int(), r.Bool()
	list := r.Array()
	for list.Len() > 0 {
		e := list.Array()
		n := e.Len()
		topic, offset := c.topic(w, e.Text()), e.Int()
		cause := Cause(0)
		if n > 2 && n < 6 {
			cause = Cause(e.Int())
		}
		if e.Err() != nil {
			return
		}
		if offset <= w.at.Offset {
			continue
		}
		w.at.Offset = offset
		switch {
		case n >= 6:
			w.push(event{message: readMessage(&e, topic, w.at)})
		case n > 2:
			w.gap(Gap{Topic: topic, Epoch: w.at.Epoch, After: offset - 1, To: offset, Count: 1, Cause: cause})
		}
	}
	if r.Err() != nil || list.Err() != nil {
		return
	}
	w.at.Offset = max(w.at.Offset, upTo)
	w.state = replaying
	if last {
		w.state = flowing
	}
}

// advance moves the position to offset and tells what was left out on the way. False if it was seen already.
func (w *wire) advance(topic string, offset, prev int64) (fresh bool) {
	if offset <= w.at.Offset {
		return false
	}
	if prev > w.at.Offset {
		w.gap(Gap{Topic: topic, Epoch: w.at.Epoch, After: w.at.Offset, To: prev, Count: -1, Cause: HistoryLost})
	}
	w.at.Offset = offset
	return true
}

// publication takes a live publication to all it is meant for. It is decoded once.
func (c *Client) publication(r *codec.Reader) {
	topic, offset, prev := r.String(), r.Int(), r.Int()
	if r.Err() != nil {
		return
	}
	c.matched = c.match.collect(topic, c.matched[:0])
	var m *message
	for _, w := range c.matched {
		if w.state != flowing || offset > 0 && !w.advance(topic, offset, prev) {
			continue
		}
		if m == nil {
			m = readMessage(r, topic, w.at)
			if r.Err() != nil {
				return
			}
		}
		w.push(event{message: m})
	}
}

// skip stands for a publication that is not for this client.
func (c *Client) skip(r *codec.Reader) {
	topic, offset, prev := r.String(), r.Int(), r.Int()
	if r.Err() != nil {
		return
	}
	c.matched = c.match.collect(topic, c.matched[:0])
	for _, w := range c.matched {
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
func readMessage(r *codec.Reader, topic string, at Position) *message {
	m := &message{topic: topic, position: at, from: readID(r)}
	if at.Log == "" {
		m.position = Position{}
	}
	m.metadata = readMetadata(r.Raw())
	m.payload = append(codec.Raw(nil), r.Raw()...)
	if r.Len() > 0 {
		m.key = readText(r)
	}
	return m
}

// memberEvent takes a join or leave to who watches.
func (c *Client) memberEvent(r *codec.Reader) {
	topic, joined := r.String(), r.Bool()
	m := readMember(r)
	if r.Err() != nil {
		return
	}
	for _, w := range c.order {
		if w.watch != nil && w.filter == topic {
			w.watch.change(m, joined)
		}
	}
}
