package replica

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Submit takes a transaction of open objects of one log, gives it its sequence and shows its writes.
// It is sent as soon as possible, and an event Settled tells its outcome. After holds sequences of
// State.Pending, and seen is the last sequence there was. The transaction belongs to the Core from now on.
//
// What can no longer commit because of what happened since the state that the transaction was made on is refused
// at once: with conflict, and the path because of which, or with depends. But if it is not the first attempt, and what happened
// is others' doing, it is sent all the same, without being shown: only who is refused by the server gets a turn there, so that a
// function may take its time.
func (c *Core) Submit(t txn.Transaction, seen uint64) (sequence uint64, conflict tree.Path, err *status.Error) {
	return c.submit(&pending{Transaction: t}, seen)
}

func (c *Core) submit(p *pending, seen uint64) (sequence uint64, conflict tree.Path, err *status.Error) {
	if err := c.admit(p); err != nil {
		return 0, nil, err
	}
	layers := make([]*layer, len(p.Parts))
	folds := make([]*tree.Node, len(p.Parts))
	for i := range p.Parts {
		o := c.objects[p.Parts[i].Object]
		layers[i] = &layer{tx: p, part: &p.Parts[i], object: o, shown: true, writes: o.lens.Writes(p.Parts[i].Writes)}
		path, overtaken := layers[i].overtaken(seen)
		if !overtaken {
			folds[i], path = layers[i].fits()
		}
		switch {
		case folds[i] != nil:
		case overtaken || p.Attempt < 2:
			return 0, path, status.New(status.Aborted, reason.Conflict, "what the transaction read has changed")
		default:
			p.hidden = true
			continue
		}
		if most := o.Limits.Object; most > 0 && folds[i].Weight() > max(most, o.fold.Weight()) {
			return 0, nil, status.New(status.ResourceExhausted, reason.TooLarge, "%q would take %d bytes, which is more than %d", o.name, folds[i].Weight(), most)
		}
	}
	c.sequence++
	c.queued++
	p.Sequence = c.sequence
	p.log.queue = append(p.log.queue, p)
	if p.hidden || !p.writes() { // there is nothing to show, nor to take back
		layers = nil
	}
	p.layers = layers
	for i, l := range layers {
		o := l.object
		if len(l.writes) > 0 {
			c.emit(Event{
				Kind: Changed, Object: o.name, Before: o.fold, After: folds[i], Version: o.version,
				Origin: Mine, Paths: writtenPaths([]tree.Path{}, l.writes),
			})
			o.fold = folds[i]
		}
		o.layers = append(o.layers, l)
		if o.visible != nil { // those who hold it see its old length
			o.visible = append(o.visible, l.pending())
		}
	}
	c.done()
	return p.Sequence, nil, nil
}

// fits returns the fold with a new layer on top, or the path because of which the layer does not fit there.
func (l *layer) fits() (*tree.Node, tree.Path) {
	o := l.object
	if ok, path := l.holds(o.root, o.fold); !ok {
		return nil, path
	}
	next, failed, err := txn.Apply(*o.fold, l.writes, predicted)
	if err != nil {
		return nil, l.writes[failed].Target()
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
	p.closes()
	if p.writes() { // else the server does not remember it
		j.committed = append(j.committed, sequence)
		slices.Sort(j.committed)
	}
	j.position = max(j.position, position)
	c.emit(Event{
		Kind: Settled, Sequence: sequence, Log: j.name, Epoch: p.Parts[0].Epoch,
		Position: position, Made: p.results(versions),
	})
	for _, l := range slices.Clone(p.layers) {
		i := slices.IndexFunc(p.Parts, func(part txn.Part) bool { return part.Object == l.object.name })
		// In order, the change came before its answer and took the layer away. What is
		// left waits for an object that is just being opened again; where nothing is shown, only a durable one, whose record must
		// not go before what is stored of the object holds its writes.
		if !l.shown && !p.durable || l.object.version >= versions[i] || l.object.epoch != l.part.Epoch {
			c.take(l)
			continue
		}
		l.reached = versions[i]
	}
	c.finish(p)
	return nil
}

// results is what a commit made, part by part.
func (p *pending) results(versions []uint64) []Made {
	out := make([]Made, len(p.Parts))
	for i := range p.Parts {
		out[i] = Made{Object: p.Parts[i].Object, Version: versions[i], Writes: p.Parts[i].Writes}
		for _, m := range p.made {
			if m.Object == out[i].Object {
				out[i].Before, out[i].After = m.Before, m.After
			}
		}
	}
	return out
}

// rejected takes the answer to a transaction that did not.
func (c *Core) rejected(j *journal, sequence uint64, err *status.Error, conflicts []txn.Conflict) {
	p := j.find(sequence)
	if p == nil || !p.sent || p.answered {
		return
	}
	if p.durable && err.Is(reason.Closed) { // whatever became of it, it is asked for again in the next session
		c.park(p)
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
	p.closes()
	c.emit(Event{
		Kind: Settled, Sequence: p.Sequence, Log: p.log.name, Err: err, Conflicts: paths,
		Sent: p.sent, Restored: p.restored,
	})
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
		case !q.unsent(): // its answer will come
			c.hide(q)
		default:
			c.refuse(q, status.New(status.Aborted, reason.Depends, "what the transaction depends on was refused"), nil)
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
		p.land(c)
		p.log.queue = slices.DeleteFunc(p.log.queue, func(x *pending) bool { return x == p })
	}
}
