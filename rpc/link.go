package rpc

import (
	"context"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/transport"
)

// link is a peer's end of one session. The three parts have locks of their own, and none is held while another is taken,
// while a handler runs, or while something is sent.
type link struct {
	peer *Peer
	wire wire
	ctx  context.Context // the session's
	key  transport.ID    // in Peer.links

	outbound outbound // calls made
	inbound  inbound  // calls served
	backlog  backlog  // short frames that found the queue full
	timed    int      // how many inline calls were timed at first; see timeNext
}

func newLink(p *Peer, w wire) *link {
	return &link{peer: p, wire: w, ctx: w.Context()}
}

// Receive implements [transport.Receiver].
func (l *link) Receive(f transport.Frame) error {
	id, ok := f.StreamNumber()
	if !ok || id < 1 || id > maxID {
		return malformed("rpc", nil)
	}
	switch f.Kind {
	case kindCall:
		return l.receiveCall(id, &f.Body)
	case kindResult:
		return l.receiveResult(id, &f.Body)
	case kindError:
		return l.receiveError(id, &f.Body)
	case kindCancel:
		l.receiveCancel(id)
		return nil
	}
	// Also the kinds reserved for streams: we announce no feature that allows them.
	return protocol("unknown kind %d", f.Kind)
}

func (l *link) receiveResult(id int64, r *codec.Reader) error {
	payload := r.Raw()
	md, over, err := readMetadata(r)
	if err != nil {
		return malformed("result", err)
	}
	c := l.outbound.take(id)
	if c == nil {
		return nil // the caller gave up, or it is a second answer
	}
	c.metadata = md
	if over {
		c.err = errReplyMetadata
	} else {
		c.hold(payload)
	}
	c.done <- struct{}{}
	return nil
}

func (l *link) receiveError(id int64, r *codec.Reader) error {
	failure := transport.ReadError(r)
	md, _, err := readMetadata(r)
	if err == nil {
		err = r.Err()
	}
	if err != nil || failure.Reason == "transport.bad_error" {
		return malformed("error", err)
	}
	c := l.outbound.take(id)
	if c == nil {
		return nil
	}
	c.metadata, c.err = md, failure
	c.done <- struct{}{}
	return nil
}

// Close implements [transport.Receiver]: every call made settles, every handler that runs is told, and those
// that had not begun never will.
func (l *link) Close(err error) {
	l.peer.drop(l)
	for _, c := range l.outbound.close() {
		c.lost = err
		c.done <- struct{}{}
	}
	for _, c := range l.inbound.close() {
		c.cancelWith(err)
	}
	l.backlog.close()
}
