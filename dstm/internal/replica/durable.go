package replica

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// A durable transaction outlives the process: its user stores it. The Core says when that must have happened, and waits: before
// the first copy goes out ([Core.Due], [Core.Allow]), and before the server may forget the outcome ([Core.Release]). See
// docs/decisions/0016-offline.md.

// SubmitDurable is [Core.Submit] of a durable transaction. It stays held until Allow.
func (c *Core) SubmitDurable(t txn.Transaction, seen uint64) (sequence uint64, conflict tree.Path, err *status.Error) {
	return c.submit(&pending{Transaction: t, durable: true, held: true}, seen)
}

// Restore takes a durable transaction that a process before has stored, under its sequence: sent says that it may have been sent,
// hidden that its prediction was taken back. It comes before anything else is done with the Core; [Core.Restored] follows the last one.
func (c *Core) Restore(log string, t txn.Transaction, sent, hidden bool) {
	j := c.journal(log)
	if j.find(t.Sequence) != nil {
		return
	}
	p := &pending{Transaction: t, log: j, durable: true, restored: true, sent: sent, held: !sent, hidden: hidden}
	i, _ := slices.BinarySearchFunc(j.queue, t.Sequence, func(q *pending, s uint64) int {
		if q.Sequence < s {
			return -1
		}
		return 1
	})
	j.queue = slices.Insert(j.queue, i, p)
	j.ready = false
	c.queued++
	c.sequence = max(c.sequence, t.Sequence)
}

// Restored follows the last [Core.Restore]; client is who the transactions were sent as. What depends on a transaction that is no longer
// known is not shown: the server decides about it (see [pending.unsent]).
func (c *Core) Restored(client [16]byte) {
	c.client, c.known = client, true
	for _, j := range c.journals {
		for _, p := range j.queue {
			if slices.ContainsFunc(p.After, func(a uint64) bool { return j.find(a) == nil }) {
				c.hide(p)
			}
		}
	}
	c.done()
}

// SetCeiling says that sequences below ceiling may be sent.
func (c *Core) SetCeiling(ceiling uint64) { c.ceiling = ceiling }

// Last is the last sequence that was given.
func (c *Core) Last() uint64 { return c.sequence }

// Due returns the held transactions that could be sent now, each once in its life: when it is stored that they may have been sent, [Core.Allow] lets
// them go.
func (c *Core) Due() (sequences []uint64) {
	if !c.connected {
		return nil
	}
	for _, j := range c.journals {
		if !j.ready {
			continue
		}
		settled := j.settled(c.sequence)
		free := MaxUnanswered - j.flying
		for _, s := range j.committed {
			if s > settled {
				free--
			}
		}
		for _, p := range j.queue {
			if p.flying || p.answered {
				continue
			}
			if p.parked || free <= 0 {
				break
			}
			free--
			if p.held && !p.due {
				p.due = true
				sequences = append(sequences, p.Sequence)
			}
		}
	}
	return sequences
}

// Allow lets a held transaction be sent: that it may have been is stored.
func (c *Core) Allow(sequence uint64) {
	for _, j := range c.journals {
		if p := j.find(sequence); p != nil {
			p.held = false
		}
	}
}

// Release says that the end of a durable transaction is stored, so that the server may forget it.
func (c *Core) Release(sequence uint64) {
	for _, j := range c.journals {
		is := func(s uint64) bool { return s == sequence }
		j.ending, j.unsent = slices.DeleteFunc(j.ending, is), slices.DeleteFunc(j.unsent, is)
	}
	c.done()
}

// Hidden reports whether the prediction of a transaction is not to be shown above what is held of its objects: it was taken back, or
// they hold its writes already.
func (c *Core) Hidden(sequence uint64) bool {
	for _, j := range c.journals {
		if p := j.find(sequence); p != nil {
			return p.hidden || p.applied
		}
	}
	return false
}

// closes notes that a durable transaction has come to its end.
func (p *pending) closes() {
	if !p.durable {
		return
	}
	p.log.ending = append(p.log.ending, p.Sequence)
	if !p.sent {
		p.log.unsent = append(p.log.unsent, p.Sequence)
	}
}

// blocked reports whether a first sending has to wait: what would have gone before it was refused here, but the storage does not have that yet. A
// process that begins now would send that one, behind this one.
func (j *journal) blocked(p *pending) bool {
	return !p.sent && slices.ContainsFunc(j.unsent, func(s uint64) bool { return s < p.Sequence })
}

// park takes a transaction back from the session: its answer is to be asked for in the next one.
func (c *Core) park(p *pending) {
	if p.flying {
		p.flying = false
		p.log.flying--
	}
	p.parked = true
}

// land tells that a committed durable transaction is in all that is open.
func (p *pending) land(c *Core) {
	if p.durable && !p.landed {
		p.landed = true
		c.emit(Event{Kind: Landed, Sequence: p.Sequence, Log: p.log.name})
	}
}
