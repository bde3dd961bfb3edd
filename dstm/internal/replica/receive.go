package replica

import (
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

const maxCounter = 1<<53 - 1

func malformed(what string) *status.Error {
	return status.New(status.InvalidArgument, "dstm.malformed", "%s", what)
}

// Receive takes one frame of the server. It keeps nothing of the frame's bytes. An
// error says that the frame is none of docs/PROTOCOL.md; the session should end, nothing has changed. Frames
// about objects and transactions that are not open are ignored.
func (c *Core) Receive(f transport.Frame) error {
	log, ok := f.StreamText()
	if !ok {
		return malformed("a dstm frame's stream is no string")
	}
	r := f.Body
	var err error
	switch f.Kind {
	case kindOpened:
		err = c.readOpened(log, &r)
	case kindRefused:
		err = c.readRefused(&r)
	case kindReset:
		err = c.readReset(log, &r)
	case kindEnded:
		name := r.String()
		why := transport.ReadError(&r)
		if err = r.Err(); err == nil {
			c.ended(log, name, why)
		}
	case kindCommitted:
		err = c.readCommitted(log, &r)
	case kindRejected:
		err = c.readRejected(log, &r)
	case kindChange:
		err = c.readChange(log, &r)
	case kindPiece:
		err = c.readPiece(log, &r)
	case kindCurrent:
		err = c.readCurrent(log, &r)
	case kindRevision:
		err = c.readRevision(&r)
	case kindState:
		err = c.readState(&r)
	case kindDone:
		err = c.readDone(&r)
	default:
		return status.New(status.FailedPrecondition, "dstm.unexpected", "a server sends no dstm frame of kind %d", f.Kind)
	}
	c.done()
	if err != nil {
		if coded, ok := err.(*status.Error); ok {
			return coded
		}
		return malformed("a dstm frame lacks an element or has one of the wrong type").Because(err)
	}
	return nil
}

func (c *Core) readOpened(log string, r *codec.Reader) error {
	request, name := counter(r), r.String()
	s, err := readSnapshot(r, false)
	if err != nil {
		return err
	}
	if !txn.ValidName(log) {
		return malformed("opened names no log")
	}
	return c.opened(log, request, name, s)
}

func (c *Core) readRefused(r *codec.Reader) error {
	request, name := counter(r), r.String()
	why := transport.ReadError(r)
	if r.Err() == nil {
		c.refused(request, name, why)
	}
	return r.Err()
}

func (c *Core) readReset(log string, r *codec.Reader) error {
	name := r.String()
	s, err := readSnapshot(r, true)
	if err != nil {
		return err
	}
	if s.root == nil {
		return malformed("a reset without a state")
	}
	c.reset(log, name, s)
	return nil
}

func (c *Core) readCommitted(log string, r *codec.Reader) error {
	sequence, position := counter(r), counter(r)
	a := r.Array()
	if a.Len() > txn.MaxParts {
		return malformed("committed has too many versions")
	}
	versions := make([]uint64, 0, a.Len())
	for a.Len() > 0 {
		versions = append(versions, counter(&a))
	}
	if r.Err() != nil {
		return r.Err()
	}
	if a.Err() != nil || position > maxCounter {
		return malformed("committed has no valid position or versions")
	}
	for _, v := range versions {
		if v > maxCounter {
			return malformed("committed has no valid versions")
		}
	}
	if j := c.logged(log); j != nil {
		return c.committed(j, sequence, position, versions)
	}
	return nil
}

func (c *Core) readRejected(log string, r *codec.Reader) error {
	sequence := counter(r)
	why := transport.ReadError(r)
	if r.Err() != nil {
		return r.Err()
	}
	var conflicts []txn.Conflict
	if r.Len() > 0 && !r.Nil() {
		a := r.Array()
		if a.Len() > txn.MaxOperations {
			return malformed("too many conflicts")
		}
		for a.Len() > 0 {
			pair := a.Array()
			conflict := txn.Conflict{Part: int(pair.Int())}
			path, err := txn.ReadPath(&pair)
			if err != nil {
				return malformed(err.Error())
			}
			conflict.Path = path
			conflicts = append(conflicts, conflict)
		}
		if err := a.Err(); err != nil {
			return err
		}
	}
	if r.Err() != nil {
		return r.Err()
	}
	if j := c.logged(log); j != nil {
		c.rejected(j, sequence, why, conflicts)
	}
	return nil
}

// logged returns the journal of a log that is in use.
func (c *Core) logged(name string) *journal {
	for _, j := range c.journals {
		if j.name == name {
			return j
		}
	}
	return nil
}

// counter reads a counter; a negative one comes out above maxCounter.
func counter(r *codec.Reader) uint64 { return uint64(r.Int()) }
