package replica

import (
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// maxCollected bounds the value that pieces may make, in bytes: far above any object, but not what a faulty server could send.
const maxCollected = 256 << 20

// collected is a state that comes in pieces. The object shows what it showed before until all are there.
type collected struct {
	snapshot
	log     string
	opening bool // it answers an open; else it is a reset
}

func (c *Core) readPiece(log string, r *codec.Reader) error {
	name, last := r.String(), r.Bool()
	operations := 0
	writes, err := txn.ReadWrites(r, &operations)
	if err != nil {
		return malformed(err.Error())
	}
	for i := range writes {
		if op := writes[i].Op; op != txn.OpSet && op != txn.OpInsert {
			return malformed("a piece does more than set and insert")
		}
	}
	return c.piece(log, name, last, writes)
}

// piece adds to a state that is being collected.
func (c *Core) piece(log, name string, last bool, writes []txn.Write) error {
	o := c.objects[name]
	if o == nil || o.partial == nil || !o.at(log) {
		return nil // closed meanwhile, or about an earlier opening
	}
	p := o.partial
	root, _, err := txn.Apply(*p.root, writes, p.version)
	if err != nil {
		return malformed("a piece does not fit what came before it")
	}
	p.root = &root
	c.stir(log)
	switch {
	case root.Size() > c.collect:
		c.requests = append(c.requests, errand{name: name})
		c.dismiss(o, status.New(status.ResourceExhausted, reason.TooLarge, "the object is larger than %d bytes", c.collect))
	case last:
		o.partial = nil
		c.arrive(o, log, &p.snapshot, p.opening)
	}
	return nil
}
