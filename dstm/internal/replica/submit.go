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

// largeCommit is from where a commit is taken to travel in pieces, in bytes; with
// names and numbers it then still is below what a transport would cut.
const largeCommit = 8 << 10

// Submit takes a transaction of open objects of one log, gives it its sequence and shows its writes.
// It is sent as soon as possible, and an event Settled tells its outcome. After holds
// sequences of State.Pending. The transaction belongs to the Core from now on.
func (c *Core) Submit(t txn.Transaction) (sequence uint64, err *status.Error) {
	p := &pending{Transaction: t, size: len(txn.AppendParts(nil, t.Parts))}
	var objects [txn.MaxParts]*object
	switch {
	case len(t.Parts) == 0 || len(t.Parts) > txn.MaxParts:
		return 0, status.New(status.InvalidArgument, "dstm.invalid", "a transaction has 1 to %d parts", txn.MaxParts)
	case p.size+len(t.Metadata)+1024 > txn.MaxBytes: // 1024: more than sequences and numbers need
		return 0, status.New(status.ResourceExhausted, reasonTooLarge, "a transaction has at most %d bytes", txn.MaxBytes)
	case c.queued >= c.limit:
		return 0, status.New(status.ResourceExhausted, reasonBusy, "%d transactions are not answered yet", c.queued)
	}
	for i := range t.Parts {
		o := c.objects[t.Parts[i].Object]
		switch {
		case o == nil || o.root == nil:
			return 0, status.New(status.Unavailable, reasonClosed, "the object is not open")
		case o.epoch != t.Parts[i].Epoch:
			return 0, status.New(status.Aborted, reasonConflict, "the object began a new epoch")
		case i > 0 && o.log != p.log:
			return 0, status.New(status.InvalidArgument, "dstm.invalid", "the objects of a transaction share no log")
		}
		p.log, objects[i] = o.log, o
	}
	for _, a := range t.After {
		before := p.log.find(a)
		if before == nil && !slices.Contains(p.log.committed, a) {
			return 0, status.New(status.Aborted, reasonDepends, "what the transaction depends on was refused or is long settled")
		}
		p.hidden = p.hidden || before != nil && before.hidden && len(before.layers) > 0
	}
	c.sequence++
	p.Sequence = c.sequence
	p.log.queue = append(p.log.queue, p)
	c.queued++
	for i := range p.Parts {
		c.predict(objects[i], p, &p.Parts[i])
	}
	c.done()
	return p.Sequence, nil
}

// predict adds a layer to an object and shows it, if it holds.
func (c *Core) predict(o *object, p *pending, part *txn.Part) {
	l := &layer{tx: p, part: part, object: o}
	o.layers = append(o.layers, l)
	p.layers = append(p.layers, l)
	if p.hidden {
		return
	}
	next, _, err := txn.Apply(*o.fold, part.Writes, predicted)
	if err != nil || !l.holds(o.root, o.fold) {
		c.hide(p)
		return
	}
	l.shown = true
	c.emit(Event{
		Kind: Changed, Object: o.name, Before: o.fold, After: &next, Version: o.version,
		Origin: Mine, Paths: writtenPaths(nil, part.Writes),
	})
	o.fold = &next
	if o.visible != nil { // those who hold it see its old length
		o.visible = append(o.visible, Pending{Sequence: p.Sequence, Paths: writtenPaths(nil, part.Writes)})
	}
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
