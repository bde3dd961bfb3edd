package replica

import (
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

func (c *Core) readRevision(r *codec.Reader) error {
	request, object := counter(r), r.String()
	v := &Revision{Version: counter(r), Position: counter(r), Time: r.Time()}
	client := r.Bytes()
	v.User, v.Sequence = r.String(), counter(r)
	if r.Err() != nil {
		return r.Err()
	}
	if len(client) != len(v.Client) || v.Version > maxCounter || v.Position > maxCounter || v.Sequence > maxCounter {
		return malformed("a revision has no valid version, position, client or sequence")
	}
	copy(v.Client[:], client)
	operations := 0
	var err error
	if v.Writes, err = txn.ReadWrites(r, &operations); err != nil {
		return malformed(err.Error())
	}
	if v.Metadata, err = txn.ReadMetadata(r); err != nil {
		return malformed(err.Error())
	}
	q := c.question(request)
	if q == nil || !q.asked || q.at || q.object != object {
		return nil
	}
	if v.Version <= q.last || q.to > 0 && v.Version > q.to {
		return malformed("a revision that was not asked for")
	}
	q.last = v.Version
	if !q.forgotten {
		c.emit(Event{Kind: Revised, Object: object, Request: request, Revision: v})
	}
	return nil
}

func (c *Core) readState(r *codec.Reader) error {
	request, object := counter(r), r.String()
	s, err := readPoint(r)
	if err != nil {
		return err
	}
	if err := s.readRoot(r, false); err != nil {
		return err
	}
	q := c.question(request)
	if q == nil || !q.asked || !q.at || q.object != object {
		return nil
	}
	if s.root == nil || s.version != q.to {
		return malformed("a state that was not asked for")
	}
	c.answered(q)
	if !q.forgotten {
		c.emit(Event{
			Kind: Recalled, Object: object, Request: request,
			Epoch: s.epoch, Version: s.version, Position: s.position, After: s.root,
		})
	}
	return nil
}

func (c *Core) readDone(r *codec.Reader) error {
	request, object := counter(r), r.String()
	var why *status.Error
	if !r.Nil() {
		why = transport.ReadError(r)
	}
	if r.Err() != nil {
		return r.Err()
	}
	q := c.question(request)
	if q == nil || !q.asked || q.object != object {
		return nil
	}
	if why == nil && q.at {
		return malformed("a state was asked for, and none came")
	}
	c.conclude(q, why)
	return nil
}
