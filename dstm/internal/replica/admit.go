package replica

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// admit checks that a transaction may be taken, and finds its log.
func (c *Core) admit(p *pending) *status.Error {
	switch {
	case len(p.Parts) == 0 || len(p.Parts) > txn.MaxParts:
		return status.New(status.InvalidArgument, "dstm.invalid", "a transaction has 1 to %d parts", txn.MaxParts)
	case c.queued >= c.limit:
		return status.New(status.ResourceExhausted, reason.Busy, "%d transactions are not answered yet", c.queued)
	}
	for i := range p.Parts {
		o := c.objects[p.Parts[i].Object]
		switch {
		case o == nil || o.root == nil:
			return status.New(status.Unavailable, reason.Closed, "the object is not open")
		case o.epoch != p.Parts[i].Epoch:
			return status.New(status.Aborted, reason.Conflict, "the object began a new epoch")
		case i > 0 && o.log != p.log:
			return status.New(status.InvalidArgument, "dstm.invalid", "the objects of a transaction share no log")
		}
		p.log = o.log
	}
	if err := c.fitsFrame(p); err != nil {
		return err
	}
	for _, a := range p.After {
		before := p.log.find(a)
		if before == nil && !slices.Contains(p.log.committed, a) || before != nil && before.hidden && len(before.layers) > 0 {
			return status.New(status.Aborted, reason.Depends, "what the transaction depends on was refused, taken back, or settled long ago")
		}
	}
	return nil
}

// fitsFrame checks that the server would take a transaction of this size.
func (c *Core) fitsFrame(p *pending) *status.Error {
	most := Limits{Transaction: txn.MaxBytes, Operations: txn.MaxOperations}
	operations := 0
	for i := range p.Parts {
		operations += len(p.Parts[i].Reads) + len(p.Parts[i].Writes)
		l := &c.objects[p.Parts[i].Object].Limits
		if l.Transaction > 0 {
			most.Transaction = min(most.Transaction, l.Transaction)
		}
		if l.Operations > 0 {
			most.Operations = min(most.Operations, l.Operations)
		}
	}
	parts := len(txn.AppendParts(nil, p.Parts))
	switch {
	case operations > most.Operations:
		return status.New(status.ResourceExhausted, reason.TooLarge, "a transaction has at most %d reads and writes, not %d", most.Operations, operations)
	case parts > most.Transaction, parts+len(p.Metadata)+1024 > txn.MaxBytes: // 1024: more than sequences and numbers need
		return status.New(status.ResourceExhausted, reason.TooLarge, "a transaction has at most %d bytes", most.Transaction)
	}
	return nil
}

// overtaken reports whether an own transaction that the layer's one does not know has written what that one read, and where.
func (l *layer) overtaken(seen uint64) (tree.Path, bool) {
	for _, other := range l.object.layers {
		if !other.shown || other.tx.Sequence <= seen {
			continue // not there, or known to the transaction
		}
		for i := range l.part.Reads {
			path := l.part.Reads[i].Path
			if l.part.Reads[i].Kind == txn.ReadGuard {
				continue // judged on the fold, whoever made it
			}
			if slices.ContainsFunc(other.writes, func(w txn.Write) bool { return path.Touches(w.Target()) }) {
				return path, true
			}
		}
	}
	return nil, false
}
