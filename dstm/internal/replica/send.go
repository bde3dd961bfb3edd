package replica

import (
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// Kinds of frames: docs/PROTOCOL.md, section 8.
const (
	kindOpen      = 1
	kindOpened    = 2
	kindRefused   = 3
	kindReset     = 4
	kindClose     = 5
	kindEnded     = 6
	kindCommit    = 7
	kindCommitted = 8
	kindRejected  = 9
	kindChange    = 10
	kindPiece     = 11
	kindCurrent   = 12
	kindHistory   = 13
	kindRevision  = 14
	kindAt        = 15
	kindState     = 16
	kindDone      = 17
)

// errand is an open or close frame to send: an open of object, or a close of name.
type errand struct {
	object *object
	name   string
}

// Next returns the frame to send next, nil if there is none now. It is valid until the
// next call of any method and stays the next until [Core.Sent] or [Core.Unsendable] says what became of it.
func (c *Core) Next() []byte {
	if !c.connected {
		return nil
	}
	if len(c.requests) > 0 {
		c.scratch = c.requests[0].append(c.scratch[:0])
		return c.scratch
	}
	if q := c.nextQuestion(); q != nil {
		c.scratch = q.append(c.scratch[:0])
		return c.scratch
	}
	j, p := c.nextCommit()
	if p == nil {
		return nil
	}
	p.Again, p.Settled = p.sent, j.settled(c.sequence)
	b := transport.AppendHeader(c.scratch[:0], 3+txn.BodyElements, transport.NumberDSTM, kindCommit)
	b = codec.AppendString(b, j.name)
	c.scratch = p.AppendBody(b)
	return c.scratch
}

// Sent says that the frame of Next was given to the session, so that it may arrive.
func (c *Core) Sent() {
	if len(c.requests) > 0 {
		if o := c.requests[0].object; o != nil {
			o.asked = true
		}
		c.requests[0] = errand{}
		c.requests = c.requests[1:]
		return
	}
	if q := c.nextQuestion(); q != nil {
		q.asked = true
		return
	}
	j, p := c.nextCommit()
	if p == nil {
		return
	}
	p.sent, p.flying = true, true
	j.flying++
	j.told = p.Settled
	kept := j.committed[:0]
	for _, s := range j.committed {
		if s > j.told {
			kept = append(kept, s)
		}
	}
	j.committed = kept
}

// Unsendable says that the server would not accept the frame of Next, whatever the time.
func (c *Core) Unsendable(err *status.Error) {
	if len(c.requests) > 0 {
		c.Sent()
		return
	}
	if q := c.nextQuestion(); q != nil {
		c.conclude(q, err)
		return
	}
	if _, p := c.nextCommit(); p != nil {
		if p.sent {
			err = err.MaybeDone()
		}
		c.refuse(p, err, nil)
		c.done()
	}
}

// nextCommit is the first transaction that may be sent now. Within a log they go in their order, so that those
// that may have been sent before go first.
func (c *Core) nextCommit() (*journal, *pending) {
	for _, j := range c.journals {
		if !j.ready {
			continue
		}
		for _, p := range j.queue {
			if p.flying || p.answered {
				continue
			}
			if p.held || p.parked || c.ceiling > 0 && p.Sequence >= c.ceiling || j.blocked(p) {
				break // what comes behind it must not go first
			}
			if p.sent || j.window(j.settled(c.sequence)) {
				return j, p
			}
			break
		}
	}
	return nil, nil
}

func (e errand) append(b []byte) []byte {
	o := e.object
	if o == nil {
		b = transport.AppendHeader(b, 4, transport.NumberDSTM, kindClose)
		b = codec.AppendString(b, "")
		return codec.AppendString(b, e.name)
	}
	b = transport.AppendHeader(b, 6, transport.NumberDSTM, kindOpen)
	b = codec.AppendString(b, "")
	b = codec.AppendInt(b, int64(o.request))
	b = codec.AppendString(b, o.name)
	if o.root == nil || o.mistaken {
		return codec.AppendNil(b)
	}
	b = codec.AppendArray(b, 4)
	b = codec.AppendString(b, o.epoch)
	b = codec.AppendInt(b, int64(o.version))
	b = codec.AppendInt(b, int64(o.position))
	return codec.AppendBytes(b, o.hash[:])
}
