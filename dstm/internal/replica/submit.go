package replica

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Reasons of package dstm that the core gives by itself.
const (
	reasonConflict = status.Reason("dstm.conflict")
	reasonDepends  = status.Reason("dstm.depends")
	reasonBusy     = status.Reason("dstm.busy")
	reasonClosed   = status.Reason("dstm.closed")
	reasonTooLarge = status.Reason("dstm.too_large")
	reasonUnknown  = status.Reason("dstm.outcome_unknown")
)

// Submit takes a transaction of open objects of one log, gives it its sequence and shows its writes.
// It is sent as soon as possible, and an event Settled tells its outcome. After holds sequences of
// State.Pending, and seen is the last sequence there was. The transaction belongs to the Core from now on.
//
// What can no longer commit because of what happened since the state that the transaction was made on is refused
// at once: with conflict, and the path because of which, or with depends.
func (c *Core) Submit(t txn.Transaction, seen uint64) (sequence uint64, conflict tree.Path, err *status.Error) {
	p := &pending{Transaction: t}
	if err := c.admit(p); err != nil {
		return 0, nil, err
	}
	layers := make([]*layer, len(t.Parts))
	folds := make([]*tree.Node, len(t.Parts))
	for i := range p.Parts {
		o := c.objects[p.Parts[i].Object]
		layers[i] = &layer{tx: p, part: &p.Parts[i], object: o, shown: true}
		var path tree.Path
		if folds[i], path = layers[i].fits(seen); folds[i] == nil {
			return 0, path, status.New(status.Aborted, reasonConflict, "what the transaction read has changed")
		}
	}
	c.sequence++
	c.queued++
	p.Sequence, p.layers = c.sequence, layers
	p.log.queue = append(p.log.queue, p)
	for i, l := range layers {
		o, paths := l.object, writtenPaths(nil, l.part.Writes)
		c.emit(Event{
			Kind: Changed, Object: o.name, Before: o.fold, After: folds[i], Version: o.version,
			Origin: Mine, Paths: append([]tree.Path{}, paths...),
		})
		o.fold = folds[i]
		o.layers = append(o.layers, l)
		if o.visible != nil { // those who hold it see its old length
			o.visible = append(o.visible, Pending{Sequence: p.Sequence, Paths: paths})
		}
	}
	c.done()
	return p.Sequence, nil, nil
}

// admit checks that a transaction may be taken, and finds its log.
func (c *Core) admit(p *pending) *status.Error {
	switch {
	case len(p.Parts) == 0 || len(p.Parts) > txn.MaxParts:
		return status.New(status.InvalidArgument, "dstm.invalid", "a transaction has 1 to %d parts", txn.MaxParts)
	case len(txn.AppendParts(nil, p.Parts))+len(p.Metadata)+1024 > txn.MaxBytes: // 1024: more than sequences and numbers need
		return status.New(status.ResourceExhausted, reasonTooLarge, "a transaction has at most %d bytes", txn.MaxBytes)
	case c.queued >= c.limit:
		return status.New(status.ResourceExhausted, reasonBusy, "%d transactions are not answered yet", c.queued)
	}
	for i := range p.Parts {
		o := c.objects[p.Parts[i].Object]
		switch {
		case o == nil || o.root == nil:
			return status.New(status.Unavailable, reasonClosed, "the object is not open")
		case o.epoch != p.Parts[i].Epoch:
			return status.New(status.Aborted, reasonConflict, "the object began a new epoch")
		case i > 0 && o.log != p.log:
			return status.New(status.InvalidArgument, "dstm.invalid", "the objects of a transaction share no log")
		}
		p.log = o.log
	}
	for _, a := range p.After {
		before := p.log.find(a)
		if before == nil && !slices.Contains(p.log.committed, a) || before != nil && before.hidden && len(before.layers) > 0 {
			return status.New(status.Aborted, reasonDepends, "what the transaction depends on was refused, taken back, or settled long ago")
		}
	}
	return nil
}

