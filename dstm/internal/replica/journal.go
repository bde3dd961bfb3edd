package replica

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// journal is what the client knows of one log: its own transactions there.
type journal struct {
	name     string
	epoch    string
	position uint64     // the highest seen
	queue    []*pending // ascending; those that may have been sent stand before those that were not
	flying   int        // sent in this session, not answered
	ready    bool       // in this session: all objects are open again
	steady   bool       // the objects that are level show the state at one position
	told     uint64     // the highest settled that was sent
	// committed are sequences above told that were answered committed: the server
	// remembers them, so that transactions may still depend on them.
	committed []uint64
	// ending are the durable transactions whose end is told but not yet stored.
	ending []uint64
	// unsent are those of ending that were never sent, though the storage has them as what is to be sent: see [journal.blocked].
	unsent []uint64
}

// pending is an own transaction that is not answered, or whose writes are not
// yet in all roots.
type pending struct {
	txn.Transaction
	log      *journal
	layers   []*layer // one for each part that is not in its object's root
	sent     bool     // it may have been sent, in whatever session
	flying   bool     // it was sent in this session
	hidden   bool     // its prediction was taken back
	answered bool     // with committed
	left     bool     // its epoch was over, as a state of another one said
	made     []Made   // what changes that came before the answer made

	// Of those that outlive the process, see durable.go:
	durable  bool
	restored bool // from a process before
	held     bool // it is not stored yet that it may have been sent
	due      bool // that was asked for
	parked   bool // its answer is to be asked for in the next session
	applied  bool // a root holds it, before its answer came
	landed   bool // told
}

// journal returns the journal of a log, a new one if need be.
func (c *Core) journal(name string) *journal {
	for _, j := range c.journals {
		if j.name == name {
			return j
		}
	}
	j := &journal{name: name, ready: true}
	c.journals = append(c.journals, j)
	return j
}

// clean drops journals that nothing needs any more.
func (c *Core) clean() {
	c.journals = slices.DeleteFunc(c.journals, func(j *journal) bool {
		return len(j.queue) == 0 && len(j.ending) == 0 && !slices.ContainsFunc(c.order, func(o *object) bool { return o.log == j })
	})
}

// checkReady lets the transactions of a log go once its objects are open again.
func (c *Core) checkReady(j *journal) {
	j.ready = c.connected && !slices.ContainsFunc(c.order, func(o *object) bool { return o.log == j && o.returning })
}

// see takes note of the position that a state of an object names.
func (j *journal) see(s *snapshot) {
	if j.epoch != s.epoch || s.ahead {
		// Positions of another history mean nothing: of another epoch, or of an end that the log has lost. What claims to have
		// seen those would be refused for ever.
		j.epoch, j.position = s.epoch, s.position
	}
	j.position = max(j.position, s.position)
}

// recognize looks at the epoch of a state that came. An epoch that is over does not come back, unless the log was put back to an older
// copy: what was sent in it before says nothing about this history, though the numbers of versions and positions may fit, and the
// server cannot tell.
func (c *Core) recognize(j *journal, epoch string) {
	for _, p := range j.queue {
		if slices.ContainsFunc(p.Parts, func(part txn.Part) bool { return part.Epoch != epoch }) {
			p.left = true
		}
	}
	c.doubt(j, func(p *pending) bool {
		return p.sent && p.left && slices.ContainsFunc(p.Parts, func(part txn.Part) bool { return part.Epoch == epoch })
	})
}

// find returns the transaction with this sequence.
func (j *journal) find(sequence uint64) *pending {
	i, ok := slices.BinarySearchFunc(j.queue, sequence, func(p *pending, s uint64) int {
		switch {
		case p.Sequence < s:
			return -1
		case p.Sequence > s:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return j.queue[i]
}

// settled is up to where all answers are seen and no transaction to come depends on a commit.
func (j *journal) settled(last uint64) uint64 {
	s, first := last, true
	for _, e := range j.ending {
		s = min(s, e-1)
	}
	for _, p := range j.queue {
		if p.answered {
			continue
		}
		if first {
			s, first = min(s, p.Sequence-1), false
		}
		if len(p.After) > 0 {
			s = min(s, p.After[0]-1)
		}
	}
	return max(s, j.told)
}

// window reports whether one more transaction may be sent for the first time.
func (j *journal) window(settled uint64) bool {
	remembered := 0
	for _, s := range j.committed {
		if s > settled {
			remembered++
		}
	}
	return j.flying+remembered < MaxUnanswered
}

// refuseUnsent settles transactions that were certainly never sent with an error.
func (c *Core) refuseUnsent(j *journal, which func(*pending) bool, err *status.Error) {
	for _, p := range slices.Clone(j.queue) {
		if p.unsent() && which(p) && j.find(p.Sequence) == p {
			c.refuse(p, err, nil)
		}
	}
}

// doubt settles transactions whose outcome can no longer be asked for.
func (c *Core) doubt(j *journal, which func(*pending) bool) {
	for _, p := range slices.Clone(j.queue) {
		if !p.answered && which(p) && j.find(p.Sequence) == p {
			c.refuse(p, status.New(status.Unavailable, reason.OutcomeUnknown, "the log that could tell is out of reach").MaybeDone(), nil)
		}
	}
}

// unblock refuses transactions that were never sent when they alone keep the server remembering all it can:
// what they depend on is committed, so they succeed when run again.
func (c *Core) unblock(j *journal) {
	if j.flying > 0 || len(j.queue) == 0 || len(j.ending) > 0 || j.window(j.settled(c.sequence)) {
		return
	}
	c.refuseUnsent(j, func(p *pending) bool {
		return slices.ContainsFunc(p.After, func(a uint64) bool { return slices.Contains(j.committed, a) })
	}, status.New(status.Aborted, reason.Depends, "what the transaction depends on is settled"))
}

// unsent reports whether the transaction certainly was never sent. Of one that a process before has stored only the server can say
// that: if the storage failed, that process may have sent what the record says was not, and it may be committed. So its run is sent as it was,
// whatever has happened since, and only what the server refuses is run anew.
func (p *pending) unsent() bool { return !p.sent && !p.restored }

func (p *pending) part(object string) *txn.Part {
	for i := range p.Parts {
		if p.Parts[i].Object == object {
			return &p.Parts[i]
		}
	}
	return nil
}

// writes reports whether the transaction writes anything.
func (p *pending) writes() bool {
	return slices.ContainsFunc(p.Parts, func(part txn.Part) bool { return len(part.Writes) > 0 })
}
