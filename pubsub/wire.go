package pubsub

import (
	"context"
	"math"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
)

// wire is one subscription as the server knows it. Several subscriptions of the program to one filter
// share it if they want nothing but what comes from now on. Guarded by client.mu.
type wire struct {
	filter string
	id     int64
	opts   localOptions
	watch  *MemberFeed // wants members instead of publications
	sinks  []*queue
	entry  *entry[*wire]
	ready  chan struct{} // closed when the first answer came; err is then set if it was a refusal
	err    error

	state   wireState
	started bool // has been answered on some session
	at      Position
	// moved is what was asked for, where the answer was of another log or epoch and the gap that tells so has not
	// come yet. Should the connection be lost before it does, this is asked for again: otherwise nobody would ever be told.
	moved *Position
}

// resumePoint is what to continue behind; without an epoch there is none.
func (w *wire) resumePoint() Position {
	switch {
	case w.moved != nil:
		return *w.moved
	case w.started:
		return w.at
	case w.opts.from != nil:
		return *w.opts.from
	}
	return Position{}
}

// move moves the position: what was to be told about the way there was told.
func (w *wire) move(at Position) { w.at, w.moved = at, nil }

// moveTo is move within the log and epoch.
func (w *wire) moveTo(offset int64) { w.at.Offset, w.moved = offset, nil }

// wireState is where a wire stands on the present session.
type wireState int

const (
	unsent    wireState = iota // subscribe was not sent
	asked                      // no answer yet
	replaying                  // history comes; what is live is not for this one yet
	flowing                    // live
)

// detached is called when there is a new session: the old one's state is void.
func (w *wire) detached() { w.state = unsent }

func (w *wire) subscribeFrame() []byte {
	b := header(make([]byte, 0, 96+len(w.filter)), 5, kindSubscribe)
	b = codec.AppendInt(codec.AppendString(b, w.filter), w.id)
	from, last := w.resumePoint(), 0
	if !w.started {
		last = w.opts.last
		if w.opts.from != nil && from.Epoch == "" {
			last = math.MaxInt32
		}
	}
	switch {
	case w.watch != nil:
		b = codec.AppendString(codec.AppendMap(b, 1), "members")
		return codec.AppendBool(b, true)
	case from.Epoch != "":
		b = codec.AppendString(codec.AppendMap(b, 3), "epoch")
		b = codec.AppendString(b, from.Epoch)
		b = codec.AppendString(codec.AppendString(b, "log"), from.Log)
		return codec.AppendInt(codec.AppendString(b, "offset"), from.Offset)
	case last > 0:
		b = codec.AppendString(codec.AppendMap(b, 1), "last")
		return codec.AppendInt(b, int64(last))
	}
	return codec.AppendNil(b)
}

func (w *wire) unsubscribeFrame() []byte {
	b := header(make([]byte, 0, 32+len(w.filter)), 4, kindUnsubscribe)
	return codec.AppendInt(codec.AppendString(b, w.filter), w.id)
}

// finish ends the wire's subscriptions. It is no longer among the client's wires. Called with client.mu held.
func (w *wire) finish(err error) {
	if !w.answered() {
		w.err = err
		close(w.ready)
	}
	for _, q := range w.sinks {
		q.end(err)
	}
	if w.watch != nil {
		w.watch.end(err)
	}
}

func (w *wire) answered() bool {
	select {
	case <-w.ready:
		return true
	default:
		return false
	}
}

func (w *wire) push(e event) {
	for _, q := range w.sinks {
		q.push(e)
	}
}

func (w *wire) gap(g Gap) {
	g.Filter = w.filter
	w.push(event{gap: &g})
}

// subscribe makes q a sink of a wire and waits until the server has answered.
func (c *Client) subscribe(ctx context.Context, filter string, o localOptions, q *queue) (*wire, error) {
	c.mu.Lock()
	if c.closed != nil {
		defer c.mu.Unlock()
		return nil, c.closed
	}
	var w *wire
	if o.from == nil && o.last == 0 {
		w = c.shared(filter)
	}
	if w == nil {
		w = c.addWire(&wire{filter: filter, opts: o})
		w.entry = c.match.add(filter, w)
	}
	w.sinks = append(w.sinks, q)
	c.mu.Unlock()
	return w, c.await(ctx, w, q)
}

// shared finds a wire that a subscription to what comes from now on can join.
func (c *Client) shared(filter string) *wire {
	for _, w := range c.match.collect(filter, nil) {
		fresh := w.state == flowing || !w.started && w.opts.from == nil && w.opts.last == 0
		if w.filter == filter && fresh {
			return w
		}
	}
	return nil
}

// addWire registers w and sends its subscribe if there is a session.
func (c *Client) addWire(w *wire) *wire {
	c.lastID++
	w.id = c.lastID
	w.ready = make(chan struct{})
	c.wires[w.id] = w
	c.order = append(c.order, w)
	if c.link != nil {
		c.link.flush()
	}
	return w
}

// await waits for the first answer; q is nil for members.
func (c *Client) await(ctx context.Context, w *wire, q *queue) error {
	select {
	case <-w.ready:
		return w.err
	case <-ctx.Done():
		c.unsubscribe(w, q)
		return status.From(ctx.Err())
	}
}

// unsubscribe takes a sink off its wire, and the wire off the session with its last sink.
func (c *Client) unsubscribe(w *wire, q *queue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(w.sinks, q); i >= 0 {
		w.sinks = slices.Delete(w.sinks, i, i+1)
	}
	if len(w.sinks) > 0 || c.wires[w.id] != w {
		return
	}
	sent := w.state != unsent
	c.removeWire(w)
	if sent && c.link != nil {
		c.link.sendLater(w.unsubscribeFrame())
	}
}

func (c *Client) removeWire(w *wire) {
	delete(c.wires, w.id)
	if w.entry != nil {
		c.match.remove(w.entry)
	}
	if i := slices.Index(c.order, w); i >= 0 {
		c.order = slices.Delete(c.order, i, i+1)
	}
}