// fits returns the fold with a new layer on top, or the path because of which the layer does not fit there.
func (l *layer) fits(seen uint64) (*tree.Node, tree.Path) {
	o := l.object
	for _, other := range o.layers {
		if !other.shown || other.tx.Sequence <= seen {
			continue // not there, or known to the transaction
		}
		for i := range l.part.Reads {
			path := l.part.Reads[i].Path
			if slices.ContainsFunc(other.part.Writes, func(w txn.Write) bool { return path.Touches(w.Path) }) {
				return nil, path
			}
		}
	}
	if ok, path := l.holds(o.root, o.fold); !ok {
		return nil, path
	}
	next, failed, err := txn.Apply(*o.fold, l.part.Writes, predicted)
	if err != nil {
		return nil, l.part.Writes[failed].Path
	}
	return &next, nil
}

// Withdraw takes a transaction back that was never sent, and reports whether it was such a
// one. No event Settled follows then; otherwise the outcome comes as if nothing had been asked.
func (c *Core) Withdraw(sequence uint64) bool {
	for _, j := range c.journals {
		if p := j.find(sequence); p != nil && !p.sent {
			c.drop(p)
			c.done()
			return true
		}
	}
	return false
}

// committed takes the answer to a transaction that took effect.
func (c *Core) committed(j *journal, sequence, position uint64, versions []uint64) error {
	p := j.find(sequence)
	if p == nil || !p.sent || p.answered {
		return nil
	}
	if len(versions) != len(p.Parts) {
		return malformed("committed has not one version for each part")
	}
	c.answer(p)
	p.answered = true
	j.committed = append(j.committed, sequence)
	slices.Sort(j.committed)
	j.position = max(j.position, position)
	c.emit(Event{
		Kind: Settled, Sequence: sequence, Log: j.name, Epoch: p.Parts[0].Epoch,
		Position: position, Versions: versions,
	})
	for _, l := range slices.Clone(p.layers) {
		i := slices.IndexFunc(p.Parts, func(part txn.Part) bool { return part.Object == l.object.name })
		// In order, the change came before its answer and took the layer away. What is
		// left waits for an object that is just being opened again.
		if !l.shown || l.object.version >= versions[i] || l.object.epoch != l.part.Epoch {
			c.take(l)
			continue
		}
		l.reached = versions[i]
	}
	c.finish(p)
	return nil
}

// rejected takes the answer to a transaction that did not.
func (c *Core) rejected(j *journal, sequence uint64, err *status.Error, conflicts []txn.Conflict) {
	p := j.find(sequence)
	if p == nil || !p.sent || p.answered {
		return
	}
	var paths []tree.Path
	for _, conflict := range conflicts {
		paths = append(paths, conflict.Path)
	}
	c.refuse(p, err, paths)
}

// refuse settles a transaction with an error.
func (c *Core) refuse(p *pending, err *status.Error, paths []tree.Path) {
	c.emit(Event{Kind: Settled, Sequence: p.Sequence, Log: p.log.name, Err: err, Conflicts: paths})
	c.drop(p)
}

// drop forgets a transaction without effect, and what depends on it.
func (c *Core) drop(p *pending) {
	j := p.log
	c.answer(p)
	for _, l := range slices.Clone(p.layers) {
		c.take(l)
	}
	j.queue = slices.DeleteFunc(j.queue, func(x *pending) bool { return x == p })
	for _, q := range slices.Clone(j.queue) {
		switch {
		case !slices.Contains(q.After, p.Sequence) || q.answered || j.find(q.Sequence) != q:
		case q.sent: // its answer will come
			c.hide(q)
		default:
			c.refuse(q, status.New(status.Aborted, reasonDepends, "what the transaction depends on was refused"), nil)
		}
	}
}

// answer takes a transaction off the unanswered.
func (c *Core) answer(p *pending) {
	c.queued--
	if p.flying {
		p.flying = false
		p.log.flying--
	}
}

// finish forgets an answered transaction that no object waits for.
func (c *Core) finish(p *pending) {
	if p.answered && len(p.layers) == 0 {
		p.log.queue = slices.DeleteFunc(p.log.queue, func(x *pending) bool { return x == p })
	}
}
